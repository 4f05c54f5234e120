package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/internal/api"
	"github.com/upfront-media/upfront/internal/seller"
)

// shopFloor is a running sandbox, and commands that talk to it.
func shopFloor(t *testing.T, args ...string) func(args ...string) outcome {
	t.Helper()
	address, _ := serving(t, append([]string{"--sandbox"}, args...)...)
	return func(args ...string) outcome {
		var out, errs bytes.Buffer
		code := run(t.Context(), console{In: strings.NewReader(""), Out: &out, Err: &errs, Getenv: func(name string) string {
			return map[string]string{"UPFRONT_URL": address, "UPFRONT_TOKEN": "demo-acme-outdoor-v1"}[name]
		}}, args)
		return outcome{code, out.String(), errs.String()}
	}
}

func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is exported is what is imported, and what is wrong is told by line and field.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	shop := shopFloor(t, "--data", data)
	exported := shop("catalogue", "export")
	if exported.code != exitOK || !strings.Contains(exported.out, "sbx_display_fixed") {
		t.Fatal(exported.out, exported.err)
	}
	same := written(t, "same.yaml", exported.out)
	if got := shop("catalogue", "import", same); got.code != exitOK || strings.Contains(got.out, "changed  ") || strings.Contains(got.out, "added") {
		t.Errorf("what was exported changes when it is imported: %s%s", got.out, got.err)
	}

	two := written(t, "two.yaml", twoProducts)
	if got := shop("catalogue", "check", two); got.code != exitOK || !strings.Contains(got.out, "added    2: plain, signed") || !strings.Contains(got.out, "Nothing was changed") {
		t.Errorf("checked: %s%s", got.out, got.err)
	}
	if got := shop("catalogue", "show", "plain"); got.code != exitFailed || !strings.Contains(got.err, "no such product") {
		t.Errorf("a check published something: %s%s", got.out, got.err)
	}
	wrong := written(t, "wrong.yaml", strings.Replace(twoProducts, "currency: USD, fixed: 10", "currency: dollars, fixed: 10", 1))
	if got := shop("catalogue", "import", wrong); got.code != exitFailed || !strings.Contains(got.err, "line 12, products[0].pricing[0].currency") {
		t.Errorf("a wrong file: %s%s", got.out, got.err)
	}
	if got := shop("catalogue", "import", two); got.code != exitOK || !strings.Contains(got.out, "added    2: plain, signed") || !strings.Contains(got.out, "removed  ") {
		t.Errorf("imported: %s%s", got.out, got.err)
	}
	if got := shop("catalogue", "list"); !strings.Contains(got.out, "plain") || !strings.Contains(got.out, "guaranteed, signed") || strings.Contains(got.out, "sbx_") {
		t.Errorf("listed: %s%s", got.out, got.err)
	}
	var detail api.CatalogueProductDetail
	if got := shop("catalogue", "show", "plain", "--json"); json.Unmarshal([]byte(got.out), &detail) != nil || detail.ChangedBy != "sandbox" || !bytes.Contains(detail.Document, []byte(`"fixed":10`)) && !bytes.Contains(detail.Document, []byte(`"fixed": 10`)) {
		t.Errorf("shown: %s%s", got.out, got.err)
	}
	if got := shop("catalogue", "remove", "plain"); got.code != exitOK || !strings.Contains(got.out, "removed  1: plain") {
		t.Errorf("removed: %s%s", got.out, got.err)
	}
	if got := shop("catalogue", "remove", "signed"); got.code != exitFailed || !strings.Contains(got.err, "last product") {
		t.Errorf("removed the last: %s%s", got.out, got.err)
	}
	if got := shop("catalogue", "remove", "plain"); got.code != exitFailed || !strings.Contains(got.err, "no such product") {
		t.Errorf("removed twice: %s%s", got.out, got.err)
	}
}

func TestARateCard(t *testing.T) {
	t.Parallel()
	shop := shopFloor(t)
	if got := shop("catalogue", "import", "../../examples/rate-card.csv", "--seller", "Corner Daily", "--domain", "corner.example"); got.code != exitOK ||
		!strings.Contains(got.out, "added    5: front_banner, front_takeover, morning_podcast, run_of_site, weather_clips") {
		t.Fatalf("imported: %s%s", got.out, got.err)
	}
	if got := shop("catalogue", "export"); !strings.Contains(got.out, "name: Corner Daily") || !strings.Contains(got.out, "fixed: 18000") || !strings.Contains(got.out, "complete: 0.75") {
		t.Errorf("exported: %s%s", got.out, got.err)
	}
	const header = "name,channel,formats,country,currency,price,floor,guaranteed,impressions a day,price model\n"
	for rule, test := range map[string]struct{ text, says string }{
		"Good":                {header + "Clips,ctv,video_15s,US,USD,10,,no,1000,\n", ""},
		"Semicolons":          {strings.ReplaceAll(header+"Clips,ctv,video_15s,US,USD,10,,no,1000,\n", ",", ";"), ""},
		"NoHeader":            {"\n", "line 1: has no header"},
		"AColumnIsMissing":    {"name,channel\nClips,ctv\n", "line 1, column formats: is missing"},
		"AColumnIsUnknown":    {"colour," + header, "line 1, column colour: is unknown"},
		"ACellIsMissing":      {header + "Clips,ctv\n", "line 2, character 1: wrong number of fields; write 10 cells"},
		"NoPrice":             {header + "Clips,ctv,video_15s,US,USD,,,no,1000,\n", "line 2, column price: is empty"},
		"TwoPrices":           {header + "Clips,ctv,video_15s,US,USD,3,2,no,1000,\n", "line 2, column floor: stands beside a price"},
		"ADecimalComma":       {strings.ReplaceAll(header, ",", ";") + "Clips;ctv;video_15s;US;USD;10,50;;no;1000;\n", "line 2, column price"},
		"AnUnknownCurrency":   {header + "Clips,ctv,video_15s,US,dollars,10,,no,1000,\n", "line 2, column currency"},
		"AnUnknownChannel":    {header + "Clips,tv,video_15s,US,USD,10,,no,1000,\n", "line 2, column channel"},
		"AnUnknownFormat":     {header + "Clips,ctv,skywriting,US,USD,10,,no,1000,\n", "line 2, column formats"},
		"AnUnknownCountry":    {header + "Clips,ctv,video_15s,USA,USD,10,,no,1000,\n", "line 2, column country"},
		"AnUnknownModel":      {header + "Clips,ctv,video_15s,US,USD,10,,no,1000,cpx\n", "line 2, column price_model"},
		"NoImpressions":       {header + "Clips,ctv,video_15s,US,USD,10,,no,,\n", "line 2, column impressions_a_day"},
		"NeitherYesNorNo":     {header + "Clips,ctv,video_15s,US,USD,10,,maybe,1000,\n", "line 2, column guaranteed"},
		"NoName":              {header + ",ctv,video_15s,US,USD,10,,no,1000,\n", "line 2, column name"},
		"TheSamePriceTwice":   {header + "Clips,ctv,video_15s,US,USD,10,,no,1000,\nClips,ctv,video_15s,US,USD,11,,no,1000,\n", "line 3"},
		"ConversionsOfNoKind": {header + "Clips,ctv,video_15s,US,USD,10,,no,1000,cpa\n", "line 2, column event_type"},
		"NoLines":             {header, "has no products"},
	} {
		got := shop("catalogue", "check", written(t, "card.csv", test.text))
		if (test.says == "") != (got.code == exitOK) || !strings.Contains(got.err, test.says) {
			t.Errorf("%s: %q, want %q (%s)", rule, got.err, test.says, got.out)
		}
	}
	if got := shop("catalogue", "import", "-", "--seller", "x"); got.code != exitFailed || !strings.Contains(got.err, "--seller and --domain go with") {
		t.Errorf("a seller for YAML: %s%s", got.out, got.err)
	}
}

// docs/publisher.md lists the columns that the import takes, each of them.
func TestThePublishersPageNamesEveryColumn(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/publisher.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, column := range seller.RateCardColumns() {
		if !strings.Contains(string(page), "`"+column+"`") {
			t.Errorf("docs/publisher.md does not name %s", column)
		}
	}
}
