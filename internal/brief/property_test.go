package brief_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/internal/brief"
	"github.com/upfront-media/upfront/internal/money"
)

// words are text that YAML, JSON and Go must all carry unchanged.
var words = []string{
	"spring", "running gear", "R&B", "it's 5: \"new\"", "Öl & Käse", "東京", "yes", "null", "0x10", "# hash", "- dash", "a, b", "{x}", "<b>", "2027-03-01", "~",
}

func anyWord(t *rapid.T, label string) string { return rapid.SampledFrom(words).Draw(t, label) }

func distinct[T comparable](t *rapid.T, label string, from []T, most int) []T {
	list := rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, most, rapid.ID[T]).Draw(t, label)
	if len(list) == 0 {
		return nil
	}
	return list
}

// anyBrief draws a brief that is valid and in the form Parse gives it.
func anyBrief(t *rapid.T) brief.Brief {
	c := rapid.SampledFrom([]money.Currency{"USD", "EUR", "GBP", "JPY", "BRL", "KWD"}).Draw(t, "currency")
	amount := func(label string, most int64) money.Micros {
		return money.Micros(rapid.Int64Range(1, most).Draw(t, label)) * c.Unit()
	}
	start := brief.DateOf(now).AddDays(rapid.IntRange(0, 400).Draw(t, "start"))
	b := brief.Brief{
		Name: anyWord(t, "name"), Advertiser: anyWord(t, "advertiser"),
		Objectives: distinct(t, "objectives", words, 3), Notes: anyWord(t, "notes"),
		Budget: money.Amount{Micros: amount("budget", 100_000_000), Currency: c},
		Start:  start, End: start.AddDays(rapid.IntRange(0, 700).Draw(t, "days")),
		Channels:    distinct(t, "channels", []string{"ctv", "olv", "display", "dooh", "podcast", "retail_media"}, 4),
		BrandSafety: distinct(t, "brand safety", words, 2),
		AdLengths:   distinct(t, "ad lengths", []int{6, 15, 20, 30}, 3),
		Audience: brief.Audience{
			Gender:    rapid.SampledFrom([]string{"", "female", "male", "nonbinary", "all"}).Draw(t, "gender"),
			Geo:       distinct(t, "geo", []string{"US", "US-CA", "DE", "NO", "JP-13", "FR"}, 4),
			Metros:    distinct(t, "metros", []string{"nielsen_dma:501", "uk_itl1:TLI"}, 2),
			Interests: distinct(t, "interests", words, 3),
		},
	}
	slices.Sort(b.AdLengths)
	if rapid.Bool().Draw(t, "ages") {
		low := rapid.IntRange(1, 60).Draw(t, "low")
		b.Audience.Ages = []brief.AgeRange{{Min: low, Max: low + rapid.IntRange(0, 10).Draw(t, "span")}}
		if rapid.Bool().Draw(t, "more ages") {
			b.Audience.Ages = append(b.Audience.Ages, brief.AgeRange{Min: low + 20})
		}
	}
	for _, k := range []brief.KPI{
		{Metric: "cpm", Unit: string(c)}, {Metric: "ctr", Unit: "%"}, {Metric: "reach"}, {Metric: "roas"},
	} {
		if !rapid.Bool().Draw(t, k.Metric) {
			continue
		}
		k.Target = amount(k.Metric+" target", 100_00).Literal()
		if k.Unit == "%" {
			k.Target = money.Micros(rapid.Int64Range(1, int64(100*money.Unit)).Draw(t, "share")).Literal()
		}
		b.KPIs = append(b.KPIs, k)
	}
	if rapid.Bool().Draw(t, "cap") {
		b.FrequencyCap = &brief.FrequencyCap{MaxImpressions: rapid.IntRange(1, 50).Draw(t, "most"), PeriodHours: rapid.IntRange(1, 999).Draw(t, "hours")}
	}
	if rapid.Bool().Draw(t, "price") {
		top := amount("max", 100_000)
		b.Price = &brief.PriceRange{Model: "cpm", Max: top}
		if rapid.Bool().Draw(t, "price floor") {
			b.Price.Min = money.Micros(rapid.Int64Range(1, int64(top/c.Unit())).Draw(t, "min")) * c.Unit()
		}
	}
	if rapid.Bool().Draw(t, "measured") {
		b.Measurement = []brief.Measurement{{Metric: "brand_lift", By: "region", Words: anyWord(t, "measured as")}}
	}
	return b
}

// bare is a brief without what tells how it was written.
func bare(b brief.Brief) brief.Brief {
	b.Format, b.Sources = "", nil
	return b
}

func TestABriefThatIsPrintedAndReadAgainIsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := anyBrief(t)
		doc, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parse(string(doc))
		if err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		if diff := cmp.Diff(bare(b), bare(got)); diff != "" {
			t.Fatalf("read differently (-want +got):\n%s\n%s", diff, doc)
		}
		if got.Digest() != b.Digest() {
			t.Fatal("another digest")
		}
		// Once read, printing and reading change nothing at all, sources included.
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		back, err := parse(string(again))
		if err != nil {
			t.Fatalf("%v\n%s", err, again)
		}
		if diff := cmp.Diff(got, back); diff != "" {
			t.Fatalf("read differently (-want +got):\n%s", diff)
		}
	})
}

func TestEveryRenderingOfABriefIsReadAsTheSameBrief(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := anyBrief(t)
		doc := rendering(t, b)
		asJSON, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		asYAML, err := yaml.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		for form, content := range map[brief.Format][]byte{brief.FormatJSON: asJSON, brief.FormatYAML: asYAML} {
			got, err := parse(string(content))
			if err != nil {
				t.Fatalf("%v\n%s", err, content)
			}
			if got.Format != form {
				t.Fatalf("read as %s, want %s\n%s", got.Format, form, content)
			}
			if diff := cmp.Diff(bare(b), bare(got)); diff != "" {
				t.Fatalf("%s read differently (-want +got):\n%s\n%s", form, diff, content)
			}
		}
	})
}

// rendering writes a brief in one of the shapes that people use.
func rendering(t *rapid.T, b brief.Brief) map[string]any {
	either := func(label string, shapes ...any) any { return rapid.SampledFrom(shapes).Draw(t, label+" shape") }
	plain := b.Budget.Micros.Format(b.Budget.Currency)
	doc := map[string]any{
		"name": b.Name, "advertiser": b.Advertiser, "notes": b.Notes,
		"start_date": b.Start.String(),
		"end_date":   either("end", b.End.String(), fmt.Sprintf("%d %s %d", b.End.Day, b.End.Month, b.End.Year), fmt.Sprintf("%s %d, %d", b.End.Month, b.End.Day, b.End.Year)),
	}
	switch rapid.IntRange(0, 3).Draw(t, "budget shape") {
	case 0:
		doc["budget"], doc["currency"] = plain, string(b.Budget.Currency)
	case 1:
		doc["budget"], doc["currency"] = json.Number(b.Budget.Micros.Literal()), strings.ToLower(string(b.Budget.Currency))
	case 2:
		doc["budget"] = plain + " " + string(b.Budget.Currency)
	case 3:
		doc["budget"] = map[string]any{"amount": plain, "currency": string(b.Budget.Currency)}
	}
	list := func(key string, values []string) any {
		if len(values) == 1 && !strings.Contains(values[0], ",") {
			return either(key, values[0], values)
		}
		return values
	}
	if b.Objectives != nil {
		doc["objectives"] = list("objectives", b.Objectives)
	}
	if b.Channels != nil {
		doc["channels"] = either("channels", b.Channels, strings.Join(b.Channels, ", "), strings.Join(b.Channels, " and "))
	}
	if b.BrandSafety != nil {
		doc["brand_safety"] = list("brand safety", b.BrandSafety)
	}
	if b.AdLengths != nil {
		var text []string
		for _, s := range b.AdLengths {
			text = append(text, fmt.Sprintf("%ds", s))
		}
		doc["ad_lengths"] = either("ad lengths", b.AdLengths, text, strings.Join(text, "/"))
	}
	if audience := audienceRendering(b.Audience, either); len(audience) > 0 {
		doc["target_audience"] = audience
	}
	if len(b.KPIs) > 0 {
		mapping, entries := map[string]any{}, []any{}
		for _, k := range b.KPIs {
			target := either(k.Metric, k.Target, strings.TrimSpace(k.Target+" "+k.Unit))
			if k.Unit == "%" {
				target = either("ctr", k.Target+"%", k.Target+" percent")
			}
			mapping[k.Metric] = target
			entries = append(entries, map[string]any{"metric": k.Metric, "target": target})
		}
		doc["kpis"] = either("kpis", mapping, entries)
	}
	if f := b.FrequencyCap; f != nil {
		doc["frequency_cap"] = either("cap", map[string]any{"max_impressions": f.MaxImpressions, "period_hours": f.PeriodHours},
			fmt.Sprintf("%d times per %d hours", f.MaxImpressions, f.PeriodHours))
	}
	if p := b.Price; p != nil {
		price := map[string]any{"model": either("model", "cpm", "CPM"), "max": p.Max.Format(b.Budget.Currency)}
		if p.Min > 0 {
			price["min"] = p.Min.Literal() + " " + string(b.Budget.Currency)
		}
		doc["price_range"] = price
	}
	for _, m := range b.Measurement {
		doc["measurement"] = either("measurement", any(map[string]any{"metric": m.Metric, "by": m.By, "words": m.Words}),
			[]any{map[string]any{"metric": "brand lift", "by": m.By, "words": m.Words}})
	}
	return doc
}

func audienceRendering(a brief.Audience, either func(label string, shapes ...any) any) map[string]any {
	out := map[string]any{}
	if len(a.Ages) == 1 {
		r := a.Ages[0]
		out["age"] = either("age", r.String(), []string{r.String()}, []int{r.Min, r.Max}, map[string]any{"min": r.Min, "max": r.Max},
			fmt.Sprintf("%d to %d", r.Min, r.Max))
	} else if len(a.Ages) == 2 {
		out["age"] = either("age", []string{a.Ages[1].String(), a.Ages[0].String()}, a.Ages[0].String()+", "+a.Ages[1].String())
	}
	switch a.Gender {
	case "":
	case "female":
		out["gender"] = either("gender", "female", "Women", "F")
	case "all":
		out["gender"] = either("gender", "all", []string{"men", "women"})
	default:
		out["gender"] = a.Gender
	}
	if a.Geo != nil {
		names := slices.Clone(a.Geo)
		for i, g := range names {
			if name, ok := map[string]string{"US": "United States", "DE": "Germany", "US-CA": "California"}[g]; ok {
				names[i] = name
			}
		}
		out["geo"] = either("geo", a.Geo, names, strings.Join(a.Geo, ", "))
	}
	if a.Metros != nil {
		out["metros"] = a.Metros
	}
	if a.Interests != nil {
		out["interests"] = a.Interests
	}
	return out
}

func TestTheDigestIsOfTheContentNotOfTheForm(t *testing.T) {
	t.Parallel()
	asYAML := mustParse(t, "name: Spring\nbudget: 5000\ncurrency: USD\nstart_date: 2027-03-01\nend_date: 2027-03-31\nnotes: x\n")
	asJSON := mustParse(t, `{"notes": "x", "end_date": "31 March 2027", "start_date": "2027-03-01", "budget": "5,000 USD", "name": "Spring"}`)
	if asYAML.Digest() != asJSON.Digest() {
		t.Error("the same brief in YAML and JSON has two digests")
	}
	other := mustParse(t, "name: Spring\nbudget: 5000.01\ncurrency: USD\nstart_date: 2027-03-01\nend_date: 2027-03-31\nnotes: x\n")
	if other.Digest() == asJSON.Digest() {
		t.Error("a cent more leaves the digest the same")
	}
	if want := 64; len(other.Digest()) != want {
		t.Errorf("digest of %d characters, want %d", len(other.Digest()), want)
	}
}
