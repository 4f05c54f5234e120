package brief

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// origin reads what [Brief.MarshalJSON] writes besides the fields of a brief:
// the form it was first written in, and the words each field came from. Both
// are kept, so a brief that was printed and read again is the same brief.
func (r *typedReader) origin(n *node) {
	if v := n.get("format"); v != nil {
		switch f := Format(v.text); f {
		case FormatText, FormatYAML, FormatJSON:
			r.b.Format = f
		default:
			r.fail("format", fmt.Sprintf("%q is unknown", shorten(v.text)), "leave it out")
		}
	}
	v := n.get("sources")
	if v == nil {
		return
	}
	if v.kind != kindMap {
		r.fail("sources", "is "+v.kind.String(), "leave it out")
		return
	}
	r.b.Sources = map[string]Quote{}
	for _, e := range v.keys {
		path := join("sources", shorten(e.key))
		if !isField(e.key) {
			r.fail(path, "is not a field of the brief", "leave it out")
			continue
		}
		if e.value.kind != kindMap {
			r.fail(path, "is "+e.value.kind.String(), "leave it out")
			continue
		}
		r.known(e.value, path, []string{"words", "start", "end", "path"})
		q, ok := r.quote(e.value)
		if !ok {
			r.fail(path, "does not quote the notes", "leave it out")
			continue
		}
		r.b.Sources[e.key] = q
	}
}

// quote reads one source and holds it to its promise: offsets are into notes.
func (r *typedReader) quote(n *node) (Quote, bool) {
	var q Quote
	for _, e := range n.keys {
		switch e.key {
		case "words":
			q.Words = e.value.text
		case "path":
			q.Path = e.value.text
		case "start", "end":
			at, err := strconv.Atoi(e.value.text)
			if err != nil || at < 0 {
				return q, false
			}
			if e.key == "start" {
				q.Start = at
			} else {
				q.End = at
			}
		}
	}
	if q.Start == 0 && q.End == 0 {
		return q, true
	}
	inside := q.Start < q.End && q.End <= len(r.b.Notes)
	return q, inside && r.b.Notes[q.Start:q.End] == q.Words
}

// isField reports whether name is a field of the brief or of its audience, or
// one value of such a field ("channels.ctv", "target_audience.geo.US").
func isField(name string) bool {
	parts := strings.Split(name, ".")
	if parts[0] != "target_audience" {
		return slices.Contains(briefFields, parts[0]) && len(parts) <= 2
	}
	return len(parts) == 1 || len(parts) <= 3 && slices.Contains(audienceFields, parts[1])
}
