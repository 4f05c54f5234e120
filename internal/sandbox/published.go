package sandbox

import "encoding/json"

// published is what the protocol's test drivers count on without seeding it: the
// generic product of its published fixtures, under both its prices. What is seeded
// by the same name goes before.
var published = map[string][]fixture{
	kindProduct: {{"test-product", json.RawMessage(`{
		"name": "Test Product", "description": "Generic display inventory on lifestyle content, for tests.",
		"delivery_type": "non_guaranteed", "channels": ["display", "video"],
		"format_ids": [{"id": "display_300x250"}, {"id": "video_30s"}],
		"format_options": [{
			"format_kind": "image", "format_option_id": "test_product_image_mrec", "display_name": "Medium rectangle",
			"params": {
				"width": 300, "height": 250, "max_file_size_kb": 200, "image_formats": ["jpg", "png", "gif"],
				"asset_source": "buyer_uploaded", "buyer_asset_acceptance": "accepted", "composition_model": "deterministic",
				"slots": [
					{"asset_group_id": "image_main", "asset_type": "image", "required": true},
					{"asset_group_id": "landing_page_url", "asset_type": "url", "required": false}
				]
			}
		}]
	}`)}},
	kindPricingOption: {
		{"test-product" + priceMark + "test-pricing", json.RawMessage(`{"pricing_model": "cpm", "currency": "USD", "fixed_price": 5}`)},
		{"test-product" + priceMark + "default", json.RawMessage(`{"pricing_model": "cpm", "currency": "USD", "fixed_price": 10}`)},
	},
}

// placeholderAgent is how the protocol's published storyboards write the agent that
// is tested, in the formats of creatives that they upload without having asked for a
// format first.
const placeholderAgent = "https://your-platform.example.com"

// placeholderFormats are the formats that they take for granted there.
var placeholderFormats = []fixture{
	{"display_300x250", json.RawMessage(`{
		"name": "Medium rectangle 300x250", "description": "What the published storyboards upload as a banner.",
		"renders": [{"role": "primary", "dimensions": {"width": 300, "height": 250, "unit": "px"}}],
		"assets": [
			{"item_type": "individual", "asset_id": "image", "asset_type": "image", "asset_role": "hero", "required": true,
				"requirements": {"min_width": 300, "max_width": 300, "min_height": 250, "max_height": 250, "formats": ["jpg", "png", "gif"]}},
			{"item_type": "individual", "asset_id": "headline", "asset_type": "text", "required": false, "requirements": {"max_length": 90}},
			{"item_type": "individual", "asset_id": "click_url", "asset_type": "url", "required": false, "requirements": {"role": "clickthrough"}}
		]
	}`)},
	{"native_in_feed", json.RawMessage(`{
		"name": "Native in feed", "description": "What the published storyboards upload as a recommendation among articles.",
		"renders": [{"role": "primary", "dimensions": {"min_width": 300, "max_width": 1200, "responsive": {"width": true, "height": true}, "unit": "px"}}],
		"assets": [
			{"item_type": "individual", "asset_id": "title", "asset_type": "text", "required": true, "requirements": {"max_length": 80}},
			{"item_type": "individual", "asset_id": "body_text", "asset_type": "text", "required": false, "requirements": {"max_length": 150}},
			{"item_type": "individual", "asset_id": "main_image", "asset_type": "image", "required": true,
				"requirements": {"min_width": 1200, "max_width": 1200, "min_height": 627, "max_height": 628, "formats": ["jpg", "png"]}},
			{"item_type": "individual", "asset_id": "cta", "asset_type": "text", "required": false,
				"requirements": {"allowed_values": ["LEARN_MORE", "SHOP_NOW", "SIGN_UP", "BOOK_NOW"]}},
			{"item_type": "individual", "asset_id": "advertiser_name", "asset_type": "text", "required": true, "requirements": {"max_length": 40}},
			{"item_type": "individual", "asset_id": "sponsored_label", "asset_type": "text", "required": false, "requirements": {"max_length": 20}},
			{"item_type": "individual", "asset_id": "landing_page_url", "asset_type": "url", "required": true, "requirements": {"role": "clickthrough"}},
			{"item_type": "individual", "asset_id": "display_url", "asset_type": "text", "required": false, "requirements": {"max_length": 60}},
			{"item_type": "individual", "asset_id": "rating", "asset_type": "text", "required": false, "requirements": {"character_pattern": "^[0-5](\\.[0-9])?$"}}
		]
	}`)},
	{"native_post", json.RawMessage(`{
		"name": "Native post", "description": "What the published storyboards upload as a post.",
		"renders": [{"role": "primary", "dimensions": {"min_width": 300, "max_width": 1200, "responsive": {"width": true, "height": true}, "unit": "px"}}],
		"assets": [
			{"item_type": "individual", "asset_id": "headline", "asset_type": "text", "required": true, "requirements": {"max_length": 60}},
			{"item_type": "individual", "asset_id": "body", "asset_type": "text", "required": false, "requirements": {"max_length": 140}},
			{"item_type": "individual", "asset_id": "image", "asset_type": "image", "required": true, "requirements": {"min_width": 600}},
			{"item_type": "individual", "asset_id": "click_url", "asset_type": "url", "required": true, "requirements": {"role": "clickthrough"}}
		]
	}`)},
}
