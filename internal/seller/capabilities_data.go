package seller

import (
	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/seller/audience"
)

// dataCapabilities says what the agent does with the data that buyers declare on
// their accounts.
func (s *Service) dataCapabilities(out *adcp.GetAdcpCapabilitiesResponseMediaBuy) {
	if s.audiences != nil {
		out.AudienceTargeting = &adcp.GetAdcpCapabilitiesResponseMediaBuyAudienceTargeting{
			SupportedIdentifierTypes: hashedIdentifiers(),
			SupportedUIDTypes:        audience.UIDTypes(),
			MinimumAudienceSize:      s.audiences.MinimumSize(),
			MatchingLatencyHours:     &adcp.GetAdcpCapabilitiesResponseMediaBuyAudienceTargetingMatchingLatencyHours{Min: new(int64(0)), Max: new(int64(1))},
		}
	}
}

func hashedIdentifiers() []adcp.GetAdcpCapabilitiesResponseMediaBuyAudienceTargetingSupportedIdentifierType {
	return []adcp.GetAdcpCapabilitiesResponseMediaBuyAudienceTargetingSupportedIdentifierType{"hashed_email", "hashed_phone"}
}
