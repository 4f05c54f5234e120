package seller

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/upfront-media/upfront/adcp"
)

// standardFormats are the sizes and lengths that the whole field trades in, in
// the same form as a catalogue's own formats.
//
//go:embed formats_standard.yaml
var standardFormats []byte

// readFormats reads the standard formats that a catalogue asks for by id, and
// then the ones it defines itself.
func readFormats(top yamlObject) []*Format {
	var out []*Format
	if wanted := top.field("standard_formats"); wanted.present() {
		known := loadStandardFormats(wanted)
		for _, id := range wanted.each(yamlNode.identifier) {
			i := slices.IndexFunc(known, func(f *Format) bool { return f.ID == id })
			if i < 0 {
				ids := make([]string, len(known))
				for i, f := range known {
					ids[i] = f.ID
				}
				wanted.fail(fmt.Sprintf("%q is not a standard format", id), "use "+strings.Join(ids, ", ")+", or define it under formats")
				continue
			}
			out = append(out, known[i])
		}
	}
	for _, item := range top.field("formats").list() {
		f := readFormat(item)
		if slices.ContainsFunc(out, func(other *Format) bool { return other.ID == f.ID }) && f.ID != "" {
			item.fail(fmt.Sprintf("the id %q is taken by another format", f.ID), "give every format an id of its own")
		}
		out = append(out, f)
	}
	return out
}

// loadStandardFormats reads the embedded list. A mistake in it is reported where
// the catalogue asks for it; the package's tests keep it from happening.
func loadStandardFormats(asked yamlNode) []*Format {
	root, err := parseYAML(bytes.NewReader(standardFormats))
	if err != nil {
		asked.fail(err.Error(), "")
		return nil
	}
	var out []*Format
	for _, item := range (yamlNode{r: asked.r}).at("standard formats", root).list() {
		f := readFormat(item)
		f.Standard = true
		out = append(out, f)
	}
	return out
}

func readFormat(n yamlNode) *Format {
	o := n.object("id", "name", "description", "renders", "assets", "metrics")
	f := &Format{
		ID:          o.field("id").need("give the format an id").identifier(),
		Name:        o.field("name").need("name the format").text(200),
		Description: o.field("description").text(2000),
		Metrics:     o.field("metrics").each(metric),
	}
	for _, item := range o.field("renders").list() {
		f.Renders = append(f.Renders, readRender(item))
	}
	for _, item := range o.field("assets").need("list what a creative brings").list() {
		a := readFormatAsset(item)
		if slices.ContainsFunc(f.Assets, func(other FormatAsset) bool { return other.ID == a.ID }) && a.ID != "" {
			item.fail(fmt.Sprintf("the id %q is taken by an earlier asset", a.ID), "give every asset of a format an id of its own")
		}
		f.Assets = append(f.Assets, a)
	}
	return f
}

func readRender(n yamlNode) Render {
	o := n.object("role", "width", "height", "min_width", "max_width", "min_height", "max_height", "responsive", "aspect_ratio", "unit")
	r := Render{
		Role:  o.field("role").word(),
		Width: o.field("width").positive(), Height: o.field("height").positive(),
		MinWidth: o.field("min_width").positive(), MaxWidth: o.field("max_width").positive(),
		MinHeight: o.field("min_height").positive(), MaxHeight: o.field("max_height").positive(),
		AspectRatio: o.field("aspect_ratio").word(),
		Unit:        o.field("unit").oneOf(dimensionUnits),
	}
	if r.Role == "" {
		r.Role = "primary"
	}
	if r.Unit == "" {
		r.Unit = dimensionUnits[0]
	}
	for _, side := range o.field("responsive").each(func(n yamlNode) string { return n.oneOf([]string{"width", "height"}) }) {
		r.ResponsiveWidth = r.ResponsiveWidth || side == "width"
		r.ResponsiveHeight = r.ResponsiveHeight || side == "height"
	}
	if r.AspectRatio == "" && (r.Width == 0 || r.Height == 0) && !r.ResponsiveWidth && !r.ResponsiveHeight {
		n.fail("does not say its size", "write width and height, an aspect_ratio such as \"16:9\", or responsive: [width]")
	}
	return r
}

func readFormatAsset(n yamlNode) FormatAsset {
	o := n.object("id", "type", "role", "required", "requirements")
	a := FormatAsset{
		ID:       o.field("id").need("give the asset an id").identifier(),
		Type:     o.field("type").need("write its type, such as video").oneOf(assetTypes),
		Role:     o.field("role").word(),
		Required: o.field("required").flag(),
	}
	if r := o.field("requirements"); r.present() {
		a.Requirements = r.requirements()
	}
	return a
}

// requirements reads a mapping in the protocol's words.
func (n yamlNode) requirements() *adcp.FormatAssetRequirements {
	if n.node.Kind != yaml.MappingNode {
		n.fail("is not a mapping", "write its fields one a line as `field: value`")
		return nil
	}
	flat := map[string]any{}
	for i := 0; i+1 < len(n.node.Content); i += 2 {
		name := n.node.Content[i].Value
		flat[name] = n.at(n.join(name), n.node.Content[i+1]).requirement(1)
	}
	document, err := json.Marshal(flat)
	if err != nil {
		n.fail(err.Error(), "")
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	r := new(adcp.FormatAssetRequirements)
	if err := decoder.Decode(r); err != nil {
		n.fail(strings.TrimPrefix(err.Error(), "json: "), "use the fields of the protocol's asset requirements")
	}
	return r
}

// requirement reads text, a whole number, true, false or a list of these.
// Nothing in the protocol nests deeper; the depth also ends aliases that hold themselves.
func (n yamlNode) requirement(depth int) any {
	switch {
	case depth > 2:
		n.fail("is nested too deep", "write a value or a flat list")
		return nil
	case !n.present():
		n.fail("is empty", "write a value or leave it out")
		return nil
	case n.node.Kind == yaml.SequenceNode:
		list := []any{}
		for _, item := range n.list() {
			list = append(list, item.requirement(depth+1))
		}
		return list
	case n.node.Kind == yaml.ScalarNode && n.node.ShortTag() == "!!bool":
		return n.flag()
	case n.node.Kind == yaml.ScalarNode && n.node.ShortTag() == "!!int":
		return n.count()
	}
	return n.word()
}
