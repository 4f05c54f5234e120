package seller

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
)

// WireProduct makes a product of one in the protocol's own form
// (core/product.json), as far as it goes: what is left out gets an ordinary value,
// and what the catalogue has no member for is shown as it was declared. Formats
// without an agent_url are the seller's own. Prices are those of the document and
// then the given ones, each by [WirePrice]; one of the same identifier replaces.
//
// The product delivers in the catalogue's countries, and may be promised without
// limit; the built-in ad server has nothing for it.
func (s *Service) WireProduct(id string, document json.RawMessage, prices []PricingOption) (*Product, error) {
	var w adcp.Product
	if err := decodeWire(document, &w); err != nil {
		return nil, err
	}
	named := strings.ReplaceAll(id, "_", " ")
	p := &Product{
		ID: id, Name: cmp.Or(w.Name, named), Description: cmp.Or(w.Description, cmp.Or(w.Name, named)+"."),
		Guaranteed:  w.DeliveryType == adcp.DeliveryTypeGuaranteed,
		Exclusivity: string(cmp.Or(adcp.Val(w.Exclusivity), adcp.ExclusivityNone)),
		Approval:    ApprovalAuto, Countries: s.wireCountries(),
		Forecast: Forecast{Impressions: wireDaily, Method: string(adcp.ForecastMethodEstimate)},
		Creative: CreativePolicy{CoBranding: string(adcp.CoBrandingRequirementOptional), LandingPage: string(adcp.LandingPageRequirementAny)},
	}
	var err error
	if p.Channels, err = wireChannels(document); err != nil {
		return nil, err
	}
	p.VendorMetrics, p.Bundled = wireVendorMetrics(w.ReportingCapabilities), wireBundled(&w)
	p.Reporting = wireReporting(w.ReportingCapabilities, p.Channels)
	p.Properties = s.wireSelectors(w.PublisherProperties)
	p.FormatIDs, p.Foreign = s.wireFormats(p, &w)
	p.Options, p.Provenance = w.FormatOptions, w.CreativePolicy
	for i := range w.PricingOptions {
		o, err := WirePrice(w.PricingOptions[i].PricingOptionID, member(document, "pricing_options", i))
		if err != nil {
			return nil, err
		}
		p.Pricing = append(p.Pricing, o)
	}
	for _, o := range prices {
		p.Pricing = slices.DeleteFunc(p.Pricing, func(had PricingOption) bool { return had.ID == o.ID })
		p.Pricing = append(p.Pricing, o)
	}
	if p.Wire, err = wireRest(document); err != nil || len(p.Pricing) == 0 {
		return p, err
	}
	shown := view{agentURL: s.agentURL}.product(p, p.Pricing)
	if err := validate("core/product.json", shown); err != nil {
		return nil, refusal(adcp.CodeValidationError, "", "The product is not one by core/product.json: %v", err)
	}
	return p, nil
}

// wireDaily is what a product that says nothing of it is expected to deliver a day.
const wireDaily = 50_000_000

// decodeWire reads a document of the protocol; none is empty.
func decodeWire(document json.RawMessage, into any) error {
	if len(document) == 0 {
		return nil
	}
	if err := json.Unmarshal(document, into); err != nil {
		return refusal(adcp.CodeValidationError, "", "The document cannot be read: %v", err)
	}
	return nil
}

// member is an element of a list in the document, as it came.
func member(document json.RawMessage, list string, i int) json.RawMessage {
	var members map[string]json.RawMessage
	var elements []json.RawMessage
	if json.Unmarshal(document, &members) != nil || json.Unmarshal(members[list], &elements) != nil || i >= len(elements) {
		return nil
	}
	return elements[i]
}

// everydayChannels are names for channels that the protocol calls otherwise, in
// use by those who write products by hand.
var everydayChannels = map[string]adcp.MediaChannel{
	"video": adcp.MediaChannelOlv, "audio": adcp.MediaChannelStreamingAudio, "native": adcp.MediaChannelDisplay,
	"tv": adcp.MediaChannelLinearTV,
}

func wireChannels(document json.RawMessage) ([]string, error) {
	var w struct{ Channels []string }
	if err := decodeWire(document, &w); err != nil {
		return nil, err
	}
	var list []string
	for _, c := range w.Channels {
		if everyday, ok := everydayChannels[c]; ok {
			c = string(everyday)
		}
		if !slices.Contains(channels, c) {
			return nil, refusal(adcp.CodeValidationError, "channels", "There is no channel %q.", c)
		}
		list = include(list, c)
	}
	if len(list) == 0 {
		list = []string{string(adcp.MediaChannelDisplay)}
	}
	return list, nil
}

// wireCountries are all the countries that the catalogue delivers in.
func (s *Service) wireCountries() []string {
	var list []string
	for _, p := range s.selling.catalogue().Products {
		for _, c := range p.Countries {
			list = include(list, c)
		}
	}
	return list
}

// wireSelectors reads where a product runs; on all of the catalogue's where it
// does not say.
func (s *Service) wireSelectors(selectors []adcp.PublisherPropertySelector) []PublisherProperties {
	var list []PublisherProperties
	for _, w := range selectors {
		for _, domain := range append(w.PublisherDomains, adcp.Val(w.PublisherDomain)) {
			if domain != "" {
				list = append(list, PublisherProperties{Domain: domain, PropertyIDs: w.PropertyIDs, Tags: w.PropertyTags})
			}
		}
	}
	if len(list) > 0 {
		return list
	}
	base := s.selling.catalogue()
	if base.Domain == "" {
		return base.Products[0].Properties
	}
	return []PublisherProperties{{Domain: base.Domain}}
}

// wireFormats tells the seller's own formats from others'. A product that names
// none, in either of the protocol's ways, runs what its first channel is known for.
func (s *Service) wireFormats(p *Product, w *adcp.Product) (own []string, foreign []adcp.FormatReference) {
	for _, f := range w.FormatIDs {
		if f.AgentURL == "" || sameURL(f.AgentURL, s.agentURL) {
			own = append(own, f.ID)
		} else {
			foreign = append(foreign, f)
		}
	}
	if len(w.FormatIDs) > 0 || len(w.FormatOptions) > 0 {
		return own, foreign
	}
	switch adcp.MediaChannel(p.Channels[0]) {
	case adcp.MediaChannelOlv, adcp.MediaChannelCTV, adcp.MediaChannelLinearTV:
		return []string{"video_30s"}, nil
	case adcp.MediaChannelStreamingAudio, adcp.MediaChannelRadio, adcp.MediaChannelPodcast:
		return []string{"audio_30s"}, nil
	}
	return []string{"display_300x250"}, nil
}

// wireReporting reads what reports hold; where the document does not say, what can
// be counted of the product's channels.
func wireReporting(w adcp.ReportingCapabilities, channels []string) Reporting {
	r := Reporting{Frequencies: []string{string(adcp.ReportingFrequencyDaily)}, Delay: time.Hour}
	if len(w.AvailableReportingFrequencies) > 0 {
		r.Frequencies = texts(w.AvailableReportingFrequencies)
		r.Delay = time.Duration(w.ExpectedDelayMinutes) * time.Minute
	}
	r.Metrics = texts(w.AvailableMetrics)
	if len(r.Metrics) == 0 {
		r.Metrics = texts([]adcp.AvailableMetric{adcp.AvailableMetricImpressions, adcp.AvailableMetricSpend, adcp.AvailableMetricClicks})
		if slices.ContainsFunc(channels, played) {
			r.Metrics = append(r.Metrics, texts([]adcp.AvailableMetric{adcp.AvailableMetricViews, adcp.AvailableMetricCompletedViews, adcp.AvailableMetricCompletionRate})...)
		}
	}
	return r
}

// wireVendorMetrics names what vendors measure.
func wireVendorMetrics(w adcp.ReportingCapabilities) []VendorMetric {
	var list []VendorMetric
	for _, m := range w.VendorMetrics {
		list = append(list, VendorMetric{Vendor: m.Vendor.Domain, Metric: m.MetricID})
	}
	return list
}

// wireBundled are the currencies in which the signals are priced that a buyer cannot
// leave out.
func wireBundled(w *adcp.Product) [][]string {
	if w.SignalTargetingRules == nil || adcp.Val(w.SignalTargetingRules.SelectionMode) != adcp.SignalTargetingRulesSelectionModeFixed {
		return nil
	}
	var list [][]string
	for _, o := range w.SignalTargetingOptions {
		var currencies []string
		for _, p := range o.PricingOptions {
			currencies = include(currencies, adcp.Val(p.Currency))
		}
		if adcp.Val(o.DefaultSelected) && len(currencies) > 0 {
			list = append(list, currencies)
		}
	}
	return list
}

// played tells whether ads of the channel run for a time, and may be seen or heard to
// their end.
func played(channel string) bool {
	switch adcp.MediaChannel(channel) {
	case adcp.MediaChannelOlv, adcp.MediaChannelCTV, adcp.MediaChannelLinearTV,
		adcp.MediaChannelStreamingAudio, adcp.MediaChannelRadio, adcp.MediaChannelPodcast:
		return true
	}
	return false
}

// texts turns values of an enum into plain texts.
func texts[T ~string](values []T) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}

// wireRest is what the document says that the product does not hold by itself.
func wireRest(document json.RawMessage) (string, error) {
	rest := map[string]json.RawMessage{}
	if err := decodeWire(document, &rest); err != nil {
		return "", err
	}
	for _, held := range []string{"product_id", "name", "description", "delivery_type", "channels", "format_ids", "pricing_options", "exclusivity"} {
		delete(rest, held)
	}
	var complete []adcp.PublisherPropertySelector
	if json.Unmarshal(rest["publisher_properties"], &complete) != nil ||
		slices.ContainsFunc(complete, func(c adcp.PublisherPropertySelector) bool { return c.SelectionType == "" }) {
		delete(rest, "publisher_properties") // shown from what was read of it
	}
	doc, err := json.Marshal(rest)
	return string(doc), err
}

// WireFormat makes a creative format of one in the protocol's own form
// (core/format.json), as far as it goes. It is the agent's at agentURL, or the
// seller's own where that is empty.
func (s *Service) WireFormat(agentURL, id string, document json.RawMessage) (*Format, error) {
	var w adcp.Format
	if err := decodeWire(document, &w); err != nil {
		return nil, err
	}
	f := &Format{ID: id, AgentURL: agentURL, Name: cmp.Or(w.Name, strings.ReplaceAll(id, "_", " ")), Description: adcp.Val(w.Description), Wire: string(document)}
	for _, a := range w.Assets {
		if a.AssetID != nil && a.AssetType != nil {
			f.Assets = append(f.Assets, FormatAsset{
				ID: *a.AssetID, Type: string(*a.AssetType), Role: adcp.Val(a.AssetRole), Required: a.Required, Requirements: a.Requirements,
			})
		}
	}
	if err := validate("core/format.json", f.wire(s.agentURL)); err != nil {
		return nil, refusal(adcp.CodeValidationError, "", "The format is not one by core/format.json: %v", err)
	}
	return f, nil
}

// HasFormat tells whether the catalogue has a format of the seller's own by that
// identifier.
func (s *Service) HasFormat(id string) bool {
	_, ok := s.selling.catalogue().Format(id)
	return ok
}

// HasProduct tells whether the catalogue has a product by that identifier.
func (s *Service) HasProduct(id string) bool {
	_, ok := s.selling.catalogue().Product(id)
	return ok
}

// wireError names the part of a document that is at fault.
func wireError(field, format string, args ...any) error {
	return refusal(adcp.CodeValidationError, field, "%s", fmt.Sprintf(format, args...))
}
