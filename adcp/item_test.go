package adcp_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/adcp"
)

// soldProduct is a product with no more than its schema asks for.
func soldProduct() adcp.Product {
	return adcp.Product{
		ProductID: "p1", Name: "Spots", Description: "Spots between songs.",
		PublisherProperties: []adcp.PublisherPropertySelector{{
			PublisherDomain: new("radio.example"), SelectionType: adcp.PublisherPropertySelectorSelectionTypeAll,
		}},
		FormatIDs:    []adcp.FormatReference{{AgentURL: "https://radio.example", ID: "spot_30s"}},
		DeliveryType: adcp.DeliveryTypeGuaranteed,
		PricingOptions: []adcp.PricingOption{{
			PricingOptionID: "cpm", PricingModel: adcp.PricingModelCPM, Currency: "USD", FixedPrice: new(adcp.DecimalFromInt(12)),
		}},
		ReportingCapabilities: adcp.ReportingCapabilities{
			AvailableReportingFrequencies: []adcp.ReportingFrequency{adcp.ReportingFrequencyDaily},
			Timezone:                      "UTC", AvailableMetrics: []adcp.AvailableMetric{adcp.AvailableMetricImpressions},
			DateRangeSupport: adcp.ReportingCapabilitiesDateRangeSupportDateRange,
		},
	}
}

func TestAnItemIsWrittenAsItWasEncoded(t *testing.T) {
	t.Parallel()
	p := soldProduct()
	plain, err := adcp.NewItem("core/product.json", p, "")
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(plain.AppendJSON(nil))); diff != "" {
		t.Errorf("-json.Marshal +item:\n%s", diff)
	}
	explained, err := adcp.NewItem("core/product.json", p, "brief_relevance")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("\"\\ab <>&\n\x7f{}")))).Draw(r, "text")
		item := explained.With(text)
		doc := item.AppendJSON([]byte("["))[1:]
		if err := adcp.ValidateDocument("core/product.json", doc); err != nil {
			r.Fatal(err)
		}
		var got adcp.Product
		if err := json.Unmarshal(doc, &got); err != nil {
			r.Fatal(err)
		}
		if told := adcp.Val(got.BriefRelevance); told != strings.ToValidUTF8(text, "\ufffd") {
			r.Fatalf("tells %q, want %q", told, text)
		}
		if quoted, _ := json.Marshal(text); text != "" && !bytes.HasSuffix(doc, append(append([]byte(`"brief_relevance":`), quoted...), '}')) {
			r.Fatalf("%q is written otherwise than by encoding/json: %s", text, doc)
		}
		if len(explained.AppendJSON(nil)) >= len(doc) && text != "" {
			r.Fatal("the item itself has changed")
		}
	})
}

func TestAnItemMustBeValid(t *testing.T) {
	t.Parallel()
	nameless := soldProduct()
	nameless.PricingOptions = nil
	reasoned := soldProduct()
	reasoned.BriefRelevance = new("It fits.")
	for rule, tt := range map[string]struct {
		schema string
		v      any
		member string
	}{
		"BreaksItsSchema":      {"core/product.json", nameless, ""},
		"NoSuchSchema":         {"core/produce.json", soldProduct(), ""},
		"NoObject":             {"core/product.json", []int{}, ""},
		"NotJSON":              {"core/product.json", func() {}, ""},
		"MemberHasRules":       {"core/product.json", soldProduct(), "expires_at"},
		"MemberOfAnotherType":  {"core/product.json", soldProduct(), "is_custom"},
		"MemberInACondition":   {"core/product.json", soldProduct(), "signal_targeting_allowed"},
		"MemberUnknown":        {"core/product.json", soldProduct(), "nickname"},
		"MemberThereAlready":   {"core/product.json", reasoned, "brief_relevance"},
		"DocumentJudgedWhole":  {"enums/channels.json", soldProduct(), "name"},
		"PropertiesByPatterns": {"enums/task-status.json", soldProduct(), "name"},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			if _, err := adcp.NewItem(tt.schema, tt.v, tt.member); err == nil {
				t.Error("accepted")
			}
		})
	}
}

// The members that no condition of a response looks into, and whose elements are
// judged each for itself, can be sent as items; others cannot.
func TestItemSchema(t *testing.T) {
	t.Parallel()
	if got, err := adcp.ItemSchema(adcp.GetProducts.Operation, "products"); err != nil || got != "core/product.json" {
		t.Errorf("products are judged by %q, %v", got, err)
	}
	for _, list := range []string{"pagination", "status", "no_such_member", "incomplete"} {
		if got, err := adcp.ItemSchema(adcp.GetProducts.Operation, list); err == nil {
			t.Errorf("the elements of %s are judged by %s", list, got)
		}
	}
	if got, err := adcp.ItemSchema(adcp.CreateMediaBuy.Operation, "packages"); err == nil {
		t.Errorf("packages of create_media_buy, which is a union, are judged by %s", got)
	}
}
