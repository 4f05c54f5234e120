package seller

import (
	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/seller/audience"
)

// dataCapabilities says what the agent does with the data that buyers declare on
// their accounts.
func (s *Service) dataCapabilities(out *adcp.GetAdcpCapabilitiesResponseMediaBuy) {
	s.conversionCapabilities(out)
	if s.audiences != nil {
		out.AudienceTargeting = &adcp.GetAdcpCapabilitiesResponseMediaBuyAudienceTargeting{
			SupportedIdentifierTypes: hashedIdentifiers(),
			SupportedUIDTypes:        audience.UIDTypes(),
			MinimumAudienceSize:      s.audiences.MinimumSize(),
			MatchingLatencyHours:     &adcp.GetAdcpCapabilitiesResponseMediaBuyAudienceTargetingMatchingLatencyHours{Min: new(int64(0)), Max: new(int64(1))},
		}
	}
}

// conversionCapabilities says what goals the agent's products may be given.
func (s *Service) conversionCapabilities(out *adcp.GetAdcpCapabilitiesResponseMediaBuy) {
	tracking := &adcp.GetAdcpCapabilitiesResponseMediaBuyConversionTracking{
		MultiSourceEventDedup: new(true), PerCreativeAttribution: new(true),
		SupportedUIDTypes:          audience.UIDTypes(),
		SupportedHashedIdentifiers: []adcp.GetAdcpCapabilitiesResponseMediaBuyConversionTrackingSupportedHashedIdentifier{"hashed_email", "hashed_phone"},
	}
	for _, p := range s.shelf().offer("") {
		o := p.optimization()
		for _, t := range o.EventTargets {
			tracking.SupportedTargets = include(tracking.SupportedTargets, adcp.GetAdcpCapabilitiesResponseMediaBuyConversionTrackingSupportedTarget(t))
		}
		for _, m := range o.Metrics {
			out.SupportedOptimizationMetrics = include(out.SupportedOptimizationMetrics, adcp.GetAdcpCapabilitiesResponseMediaBuySupportedOptimizationMetricsItem(m))
		}
	}
	out.ConversionTracking = tracking
}

func hashedIdentifiers() []adcp.GetAdcpCapabilitiesResponseMediaBuyAudienceTargetingSupportedIdentifierType {
	return []adcp.GetAdcpCapabilitiesResponseMediaBuyAudienceTargetingSupportedIdentifierType{"hashed_email", "hashed_phone"}
}
