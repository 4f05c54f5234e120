package supply_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/adserver/builtin"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/server/supply"
)

func loadCatalogue(t *testing.T, path ...string) *seller.Catalogue {
	t.Helper()
	f, err := os.Open(filepath.Join(append([]string{"..", "..", ".."}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := seller.LoadCatalogue(f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryExampleCanBeDelivered(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"northlight", "harbour", "citygrid"} {
		c := loadCatalogue(t, "examples", "catalogues", name+".yaml")
		all := supply.Of(c)
		for _, p := range c.Products {
			s, ok := all[p.ID]
			if !ok || s.Daily == 0 {
				t.Errorf("%s has no supply", p.ID)
			}
			if err := s.Validate(); err != nil {
				t.Errorf("%s: %v", p.ID, err)
			}
		}
	}
}

func TestSupplyIsWhatTheCatalogueSays(t *testing.T) {
	t.Parallel()
	c := loadCatalogue(t, "internal", "seller", "testdata", "corner.yaml")
	p, _ := c.Product("tv_evening")
	p.Supply.Weekdays = []int64{1, 1, 1, 1, 1, 1, 8}
	got := supply.Of(c)
	if w := got["tv_evening"].Weekdays; w[0] != 4*builtin.Whole || w[1] != builtin.Whole/2 {
		t.Errorf("weekdays %v, want Sunday first and at four times the average", w)
	}
	if u := got["breakfast_gb"].Universe; u != 30_000_000 {
		t.Errorf("universe %d, want the impressions of a hundred points", u)
	}
	price := builtin.AuctionPrice{PricingModel: adserver.CPM, Currency: "USD", Floor: 9 * money.Unit, Guidance: 16 * money.Unit}
	if prices := got["clips_open"].Prices; len(prices) != 1 || prices[0] != price {
		t.Errorf("prices %v, want %v, whose middle is the median of 12.50", prices, price)
	}
	if s := got["clips_open"].Shortfall; s == nil || s.Missing != 100_000 {
		t.Errorf("shortfall %v, want a tenth", s)
	}
}
