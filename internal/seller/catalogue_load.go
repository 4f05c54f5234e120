package seller

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
)

// maxCatalogueBytes bounds a catalogue file; ours are under 50 kB.
const maxCatalogueBytes = 64 << 20

// LoadCatalogue reads a catalogue from YAML. It is strict: an unknown field, a
// wrong value or a reference to nothing is an error, and all of them are told
// together as [CatalogueErrors], each with its line, its path, what is wrong and
// what to write. Amounts are read exactly from their text.
//
// examples/catalogues/northlight.yaml shows every field with comments.
func LoadCatalogue(r io.Reader) (*Catalogue, error) {
	root, err := parseYAML(r)
	if err != nil {
		return nil, err
	}
	return catalogueOf(root)
}

func catalogueOf(root *yaml.Node) (*Catalogue, error) {
	reader := &yamlReader{}
	c := readCatalogue(yamlNode{r: reader, line: 1}.at("", root))
	if err := reader.refusal(); err != nil {
		return nil, err
	}
	return c, c.keepDocuments(root)
}

func parseYAML(r io.Reader) (*yaml.Node, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxCatalogueBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read catalogue: %w", err)
	case len(text) > maxCatalogueBytes:
		return nil, fmt.Errorf("catalogue is larger than %d bytes: split it between sellers", maxCatalogueBytes)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("catalogue is not YAML: %w", err)
	}
	if len(doc.Content) == 0 {
		return nil, errors.New("catalogue is empty: it needs seller, formats and products")
	}
	return doc.Content[0], nil
}

var (
	identifierForm = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	propertyForm   = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)
	domainForm     = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
	regionForm     = regexp.MustCompile(`^[A-Z]{2}-[A-Z0-9]{1,3}$`)
)

func (n yamlNode) identifier() string {
	return n.matching(identifierForm, "letters, digits, _ and -, at most 64 of them")
}

func (n yamlNode) domain() string {
	return n.matching(domainForm, "a domain in lower case, such as northlight.example")
}

func (n yamlNode) property() string {
	return n.matching(propertyForm, "lower-case letters, digits and _")
}

func (n yamlNode) word() string { return n.text(100) }

// country reads an ISO 3166-1 alpha-2 code.
func (n yamlNode) country() string {
	s, ok := n.scalar()
	if !ok {
		return ""
	}
	if region, err := language.ParseRegion(s); err != nil || !region.IsCountry() || region.String() != s {
		n.fail(fmt.Sprintf("%q is not a country", s), "write its ISO 3166-1 code in two capitals, such as US (quote \"NO\")")
	}
	return s
}

// readCatalogueHead reads all but the products.
func readCatalogueHead(n yamlNode) (*Catalogue, yamlObject) {
	top := n.object("seller", "standard_formats", "formats", "products")
	c := &Catalogue{}
	s := top.field("seller").need("say who sells").object("name", "description", "domain")
	if s.present() {
		c.Name = s.field("name").need("give the seller a name").text(100)
		c.Description = s.field("description").text(2000)
		c.Domain = s.field("domain").need("write the seller's own domain").domain()
	}
	c.Formats = readFormats(top)
	return c, top
}

func readCatalogue(n yamlNode) *Catalogue {
	c, top := readCatalogueHead(n)
	taken := map[string]bool{}
	list := top.field("products").need("sell at least one product")
	for _, item := range list.list() {
		p := readProduct(item, c)
		if taken[p.ID] && p.ID != "" {
			item.fail(fmt.Sprintf("the id %q is taken by an earlier product", p.ID), "give every product an id of its own")
		}
		taken[p.ID] = true
		c.Products = append(c.Products, p)
	}
	if list.present() && len(c.Products) == 0 {
		list.fail("is empty", "sell at least one product")
	}
	return c
}

var productFields = []string{
	"id", "name", "description", "channels", "properties", "countries", "regions", "metros",
	"delivery", "exclusivity", "approval", "lead_time", "formats", "pricing", "forecast", "capacity", "supply",
	"tags", "keywords", "video_placements", "audio_distribution", "sponsored_placements",
	"reporting", "measurement", "creative_policy",
}

func readProduct(n yamlNode, c *Catalogue) *Product {
	o := n.object(productFields...)
	p := &Product{
		ID:          o.field("id").need("give the product an id").identifier(),
		Name:        o.field("name").need("name the product").text(200),
		Description: o.field("description").need("say in a few sentences what a buyer gets").text(4000),
		Channels:    o.field("channels").need("list at least one channel, such as [ctv]").each(channel),
		Countries:   o.field("countries").need("list the countries it delivers in, such as [US, CA]").each(yamlNode.country),
		Regions: o.field("regions").each(func(n yamlNode) string {
			return n.matching(regionForm, "an ISO 3166-2 code such as US-NY")
		}),
		Exclusivity: o.field("exclusivity").oneOf(exclusivities),
		Approval:    Approval(o.field("approval").oneOf(approvals)),
		LeadTime:    o.field("lead_time").duration(),
		FormatIDs:   o.field("formats").need("list the ids of the formats it runs").each(yamlNode.identifier),
		Tags:        o.field("tags").each(yamlNode.word),
		Keywords:    o.field("keywords").each(yamlNode.word),
		Placements: Placements{
			Video:     o.field("video_placements").each(videoPlacement),
			Audio:     o.field("audio_distribution").each(audioDistribution),
			Sponsored: o.field("sponsored_placements").each(sponsoredPlacement),
		},
	}
	p.Guaranteed = o.field("delivery").need("write guaranteed or non_guaranteed").oneOf(deliveryTypes) == "guaranteed"
	if p.Exclusivity == "" {
		p.Exclusivity = "none"
	}
	if p.Approval == "" {
		p.Approval = ApprovalAuto
	}
	for i, id := range p.FormatIDs {
		if _, ok := c.Format(id); !ok {
			o.field("formats").fail(fmt.Sprintf("[%d] %q is not a format of this catalogue", i, id), "add it to standard_formats or formats")
		}
	}
	for _, item := range o.field("metros").list() {
		m := item.object("system", "code")
		p.Metros = append(p.Metros, Metro{
			System: m.field("system").need("write the classification, such as nielsen_dma").oneOf(metroSystems),
			Code:   m.field("code").need("write the code, such as \"501\"").word(),
		})
	}
	p.Properties = readProperties(o.field("properties"), c)
	p.Pricing = readPricing(o.field("pricing").need("give the product at least one price"))
	p.Forecast = readForecast(o.field("forecast").need("say what it is expected to deliver"), p)
	p.Capacity = readCapacity(o.field("capacity"), p)
	p.Supply = readSupply(o.field("supply").need("say what the ad server has for it"))
	checkRates(o.field("supply"), p)
	p.Reporting = readReporting(o.field("reporting"))
	p.Measurement = readMeasurement(o.field("measurement"))
	p.Creative = readCreativePolicy(o.field("creative_policy"))
	for _, name := range []string{"channels", "countries", "formats"} {
		if f := o.field(name); f.present() && f.node.Kind == yaml.SequenceNode && len(f.node.Content) == 0 {
			f.fail("is empty", "list at least one")
		}
	}
	return p
}

// readProperties reads the properties a product runs on; all of the seller's
// own where nothing is said.
func readProperties(n yamlNode, c *Catalogue) []PublisherProperties {
	if !n.present() {
		return []PublisherProperties{{Domain: c.Domain}}
	}
	var out []PublisherProperties
	for _, item := range n.list() {
		o := item.object("domain", "ids", "tags")
		p := PublisherProperties{
			Domain:      c.Domain,
			PropertyIDs: o.field("ids").each(yamlNode.property),
			Tags:        o.field("tags").each(yamlNode.property),
		}
		if o.field("domain").present() {
			p.Domain = o.field("domain").domain()
		}
		if len(p.PropertyIDs) > 0 && len(p.Tags) > 0 {
			item.fail("selects by ids and by tags", "keep one of them, or write two entries")
		}
		out = append(out, p)
	}
	if len(out) == 0 {
		n.fail("is empty", "list at least one, or leave the field out for all of the seller's own")
	}
	return out
}

func readReporting(n yamlNode) Reporting {
	o := n.object("frequencies", "delay", "metrics")
	r := Reporting{
		Frequencies: o.field("frequencies").each(reportingFrequency),
		Delay:       o.field("delay").duration(),
		Metrics:     o.field("metrics").each(metric),
	}
	if len(r.Frequencies) == 0 {
		r.Frequencies = []string{"daily"}
	}
	for _, always := range []string{"spend", "impressions"} {
		if !slices.Contains(r.Metrics, always) {
			r.Metrics = append([]string{always}, r.Metrics...)
		}
	}
	return r
}

func readMeasurement(n yamlNode) *Measurement {
	if !n.present() {
		return nil
	}
	o := n.object("vendors", "notes")
	return &Measurement{
		Vendors: o.field("vendors").need("list the vendors' domains").each(yamlNode.domain),
		Notes:   o.field("notes").text(1000),
	}
}

func readCreativePolicy(n yamlNode) CreativePolicy {
	o := n.object("co_branding", "landing_page", "templates")
	p := CreativePolicy{
		CoBranding:  o.field("co_branding").oneOf(coBrandings),
		LandingPage: o.field("landing_page").oneOf(landingPages),
		Templates:   o.field("templates").flag(),
	}
	if p.CoBranding == "" {
		p.CoBranding = coBrandings[0]
	}
	if p.LandingPage == "" {
		p.LandingPage = landingPages[0]
	}
	return p
}
