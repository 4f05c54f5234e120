package sandbox

import "encoding/json"

// published is what the protocol's test drivers count on without seeding it: the
// generic product of its published fixtures, under both its prices. What is seeded
// by the same name goes before.
var published = map[string][]fixture{
	kindProduct: {{"test-product", json.RawMessage(`{
		"name": "Test Product", "description": "Generic inventory for tests.",
		"delivery_type": "non_guaranteed", "channels": ["display", "video"],
		"format_ids": [{"id": "display_300x250"}, {"id": "video_30s"}]
	}`)}},
	kindPricingOption: {
		{"test-product" + priceMark + "test-pricing", json.RawMessage(`{"pricing_model": "cpm", "currency": "USD", "fixed_price": 5}`)},
		{"test-product" + priceMark + "default", json.RawMessage(`{"pricing_model": "cpm", "currency": "USD", "fixed_price": 10}`)},
	},
}
