package main

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/mcp"
)

type stopped time.Time

func (s stopped) Now() time.Time { return time.Time(s) }

// newSeller is an agent that offers one product, priced as the test says.
func newSeller(t *testing.T, option adcp.PricingOption) string {
	t.Helper()
	a := agent.New(agent.Config{
		Name: "seller", Version: "1", Clock: stopped(time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)),
		Authenticator: agent.AuthenticatorFunc(func(context.Context, agent.Credential) (agent.Caller, error) {
			return agent.Caller{Tenant: "pub", Principal: "acme"}, nil
		}),
	})
	agent.Handle(a, adcp.GetAdcpCapabilities, func(context.Context, *agent.Call, *adcp.GetAdcpCapabilitiesRequest) (*adcp.GetAdcpCapabilitiesResponse, error) {
		resp := &adcp.GetAdcpCapabilitiesResponse{
			SupportedProtocols: []adcp.GetAdcpCapabilitiesResponseSupportedProtocol{adcp.GetAdcpCapabilitiesResponseSupportedProtocolMediaBuy},
			Account:            &adcp.GetAdcpCapabilitiesResponseAccount{SupportedBilling: []adcp.BillingParty{adcp.BillingPartyAgent}},
		}
		resp.Adcp.MajorVersions, resp.Adcp.SupportedVersions = []int64{3}, adcp.Releases()
		return resp, nil
	})
	agent.Handle(a, adcp.GetProducts, func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
		return &adcp.GetProductsResponse{
			CacheScope: new(adcp.GetProductsResponseCacheScopePublic),
			Products: []adcp.Product{{
				ProductID: "p", Name: "Spot\n\x1b[31mred", Description: "d", DeliveryType: adcp.DeliveryTypeNonGuaranteed,
				PublisherProperties: []adcp.PublisherPropertySelector{{
					PublisherDomain: new("pub.example"), SelectionType: adcp.PublisherPropertySelectorSelectionTypeAll,
				}},
				FormatIDs:      []adcp.FormatReference{{AgentURL: "https://pub.example", ID: "f"}},
				PricingOptions: []adcp.PricingOption{option},
				ReportingCapabilities: adcp.ReportingCapabilities{
					AvailableReportingFrequencies: []adcp.ReportingFrequency{adcp.ReportingFrequencyDaily},
					Timezone:                      "UTC", AvailableMetrics: []adcp.AvailableMetric{adcp.AvailableMetricImpressions},
					DateRangeSupport: adcp.ReportingCapabilitiesDateRangeSupportDateRange,
				},
			}},
		}, nil
	})
	web := httptest.NewServer(mcp.NewHandler(a, mcp.Options{}))
	t.Cleanup(web.Close)
	return web.URL
}

func TestAskPrintsWhatEachAgentOffers(t *testing.T) {
	t.Parallel()
	base := adcp.PricingOption{PricingOptionID: "o", PricingModel: adcp.PricingModelCPM, Currency: "EUR"}
	fixed, floor := base, base
	fixed.FixedPrice, floor.FloorPrice = new(adcp.Decimal("9.90")), new(adcp.Decimal("3"))
	one, two, three := newSeller(t, fixed), newSeller(t, floor), newSeller(t, base)
	gone := httptest.NewServer(nil)
	gone.Close()
	var out strings.Builder
	if failed := ask(t.Context(), &out, "", "anything", []string{one, two, gone.URL, three}); failed != 1 {
		t.Errorf("%d failed, want 1", failed)
	}
	got := out.String()
	for _, want := range []string{
		one + ": 1 offers\n  Spot [31mred, cpm EUR 9.90\n", two + ": 1 offers\n  Spot [31mred, cpm EUR from 3\n",
		three + ": 1 offers\n  Spot [31mred, cpm EUR, price on request\n", gone.URL + ": get_adcp_capabilities at ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant in it\n%s", got, want)
		}
	}
}
