package seller

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/upfront-media/upfront/adcp"
)

// offer is a product in an answer, with the prices that are left of it.
type offer struct {
	product *Product
	prices  []PricingOption
	// reason says why a brief is answered with it; "" where there is no brief.
	reason string
}

// itemKey is everything that the document of a product depends on, besides the
// catalogue and the reason.
type itemKey struct {
	product    *Product
	prices     string
	hidePrices bool
	// days is the length of the flight, 0 where it is not known.
	days      int64
	countries string
	// left tells what the ledger has left of it, where that shows.
	left   string
	fields fieldSet
}

// maxItems is how many documents a generation of [productItems] holds.
const maxItems = 2048

// productItems keeps the documents of products that were sent last. A buyer's
// brief changes which products are answered and why, but hardly what is told of
// each; so a document is encoded and checked against its schema once. It belongs
// to one content of the catalogue.
type productItems struct {
	mu         sync.RWMutex
	young, old map[itemKey]adcp.Item
}

func (c *productItems) get(key itemKey) (adcp.Item, bool) {
	c.mu.RLock()
	item, ok := c.young[key]
	c.mu.RUnlock()
	if ok {
		return item, true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if item, ok = c.old[key]; ok {
		c.keep(key, item)
	}
	return item, ok
}

func (c *productItems) put(key itemKey, item adcp.Item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(key, item)
}

// keep must be called with the lock held.
func (c *productItems) keep(key itemKey, item adcp.Item) {
	if c.young == nil || len(c.young) >= maxItems {
		c.young, c.old = map[itemKey]adcp.Item{}, c.young
	}
	c.young[key] = item
}

// itemsOf shows offers, with the fields that the request asks for.
func (q *query) itemsOf(offers []offer) ([]adcp.Item, error) {
	key := itemKey{hidePrices: q.hidePrices, countries: strings.Join(q.countries, ","), fields: fieldsOf(q.req.Fields)}
	if q.flight.known() {
		key.days = q.flight.days()
	}
	out := make([]adcp.Item, len(offers))
	for i, o := range offers {
		key.product, key.prices, key.left = o.product, o.priceKey(), q.left[o.product].String()
		item, ok := q.items.get(key)
		if !ok {
			var err error
			if item, err = q.newItem(o, key.fields); err != nil {
				return nil, err
			}
			q.items.put(key, item)
		}
		if o.reason != "" && key.fields.has(adcp.GetProductsRequestFieldBriefRelevance) {
			item = item.With(o.reason)
		}
		out[i] = item
	}
	return out, nil
}

func (q *query) newItem(o offer, fields fieldSet) (adcp.Item, error) {
	item, err := adcp.NewItem("core/product.json", fields.of(q.product(o.product, o.prices)), "brief_relevance")
	if err != nil {
		return adcp.Item{}, fmt.Errorf("product %s: %w", o.product.ID, err)
	}
	return item, nil
}

// priceKey tells the offer's prices from others of its product.
func (o offer) priceKey() string {
	if len(o.prices) == len(o.product.Pricing) {
		return ""
	}
	ids := make([]string, len(o.prices))
	for i, p := range o.prices {
		ids[i] = p.ID
	}
	return strings.Join(ids, "\x00")
}

// optionalFields are the parts of a product that are left out unless asked for,
// where a request asks for any. What the protocol's product schema requires is
// always there.
var optionalFields = []adcp.GetProductsRequestField{
	adcp.GetProductsRequestFieldChannels,
	adcp.GetProductsRequestFieldVideoPlacementTypes,
	adcp.GetProductsRequestFieldAudioDistributionTypes,
	adcp.GetProductsRequestFieldSponsoredPlacementTypes,
	adcp.GetProductsRequestFieldExclusivity,
	adcp.GetProductsRequestFieldForecast,
	adcp.GetProductsRequestFieldDeliveryMeasurement,
	adcp.GetProductsRequestFieldCreativePolicy,
	adcp.GetProductsRequestFieldBriefRelevance,
}

// fieldSet is a set of [optionalFields], a bit each.
type fieldSet uint16

const allFields = ^fieldSet(0)

func fieldsOf(asked []adcp.GetProductsRequestField) fieldSet {
	if len(asked) == 0 {
		return allFields
	}
	var s fieldSet
	for _, f := range asked {
		if i := slices.Index(optionalFields, f); i >= 0 {
			s |= 1 << i
		}
	}
	return s
}

func (s fieldSet) has(f adcp.GetProductsRequestField) bool {
	return s&(1<<slices.Index(optionalFields, f)) != 0
}

// of leaves out what is not in the set.
func (s fieldSet) of(p adcp.Product) adcp.Product {
	for _, f := range optionalFields {
		if s.has(f) {
			continue
		}
		switch f {
		case adcp.GetProductsRequestFieldChannels:
			p.Channels = nil
		case adcp.GetProductsRequestFieldVideoPlacementTypes:
			p.VideoPlacementTypes = nil
		case adcp.GetProductsRequestFieldAudioDistributionTypes:
			p.AudioDistributionTypes = nil
		case adcp.GetProductsRequestFieldSponsoredPlacementTypes:
			p.SponsoredPlacementTypes = nil
		case adcp.GetProductsRequestFieldExclusivity:
			p.Exclusivity = nil
		case adcp.GetProductsRequestFieldForecast:
			p.Forecast = nil
		case adcp.GetProductsRequestFieldDeliveryMeasurement:
			p.DeliveryMeasurement = nil
		case adcp.GetProductsRequestFieldCreativePolicy:
			p.CreativePolicy = nil
		}
	}
	return p
}
