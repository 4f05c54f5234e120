package a2a

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"unicode/utf8"
)

// gathered are the artifacts that a stream has brought so far, in their order.
type gathered struct {
	artifacts []artifact
}

// artifact is an artifact with its parts as they came.
type artifact struct {
	ID    string            `json:"artifactId"`
	Parts []json.RawMessage `json:"parts"`
}

// update is an event of a stream, out of its envelope.
type update struct {
	ID        string          `json:"id"`
	TaskID    string          `json:"taskId"`
	ContextID string          `json:"contextId"`
	Status    json.RawMessage `json:"status"`
	Artifacts []artifact      `json:"artifacts"`
	Artifact  *artifact       `json:"artifact"`
	Append    bool            `json:"append"`
}

// take adds what one event brings. It gives the whole task once the event says
// that it has ended.
func (g *gathered) take(result json.RawMessage) (json.RawMessage, bool) {
	t, ok := readTask(result)
	if !ok {
		return nil, false
	}
	var u update
	if fields, ok := object(result); ok && len(fields) == 1 {
		for _, inner := range fields {
			result = inner
		}
	}
	if json.Unmarshal(result, &u) != nil {
		return nil, false
	}
	if u.Artifacts != nil {
		g.artifacts = u.Artifacts
	}
	if u.Artifact != nil {
		g.add(*u.Artifact, u.Append)
	}
	if !final(statusOf(t.Status.State)) {
		return nil, false
	}
	if u.ID == "" {
		u.ID = u.TaskID
	}
	whole := struct {
		ID        string          `json:"id"`
		ContextID string          `json:"contextId"`
		Status    json.RawMessage `json:"status"`
		Artifacts []artifact      `json:"artifacts,omitempty"`
	}{u.ID, u.ContextID, u.Status, g.artifacts}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(whole) != nil {
		return nil, false
	}
	return bytes.TrimRight(b.Bytes(), "\n"), true
}

// add takes an artifact in: anew, in place of what came under its identifier,
// or behind it.
func (g *gathered) add(a artifact, behind bool) {
	for i, known := range g.artifacts {
		if known.ID != a.ID {
			continue
		}
		if behind {
			a.Parts = append(known.Parts, a.Parts...)
		}
		g.artifacts[i] = a
		return
	}
	g.artifacts = append(g.artifacts, a)
}

// readEvents takes server-sent events, from a server that streams unasked,
// until the task has ended, and gives it as one JSON-RPC response.
func readEvents(r *io.LimitedReader, id json.RawMessage) ([]byte, error) {
	lines := bufio.NewReader(r)
	var g gathered
	var data []byte
	for {
		line, err := lines.ReadBytes('\n')
		if r.N <= 0 {
			return nil, errTooLarge
		}
		line = bytes.TrimRight(line, "\r\n")
		if rest, found := bytes.CutPrefix(line, []byte("data:")); found {
			if data != nil {
				data = append(data, '\n')
			}
			data = append(data, bytes.TrimPrefix(rest, []byte(" "))...)
		}
		if (len(line) == 0 || err != nil) && data != nil {
			if !utf8.Valid(data) {
				return nil, malformed("the answer is not valid UTF-8")
			}
			if m, ok := parseResponse(data); ok && m.answers(id) {
				if m.Error != nil {
					return data, nil
				}
				if whole, ended := g.take(m.Result); ended {
					return append(append([]byte(`{"jsonrpc":"2.0","result":`), whole...), '}'), nil
				}
			}
			data = nil
		}
		switch {
		case err == io.EOF:
			return nil, malformed("the stream ended without an answer")
		case err != nil:
			return nil, err
		}
	}
}
