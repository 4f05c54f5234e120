package seller

import (
	"context"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/store"
)

// mediaBuyFeatures are the optional features of core/media-buy-features.json. A
// feature is a promise: only what works is true.
func (s *Service) mediaBuyFeatures() adcp.MediaBuyFeatures {
	return adcp.MediaBuyFeatures{
		"inline_creative_management":  s.takesOrders(),
		"property_list_filtering":     false,
		"catalog_management":          s.takesOrders(),
		"conversion_tracking":         s.takesOrders(),
		"audience_targeting":          s.audiences != nil,
		"committed_metrics_supported": false,
	}
}

// capabilities answers get_adcp_capabilities. What it says comes from the
// catalogue and from what the service was given to work with.
func (s *Service) capabilities(_ context.Context, _ *agent.Call, req *adcp.GetAdcpCapabilitiesRequest) (*adcp.GetAdcpCapabilitiesResponse, error) {
	resp := &adcp.GetAdcpCapabilitiesResponse{
		Status: adcp.TaskStatusCompleted,
		Adcp: adcp.GetAdcpCapabilitiesResponseAdcp{
			MajorVersions:     []int64{3},
			SupportedVersions: adcp.Releases(),
			Idempotency: adcp.GetAdcpCapabilitiesResponseAdcpIdempotency{
				Supported:          true,
				ReplayTTLSeconds:   new(int64(store.DefaultTTL.Seconds())),
				InFlightMaxSeconds: new(int64(agent.DefaultHandlerTimeout.Seconds())),
			},
		},
		SupportedProtocols: []adcp.GetAdcpCapabilitiesResponseSupportedProtocol{
			adcp.GetAdcpCapabilitiesResponseSupportedProtocolMediaBuy,
		},
		Specialisms:             s.specialisms(),
		WholesaleFeedVersioning: &adcp.GetAdcpCapabilitiesResponseWholesaleFeedVersioning{Supported: true},
	}
	if s.takesOrders() {
		resp.Account = &adcp.GetAdcpCapabilitiesResponseAccount{
			SupportedBilling:    s.billing,
			RequireOperatorAuth: new(false),
			RequiredForProducts: new(false),
			AccountFinancials:   new(true),
		}
	}
	if len(req.Protocols) == 0 || slices.Contains(req.Protocols, adcp.GetAdcpCapabilitiesRequestProtocolMediaBuy) {
		resp.MediaBuy = s.mediaBuyCapabilities()
	}
	if s.takesOrders() && (len(req.Protocols) == 0 || slices.Contains(req.Protocols, adcp.GetAdcpCapabilitiesRequestProtocolCreative)) {
		resp.Creative = &adcp.GetAdcpCapabilitiesResponseCreative{HasCreativeLibrary: new(true), BillsThroughAdcp: new(false)}
	}
	if s.describe != nil {
		s.describe(resp)
	}
	return resp, nil
}

// takesOrders reports whether the agent sells, or only shows what it has.
func (s *Service) takesOrders() bool { return s.db != nil }

func (s *Service) mediaBuyCapabilities() *adcp.GetAdcpCapabilitiesResponseMediaBuy {
	shelf := s.shelf()
	out := &adcp.GetAdcpCapabilitiesResponseMediaBuy{
		BuyingModes: []adcp.GetAdcpCapabilitiesResponseMediaBuyBuyingMode{
			adcp.GetAdcpCapabilitiesResponseMediaBuyBuyingModeBrief,
			adcp.GetAdcpCapabilitiesResponseMediaBuyBuyingModeWholesale,
		},
		SupportsProposals: new(false),
		GovernanceAware:   new(s.governance != nil),
		Features:          s.mediaBuyFeatures(),
		Portfolio:         &adcp.GetAdcpCapabilitiesResponseMediaBuyPortfolio{Description: filled(shelf.Description)},
	}
	for _, p := range shelf.offer("") {
		for _, o := range p.Pricing {
			out.SupportedPricingModels = include(out.SupportedPricingModels, adcp.PricingModel(o.Model))
		}
		for _, c := range p.Channels {
			out.Portfolio.PrimaryChannels = include(out.Portfolio.PrimaryChannels, adcp.MediaChannel(c))
		}
		for _, c := range p.Countries {
			out.Portfolio.PrimaryCountries = include(out.Portfolio.PrimaryCountries, c)
		}
		for _, pp := range p.Properties {
			out.Portfolio.PublisherDomains = include(out.Portfolio.PublisherDomains, pp.Domain)
		}
	}
	if s.webhooks != nil {
		out.ReportingDeliveryMethods = []adcp.GetAdcpCapabilitiesResponseMediaBuyReportingDeliveryMethod{
			adcp.GetAdcpCapabilitiesResponseMediaBuyReportingDeliveryMethodWebhook,
		}
	}
	if s.takesOrders() {
		out.BuyingModes = append(out.BuyingModes, adcp.GetAdcpCapabilitiesResponseMediaBuyBuyingModeRefine)
		out.SupportsProposals = new(true)
		out.CreativeApprovalMode = new(s.creativeReview.mode())
		out.Execution = &adcp.GetAdcpCapabilitiesResponseMediaBuyExecution{
			Targeting: &adcp.GetAdcpCapabilitiesResponseMediaBuyExecutionTargeting{GeoCountries: new(true)},
		}
		s.dataCapabilities(out)
		out.FrequencyCapping = &adcp.GetAdcpCapabilitiesResponseMediaBuyFrequencyCapping{
			SupportedWindowUnits: []string{
				string(adcp.DurationUnitSeconds), string(adcp.DurationUnitMinutes), string(adcp.DurationUnitHours),
				string(adcp.DurationUnitDays), string(adcp.DurationUnitCampaign),
			},
		}
	}
	return out
}

// include adds a value that the list does not have yet.
func include[T comparable](list []T, value T) []T {
	if slices.Contains(list, value) {
		return list
	}
	return append(list, value)
}
