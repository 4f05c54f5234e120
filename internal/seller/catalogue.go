package seller

import (
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/money"
)

// Catalogue is everything a seller sells, as [LoadCatalogue] read it. It is not
// changed after loading, so it may be shared between goroutines.
type Catalogue struct {
	// Name is the seller's name for people, such as "Northlight".
	Name string
	// Description says in a sentence or two what the seller is.
	Description string
	// Domain is the seller's own domain, where its adagents.json would be.
	Domain string
	// Products are in the order of the file, which is also the order of a
	// wholesale listing.
	Products []*Product
	// Formats are the creative formats that the seller accepts, in file order.
	Formats []*Format
	// document is what it was read from, but for the products.
	document string
}

// Product finds a product by its identifier.
func (c *Catalogue) Product(id string) (*Product, bool) {
	i := slices.IndexFunc(c.Products, func(p *Product) bool { return p.ID == id })
	if i < 0 {
		return nil, false
	}
	return c.Products[i], true
}

// Format finds a creative format of the seller's own by its local identifier.
func (c *Catalogue) Format(id string) (*Format, bool) {
	i := slices.IndexFunc(c.Formats, func(f *Format) bool { return f.ID == id && f.AgentURL == "" })
	if i < 0 {
		return nil, false
	}
	return c.Formats[i], true
}

// Approval says who decides on a media buy that holds the product.
type Approval string

const (
	// ApprovalAuto products are booked without a person.
	ApprovalAuto Approval = "auto"
	// ApprovalManual products wait for a person: create_media_buy answers submitted.
	ApprovalManual Approval = "manual"
)

// Product is one thing the seller sells: inventory, the prices it can be bought
// at, what it is expected to deliver, and the supply that the built-in ad server
// really has for it.
type Product struct {
	ID          string
	Name        string
	Description string
	// Options are the canonical formats that the product declares besides its formats.
	Options []adcp.ProductFormatDeclaration `json:",omitzero"`
	// Provenance is what the product's creative policy wants to be told of a creative's
	// making; nil is nothing.
	Provenance *adcp.CreativePolicy `json:",omitzero"`
	// Channels are names of the protocol's enums/channels.json, such as "ctv".
	Channels []string
	// Properties are the publisher properties that the product runs on, at least one.
	Properties []PublisherProperties
	// Countries are ISO 3166-1 alpha-2 codes; the product delivers nowhere else.
	Countries []string
	// Regions are ISO 3166-2 codes of locally bound inventory. Empty means all of Countries.
	Regions []string
	// Metros are metro areas of locally bound inventory. Empty means no metro is known.
	Metros []Metro
	// Guaranteed products reserve inventory; the others deliver as they can.
	Guaranteed bool
	// Exclusivity is "none", "category" or "exclusive".
	Exclusivity string
	// Approval says whether a person decides.
	Approval Approval
	// LeadTime is the least time between booking and the first impression.
	LeadTime time.Duration
	// FormatIDs name formats of the same catalogue, at least one.
	FormatIDs []string
	// Pricing holds at least one option; identifiers are unique in the product.
	Pricing []PricingOption
	// Forecast is what the seller tells buyers to expect.
	Forecast Forecast
	// Capacity is how many impressions a day may be promised to buyers of a
	// guaranteed product, all together; the forecast's where zero.
	Capacity int64 `json:",omitzero"`
	// Supply is what the built-in ad server really has. Buyers never see it.
	Supply Supply
	// Tags and Keywords are words that briefs are matched with. Buyers never see them as such.
	Tags, Keywords []string
	// Placements narrow what kind of video, audio or retail media the product is.
	Placements Placements
	// Reporting is what delivery reports hold.
	Reporting Reporting
	// Optimization is what buyers may ask for; nil where that follows from Reporting.
	Optimization *Optimization `json:",omitzero"`
	// CatalogTypes are the types of buyers' catalogs that the product shows ads from;
	// nil where that follows from Channels.
	CatalogTypes []string `json:",omitzero"`
	// Measurement names who measures; nil where the seller only counts itself.
	Measurement *Measurement
	// Creative is the product's creative policy.
	Creative CreativePolicy
	// Principals are the buying agents that are shown the product and may buy it:
	// a private product. Empty is everybody.
	Principals []string `json:",omitzero"`
	// Own products are those of single principals ([Service.Stock]), beside the
	// catalogue's; their identifiers need not be unique beyond the principal.
	Own bool `json:",omitzero"`
	// VendorMetrics are what vendors measure of it.
	VendorMetrics []VendorMetric `json:",omitzero"`
	// Bundled are, for each thing that is always bought along, the currencies that it
	// has a price in.
	Bundled [][]string `json:",omitzero"`
	// Foreign are formats of other agents that the product runs besides FormatIDs.
	Foreign []adcp.FormatReference `json:",omitzero"`
	// Wire, of a product that was declared in the protocol's own form
	// (core/product.json, as far as it goes), is laid over what is shown of it: for
	// everything that has no member here.
	Wire string `json:",omitzero"`
	// document is what it was read from, until it is in the database.
	document string
}

// soldTo tells whether the principal may see and buy the product.
func (p *Product) soldTo(principal string) bool {
	return len(p.Principals) == 0 || slices.Contains(p.Principals, principal)
}

// PricingOption finds one of the product's prices by its identifier.
func (p *Product) PricingOption(id string) (*PricingOption, bool) {
	i := slices.IndexFunc(p.Pricing, func(o PricingOption) bool { return o.ID == id })
	if i < 0 {
		return nil, false
	}
	return &p.Pricing[i], true
}

// AcceptsFormat reports whether the product runs creatives of the format with
// this local identifier.
func (p *Product) AcceptsFormat(id string) bool { return slices.Contains(p.FormatIDs, id) }

// acceptsForeign reports whether the product runs that format of another agent.
func (p *Product) acceptsForeign(f adcp.FormatReference) bool {
	return slices.ContainsFunc(p.Foreign, func(own adcp.FormatReference) bool {
		return own.ID == f.ID && sameURL(own.AgentURL, f.AgentURL)
	})
}

// PublisherProperties selects properties of one publisher, as the protocol's
// core/publisher-property-selector.json does: by identifier, by tag, or all of
// them where both lists are empty.
type PublisherProperties struct {
	Domain      string
	PropertyIDs []string
	Tags        []string
}

// Metro is a metro area in a classification system, such as nielsen_dma 501.
type Metro struct{ System, Code string }

// Placements are the declared kinds of placement, by the protocol's enums.
type Placements struct {
	Video     []string
	Audio     []string
	Sponsored []string
}

// Reporting is what delivery reports of a product hold and how late they are.
type Reporting struct {
	// Frequencies are "hourly", "daily" or "monthly".
	Frequencies []string
	// Delay is how long delivery takes to show up in a report.
	Delay time.Duration
	// Metrics are names of the protocol's enums/available-metric.json.
	Metrics []string
}

// VendorMetric is a metric in a measurement vendor's own vocabulary.
type VendorMetric struct{ Vendor, Metric string }

// Measurement names the vendors whose count the seller accepts.
type Measurement struct {
	// Vendors are brand domains.
	Vendors []string
	// Notes say how they measure.
	Notes string
}

// CreativePolicy is what a creative must satisfy.
type CreativePolicy struct {
	// CoBranding is "required", "optional" or "none".
	CoBranding string
	// LandingPage is "any", "retailer_site_only" or "must_include_retailer".
	LandingPage string
	// Templates reports whether the seller offers creative templates.
	Templates bool
}

// Forecast is what a product is expected to deliver in a day when nobody else
// buys it. Buyers see it as core/delivery-forecast.json.
type Forecast struct {
	// Impressions is the expected number a day over all the product's countries.
	Impressions int64
	// Reach is how many ReachUnit the product can touch in a month; 0 where unknown.
	Reach int64
	// ReachUnit is "individuals", "households", "devices", "accounts" or "cookies".
	ReachUnit string
	// Spread is how far a day may fall either side of Impressions.
	Spread Rate
	// Shares splits the impressions over countries and adds up to [Whole]. Empty
	// where the seller does not say.
	Shares []CountryShare
	// Method is "estimate", "modeled" or "guaranteed".
	Method string
}

// CountryShare is a country's part of a forecast.
type CountryShare struct {
	Country string
	Share   Rate
}

// Rate is a proportion in millionths: 720,000 is 72 %. It is an integer so that
// the same catalogue delivers the same numbers on every machine.
type Rate int64

// Whole is the [Rate] of everything.
const Whole Rate = 1_000_000

// Of is n times the rate, rounded toward zero.
func (r Rate) Of(n int64) int64 { return int64(money.Micros(n).MulDiv(int64(r), int64(Whole))) }
