package seller_test

import (
	"slices"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/seller"
)

func TestEveryClaimedFeatureIsTrueOrFalseOnPurpose(t *testing.T) {
	t.Parallel()
	for _, name := range examples {
		s := sharedShop(t, name)
		got := ask[adcp.GetAdcpCapabilitiesResponse](t, s, "", "get_adcp_capabilities", map[string]any{})
		if !slices.Equal(got.Adcp.MajorVersions, []int64{3}) || !slices.Equal(got.Adcp.SupportedVersions, []string{"3.0", "3.1"}) {
			t.Errorf("versions %v %v", got.Adcp.MajorVersions, got.Adcp.SupportedVersions)
		}
		for feature, claimed := range got.MediaBuy.Features {
			if claimed {
				t.Errorf("claims %s, which nothing implements", feature)
			}
		}
		if _, served := s.agent.Serves("sync_creatives"); served != (got.Creative != nil) {
			t.Errorf("sync_creatives served: %v, creative library claimed: %v", served, got.Creative)
		}
		if len(got.SupportedProtocols) != 1 || got.SupportedProtocols[0] != "media_buy" {
			t.Errorf("protocols %v", got.SupportedProtocols)
		}
	}
}

func TestEveryClaimedPricingModelAndChannelIsInTheCatalogue(t *testing.T) {
	t.Parallel()
	for _, name := range examples {
		s := sharedShop(t, name)
		got := ask[adcp.GetAdcpCapabilitiesResponse](t, s, "buyer", "get_adcp_capabilities", map[string]any{}).MediaBuy
		products := s.products(t, "buyer", map[string]any{"buying_mode": "wholesale", "pagination": map[string]any{"max_results": 100}}).Products
		for _, model := range got.SupportedPricingModels {
			if !slices.ContainsFunc(products, func(p adcp.Product) bool {
				return slices.ContainsFunc(p.PricingOptions, func(o adcp.PricingOption) bool { return o.PricingModel == model })
			}) {
				t.Errorf("%s claims %s", name, model)
			}
		}
		for _, p := range products {
			for _, c := range p.Channels {
				if !slices.Contains(got.Portfolio.PrimaryChannels, c) {
					t.Errorf("%s sells %s without saying so", name, c)
				}
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := func() seller.Config {
		return seller.Config{Tenant: "shop", AgentURL: agentURL, Catalogue: catalogue(t, "corner"), Clock: clock.NewSimulated(today)}
	}
	for name, spoil := range map[string]func(*seller.Config){
		"NoTenant":       func(c *seller.Config) { c.Tenant = "" },
		"NoCatalogue":    func(c *seller.Config) { c.Catalogue = nil },
		"NoClock":        func(c *seller.Config) { c.Clock = nil },
		"NoAgentURL":     func(c *seller.Config) { c.AgentURL = "" },
		"RelativeURL":    func(c *seller.Config) { c.AgentURL = "/sales" },
		"InvalidProduct": func(c *seller.Config) { c.Catalogue.Products[0].Channels = []string{"smoke_signals"} },
		"InvalidFormat":  func(c *seller.Config) { c.Catalogue.Formats[0].Metrics = []string{"happiness"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good()
			spoil(&c)
			if _, err := seller.New(c); err == nil {
				t.Error("accepted")
			}
		})
	}
}
