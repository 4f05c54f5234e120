package seller

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// listCreativeFormats answers list_creative_formats. Anybody may ask.
func (s *Service) listCreativeFormats(_ context.Context, call *agent.Call, req *adcp.ListCreativeFormatsRequest) (*adcp.ListCreativeFormatsResponse, error) {
	filtered := *req
	filtered.Pagination, filtered.Context, filtered.Ext, filtered.AdcpVersion, filtered.AdcpMajorVersion = nil, nil, nil, nil, nil
	shelf := s.shelf()
	name, err := digest("list_creative_formats", shelf.version, call.Principal, filtered)
	if err != nil {
		return nil, err
	}
	w, refusal := startWalk(req.Pagination, name, call.Now)
	if refusal != nil {
		return nil, refusal
	}
	all := []adcp.Format{}
	for i, f := range shelf.Formats {
		if f.shownTo(call.Principal) && s.wantsFormat(req, shelf, f) {
			all = append(all, shelf.formats[i])
		}
	}
	resp := &adcp.ListCreativeFormatsResponse{Status: adcp.TaskStatusCompleted}
	resp.Formats, resp.Pagination = pageOf(w, all)
	if req.PublisherDomain != nil {
		resp.Source = new(adcp.ListCreativeFormatsResponseSourceAgentDerived)
	}
	return resp, nil
}

// wantsFormat reports whether a format passes all of a request's filters.
// Formats of ours carry no accessibility or disclosure claims and turn nothing
// into anything else, so filters on these leave none.
func (s *Service) wantsFormat(req *adcp.ListCreativeFormatsRequest, shelf *shelf, f *Format) bool {
	switch {
	case req.WcagLevel != nil, len(req.DisclosurePositions) > 0, len(req.DisclosurePersistence) > 0,
		len(req.InputFormatIDs) > 0, len(req.OutputFormatIDs) > 0:
		return false
	case len(req.FormatIDs) > 0 && !slices.ContainsFunc(req.FormatIDs, func(ref adcp.FormatReference) bool {
		return ref.ID == f.ID && sameURL(ref.AgentURL, cmp.Or(f.AgentURL, s.agentURL))
	}):
		return false
	case len(req.AssetTypes) > 0 && !slices.ContainsFunc(f.Assets, func(a FormatAsset) bool {
		return slices.Contains(req.AssetTypes, adcp.AssetContentType(a.Type))
	}):
		return false
	case !strings.Contains(strings.ToLower(f.Name), strings.ToLower(adcp.Val(req.NameSearch))):
		return false
	case (req.PublisherDomain != nil || req.PropertyID != nil) && !slices.ContainsFunc(shelf.Products, func(p *Product) bool {
		return (p.AcceptsFormat(f.ID) || p.acceptsForeign(adcp.FormatReference{AgentURL: f.AgentURL, ID: f.ID})) && p.runsOn(adcp.Val(req.PublisherDomain), adcp.Val(req.PropertyID))
	}):
		return false
	case req.IsResponsive != nil && *req.IsResponsive != slices.ContainsFunc(f.Renders, Render.responsive):
		return false
	}
	sized := req.MinWidth != nil || req.MaxWidth != nil || req.MinHeight != nil || req.MaxHeight != nil
	return !sized || slices.ContainsFunc(f.Renders, func(r Render) bool {
		return r.Unit == "px" &&
			fits(r.Width, r.MinWidth, r.MaxWidth, req.MinWidth, req.MaxWidth) &&
			fits(r.Height, r.MinHeight, r.MaxHeight, req.MinHeight, req.MaxHeight)
	})
}

func (r Render) responsive() bool { return r.ResponsiveWidth || r.ResponsiveHeight }

// fits reports whether a side of a render can lie between the bounds asked for.
// The side is exact, or anywhere between its own bounds; one that is not known
// fits nothing but a request without bounds.
func fits(exact, least, most int64, from, to *int64) bool {
	if from == nil && to == nil {
		return true
	}
	if exact > 0 {
		least, most = exact, exact
	}
	if least == 0 && most == 0 {
		return false
	}
	return (from == nil || most == 0 || most >= *from) && (to == nil || least <= *to)
}

// runsOn reports whether a product can run on a property of a domain; empty is any.
func (p *Product) runsOn(domain, property string) bool {
	return slices.ContainsFunc(p.Properties, func(pp PublisherProperties) bool {
		if domain != "" && pp.Domain != domain {
			return false
		}
		// Which properties carry a tag is known to the publisher's adagents.json alone.
		return property == "" || len(pp.PropertyIDs) == 0 || slices.Contains(pp.PropertyIDs, property)
	})
}

// shownTo tells whether the principal sees the format.
func (f *Format) shownTo(principal string) bool {
	return len(f.Principals) == 0 || slices.Contains(f.Principals, principal)
}

// wire shows a format as core/format.json.
func (f *Format) wire(agentURL string) adcp.Format {
	agentURL = cmp.Or(f.AgentURL, agentURL)
	out := adcp.Format{
		FormatID:        adcp.FormatReference{AgentURL: agentURL, ID: f.ID},
		Name:            f.Name,
		Description:     filled(f.Description),
		ReportedMetrics: convert[adcp.AvailableMetric](f.Metrics),
	}
	for _, r := range f.Renders {
		out.Renders = append(out.Renders, r.wire())
	}
	for _, a := range f.Assets {
		out.Assets = append(out.Assets, adcp.FormatAsset{
			ItemType:     adcp.FormatAssetItemTypeIndividual,
			AssetID:      &a.ID,
			AssetType:    new(adcp.FormatAssetAssetType(a.Type)),
			AssetRole:    filled(a.Role),
			Required:     a.Required,
			Requirements: a.Requirements,
		})
	}
	overlay(&out, f.Wire)
	out.FormatID = adcp.FormatReference{AgentURL: agentURL, ID: f.ID}
	return out
}

func (r Render) wire() adcp.FormatRender {
	whole := func(n int64) *adcp.Decimal {
		if n == 0 {
			return nil
		}
		return new(adcp.DecimalFromInt(n))
	}
	d := &adcp.FormatRenderDimensions{
		Width: whole(r.Width), Height: whole(r.Height),
		MinWidth: whole(r.MinWidth), MaxWidth: whole(r.MaxWidth),
		MinHeight: whole(r.MinHeight), MaxHeight: whole(r.MaxHeight),
		AspectRatio: filled(r.AspectRatio),
		Unit:        new(adcp.DimensionUnit(cmp.Or(r.Unit, "px"))),
	}
	if r.responsive() {
		d.Responsive = &adcp.FormatRenderDimensionsResponsive{Width: r.ResponsiveWidth, Height: r.ResponsiveHeight}
	}
	return adcp.FormatRender{Role: r.Role, Dimensions: d}
}

// validate checks a wire document against a published schema.
func validate(schema string, document any) error {
	raw, err := json.Marshal(document)
	if err != nil {
		return err
	}
	return adcp.ValidateDocument(schema, raw)
}
