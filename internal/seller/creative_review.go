package seller

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/seller/creative"
)

// verdict is what the rules find of a creative before anybody looks at it.
type verdict struct {
	// refused keeps the creative out of the library.
	refused []*adcp.Error
	// broken are the assets that do not fit the format.
	broken   []*adcp.Error
	warnings []string
}

// all is everything that is wrong, as an item's list of errors.
func (v *verdict) all() []adcp.Error {
	var list []adcp.Error
	for _, e := range slices.Concat(v.refused, v.broken) {
		list = append(list, *e)
	}
	return list
}

// examine holds a creative that is found at the path at against its format: one of
// the seller's own, one of another agent's that is known here, or an option that a
// product declares by canonical kind. Where product is given, the option is one of
// its own.
func (s *Service) examine(at, principal string, a *adcp.CreativeAsset, product *Product) *verdict {
	v, c := new(verdict), new(checks)
	c.unsupported(at+".inputs", "generative formats", "Leave inputs out.", len(a.Inputs) > 0)
	v.refused = c.found
	if a.FormatKind != nil && a.FormatID == nil {
		v.canonical(at, s.optionsFor(principal, a, product), a)
		return v
	}
	ref := adcp.Val(a.FormatID)
	format, known := s.formatOf(principal, ref)
	switch {
	case known:
	case s.shelf().runsForeign(ref):
		return v // what it demands is known to its own agent
	default:
		v.refused = append(v.refused, refusal(adcp.CodeUnsupportedFeature, at+".format_id", "This seller does not accept that format.").
			WithSuggestion("Use a format_id of list_creative_formats, without parameters."))
		return v
	}
	v.broken, v.warnings = creative.Check(at+".assets", format.rules(), a.Assets)
	return v
}

// canonical holds the creative against the first option that it fits, or else
// against the first.
func (v *verdict) canonical(at string, options []adcp.ProductFormatDeclaration, a *adcp.CreativeAsset) {
	if len(options) == 0 {
		v.refused = append(v.refused, refusal(adcp.CodeUnsupportedFeature, at+".format_kind", "No product here runs that format.").
			WithSuggestion("Use a format_kind, and where there are several its format_option_ref, of the format_options of a product."))
		return
	}
	for i := range options {
		broken, warnings := creative.Check(at+".assets", optionRules(&options[i]), a.Assets)
		if i == 0 || len(broken) == 0 {
			v.broken, v.warnings = broken, warnings
		}
		if len(broken) == 0 {
			return
		}
	}
}

// formatOf finds the format of a reference: the seller's own, or another agent's
// that the principal is shown. A reference may repeat a concrete format's own size.
func (s *Service) formatOf(principal string, ref adcp.FormatReference) (*Format, bool) {
	for _, f := range s.shelf().Formats {
		if f.ID == ref.ID && f.shownTo(principal) && sameURL(cmp.Or(f.AgentURL, s.agentURL), ref.AgentURL) && f.hasParameters(ref) {
			return f, true
		}
	}
	return nil, false
}

// hasParameters tells whether the reference's parameters, where it has some, are
// what the format is anyway.
func (f *Format) hasParameters(ref adcp.FormatReference) bool {
	if ref.DurationMs != nil && !slices.ContainsFunc(f.Assets, func(a FormatAsset) bool {
		r := a.Requirements
		return r != nil && r.MaxDurationMs != nil && ref.DurationMs.Cmp(adcp.DecimalFromInt(*r.MaxDurationMs)) <= 0 &&
			(r.MinDurationMs == nil || ref.DurationMs.Cmp(adcp.DecimalFromInt(*r.MinDurationMs)) >= 0)
	}) {
		return false
	}
	if ref.Width == nil && ref.Height == nil {
		return true
	}
	return slices.ContainsFunc(f.Renders, func(r Render) bool {
		return (ref.Width == nil || *ref.Width == r.Width) && (ref.Height == nil || *ref.Height == r.Height)
	})
}

// rules are the format as creatives are held against it.
func (f *Format) rules() creative.Format {
	rules := creative.Format{Name: f.ID}
	for _, a := range f.Assets {
		rules.Slots = append(rules.Slots, creative.Slot{ID: a.ID, Type: a.Type, Required: a.Required, Requirements: a.Requirements})
	}
	return rules
}

// optionsFor are the options that a creative of a canonical kind may be made for:
// those of the product, or of all that the principal may buy.
func (s *Service) optionsFor(principal string, a *adcp.CreativeAsset, product *Product) []adcp.ProductFormatDeclaration {
	products := []*Product{product}
	if product == nil {
		products = s.shelf().offer(principal)
	}
	var list []adcp.ProductFormatDeclaration
	for _, p := range products {
		for i := range p.Options {
			if o := &p.Options[i]; o.FormatKind == adcp.Val(a.FormatKind) && (a.FormatOptionRef == nil || p.declares(o, *a.FormatOptionRef)) {
				list = append(list, *o)
			}
		}
	}
	return list
}

// declares tells whether the reference names that option of the product.
func (p *Product) declares(o *adcp.ProductFormatDeclaration, ref adcp.FormatOptionReference) bool {
	if adcp.Val(o.FormatOptionID) != ref.FormatOptionID {
		return false
	}
	return ref.Scope != adcp.FormatOptionReferenceScopePublisher || adcp.Val(o.PublisherDomain) == adcp.Val(ref.PublisherDomain)
}

// optionParams are the parameters of canonical formats that creatives are held
// against (formats/canonical).
type optionParams struct {
	Width         *adcp.Decimal                        `json:"width"`
	Height        *adcp.Decimal                        `json:"height"`
	MaxFileSizeKb *int64                               `json:"max_file_size_kb"`
	ImageFormats  []adcp.FormatAssetRequirementsFormat `json:"image_formats"`
	DurationMs    *int64                               `json:"duration_ms_exact"`
	DurationRange []int64                              `json:"duration_ms_range"`
	Slots         []struct {
		ID        string `json:"asset_group_id"`
		AssetType string `json:"asset_type"`
		Required  bool   `json:"required"`
		MaxLength *int64 `json:"max_chars"`
	} `json:"slots"`
}

// optionRules are a declared option as creatives are held against it.
func optionRules(o *adcp.ProductFormatDeclaration) creative.Format {
	var params optionParams
	// The product was checked against its schema when it came on the shelf.
	_ = json.Unmarshal(o.Params, &params)
	rules := creative.Format{Name: cmp.Or(adcp.Val(o.FormatOptionID), string(o.FormatKind))}
	for _, slot := range params.Slots {
		r := &adcp.FormatAssetRequirements{MaxFileSizeKb: params.MaxFileSizeKb}
		switch slot.AssetType {
		case "image":
			r.MinWidth, r.MaxWidth, r.MinHeight, r.MaxHeight, r.Formats = params.Width, params.Width, params.Height, params.Height, params.ImageFormats
		case "video", "audio", "vast":
			if r.MinDurationMs, r.MaxDurationMs = params.DurationMs, params.DurationMs; len(params.DurationRange) == 2 {
				r.MinDurationMs, r.MaxDurationMs = &params.DurationRange[0], &params.DurationRange[1]
			}
		case "text":
			r.MaxLength = slot.MaxLength
		case "url":
			if slot.ID == "landing_page_url" {
				r.Role = new(adcp.URLAssetRequirementsRoleClickthrough)
			}
		}
		rules.Slots = append(rules.Slots, creative.Slot{ID: slot.ID, Type: slot.AssetType, Required: slot.Required, Requirements: r})
	}
	return rules
}

// FormatName is what people call the creative's format.
func (c *Creative) FormatName() string {
	return cmp.Or(c.format().ID, string(adcp.Val(c.Asset.FormatKind)))
}

// accepts reports whether the package runs a creative's format: one that the buyer
// chose, or any of the product's where none was chosen.
func (p *Package) accepts(product *Product, a *adcp.CreativeAsset) bool {
	var options []adcp.ProductFormatDeclaration
	if product != nil {
		options = product.chosenOptions(p)
	}
	if a.FormatID == nil {
		return slices.ContainsFunc(options, func(o adcp.ProductFormatDeclaration) bool {
			return o.FormatKind == adcp.Val(a.FormatKind) && (a.FormatOptionRef == nil || product.declares(&o, *a.FormatOptionRef))
		})
	}
	same := func(f adcp.FormatReference) bool { return f.ID == a.FormatID.ID }
	if slices.ContainsFunc(options, func(o adcp.ProductFormatDeclaration) bool { return slices.ContainsFunc(o.V1FormatRef, same) }) {
		return true
	}
	if len(p.FormatOptions) > 0 {
		return false
	}
	if len(p.FormatIDs) > 0 {
		return slices.ContainsFunc(p.FormatIDs, same)
	}
	return product == nil || product.AcceptsFormat(a.FormatID.ID) || product.acceptsForeign(*a.FormatID)
}

// satisfiedBy tells whether one of the product's options is of the kind and of no
// narrower size or length than the parameters say.
func (p *Product) satisfiedBy(kind adcp.CanonicalFormatKind, params json.RawMessage) bool {
	var given map[string]json.RawMessage
	if len(params) > 0 && json.Unmarshal(params, &given) != nil {
		return false
	}
	return slices.ContainsFunc(p.Options, func(o adcp.ProductFormatDeclaration) bool {
		var declared map[string]json.RawMessage
		if o.FormatKind != kind || json.Unmarshal(o.Params, &declared) != nil {
			return false
		}
		for _, fixed := range []string{"width", "height", "duration_ms_exact", "sizes", "duration_ms_range"} {
			if want, ok := declared[fixed]; ok && !sameJSON(want, given[fixed]) {
				return false
			}
		}
		return true
	})
}

// sameJSON tells whether two values are one, however they are spaced.
func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// chosenOptions are the product's options that the package runs.
func (p *Product) chosenOptions(pkg *Package) []adcp.ProductFormatDeclaration {
	var list []adcp.ProductFormatDeclaration
	for i := range p.Options {
		o := &p.Options[i]
		switch {
		case len(pkg.FormatOptions) > 0 && !slices.ContainsFunc(pkg.FormatOptions, func(ref adcp.FormatOptionReference) bool { return p.declares(o, ref) }):
		case pkg.FormatKind != "" && o.FormatKind != pkg.FormatKind:
		default:
			list = append(list, *o)
		}
	}
	return list
}

// divergent tells of products whose two ways of declaring a format do not agree: an
// option that stands for a format which the product does not list. They are shown
// nevertheless.
func (q *query) divergent(page []offer) []adcp.Error {
	var list []adcp.Error
	for i, o := range page {
		for j := range o.product.Options {
			for _, v1 := range o.product.Options[j].V1FormatRef {
				own := sameURL(v1.AgentURL, q.view.agentURL) && o.product.AcceptsFormat(v1.ID)
				if own || o.product.acceptsForeign(v1) || len(o.product.FormatIDs)+len(o.product.Foreign) == 0 {
					continue
				}
				e := refusal(adcp.CodeFormatDeclarationDivergent, fmt.Sprintf("products[%d].format_options[%d].v1_format_ref", i, j),
					"Product %s declares the option as %s, which is not among its format_ids.", o.product.ID, v1.ID).
					WithSuggestion("Choose the format by its option, or by a format_id that the product lists.")
				e.Source = new(adcp.ErrorSourceProducer)
				list = append(list, *e)
			}
		}
	}
	return list
}
