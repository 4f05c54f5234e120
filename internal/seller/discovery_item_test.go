package seller

import (
	"fmt"
	"testing"

	"github.com/upfront-media/upfront/adcp"
)

func TestTheItemsKeptAreBounded(t *testing.T) {
	t.Parallel()
	var c productItems
	key := func(i int) itemKey { return itemKey{countries: fmt.Sprint(i)} }
	for i := range 5 * maxItems {
		c.put(key(i), adcp.Item{})
		if _, ok := c.get(key(i)); !ok {
			t.Fatalf("after %d items: the last one is gone", i)
		}
		if _, ok := c.get(key(0)); !ok {
			t.Fatalf("after %d items: one in use is gone", i)
		}
	}
	if _, ok := c.get(key(1)); ok || len(c.young)+len(c.old) > 2*maxItems {
		t.Errorf("%d items are kept, or one that nobody asked for again", len(c.young)+len(c.old))
	}
}

func TestFieldsAskedFor(t *testing.T) {
	t.Parallel()
	full := adcp.Product{
		ProductID: "p", Channels: []adcp.MediaChannel{"ctv"}, Exclusivity: new(adcp.ExclusivityNone),
		Forecast: new(adcp.DeliveryForecast), CreativePolicy: new(adcp.CreativePolicy),
		VideoPlacementTypes: []adcp.VideoPlacementType{"instream"}, DeliveryMeasurement: new(adcp.ProductDeliveryMeasurement),
	}
	if p := fieldsOf(nil).of(full); p.Channels == nil || p.Forecast == nil || p.CreativePolicy == nil || p.DeliveryMeasurement == nil {
		t.Error("nothing was asked for in particular, and something is left out")
	}
	p := fieldsOf([]adcp.GetProductsRequestField{"product_id", "forecast", "exclusivity"}).of(full)
	if p.ProductID != "p" || p.Forecast == nil || p.Exclusivity == nil {
		t.Error("something asked for is left out")
	}
	if p.Channels != nil || p.CreativePolicy != nil || p.VideoPlacementTypes != nil || p.DeliveryMeasurement != nil {
		t.Error("something not asked for is there")
	}
}
