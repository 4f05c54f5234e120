package seller

import "github.com/upfront-media/upfront/adcp"

// Format is a creative format that the seller accepts, one entry of
// list_creative_formats. The wire's format_id is the seller's agent URL and ID.
type Format struct {
	// ID is the local slug, such as "video_15s"; letters, digits, _ and -.
	ID string
	// AgentURL is the agent whose format it is; the seller itself where empty.
	AgentURL    string `json:",omitzero"`
	Name        string
	Description string
	// Standard formats follow a published industry size or length.
	Standard bool
	// Renders are the pieces that appear; at least one for visual formats, none for audio.
	Renders []Render
	// Assets are what a creative must or may bring, at least one.
	Assets []FormatAsset
	// Metrics are the delivery metrics that creatives of the format can report.
	Metrics []string
	// Principals are those who are shown the format. Empty is everybody.
	Principals []string `json:",omitzero"`
	// Wire, of a format that was declared in the protocol's own form
	// (core/format.json), is laid over what is shown of it.
	Wire string `json:",omitzero"`
}

// Render is one piece of a format as it appears.
type Render struct {
	// Role is what the piece is, such as "primary" or "companion".
	Role string
	// Width and Height are in Unit: "px" by default. Zero where the piece is responsive.
	Width, Height int64
	// MinWidth, MaxWidth, MinHeight and MaxHeight bound a responsive piece; zero is no bound.
	MinWidth, MaxWidth, MinHeight, MaxHeight int64
	// ResponsiveWidth and ResponsiveHeight say which sides adapt.
	ResponsiveWidth, ResponsiveHeight bool
	// AspectRatio is such as "16:9"; empty where the sides say it.
	AspectRatio string
	// Unit is "px", "in", "cm" and so on, by enums/dimension-unit.json.
	Unit string
}

// FormatAsset is one thing that a creative of a format is made of.
type FormatAsset struct {
	// ID is the key in the creative's assets, such as "video_file".
	ID string
	// Type is by enums/asset-content-type.json, such as "video" or "url".
	Type string
	// Role is what it is for, such as "hero" or "click_through"; may be empty.
	Role     string
	Required bool
	// Requirements are in the words of the protocol's core/requirements schemas;
	// nil where there are none.
	Requirements *adcp.FormatAssetRequirements
}
