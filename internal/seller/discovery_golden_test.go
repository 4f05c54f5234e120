package seller_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the answers of discovery's golden pairs anew")

// pair is a request and the answer to it, kept under testdata/<task>/exemplary
// or, where the request is refused, under testdata/<task>/refused.
type pair struct {
	About string `json:"about"`
	// Catalogue is "corner" where empty, else the name of an example.
	Catalogue string `json:"catalogue,omitempty"`
	// Caller is the principal; empty is a caller without a credential.
	Caller   string          `json:"caller,omitempty"`
	Request  json.RawMessage `json:"request"`
	Response json.RawMessage `json:"response,omitempty"`
}

// discoveryTasks are the tasks whose pairs run here.
var discoveryTasks = []string{"get_adcp_capabilities", "get_products", "list_creative_formats"}

func TestGoldenPairsOfDiscovery(t *testing.T) {
	t.Parallel()
	for _, task := range discoveryTasks {
		files, err := filepath.Glob(filepath.Join("testdata", task, "*", "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no pairs for %s: %v", task, err)
		}
		for _, file := range files {
			refused := filepath.Base(filepath.Dir(file)) == "refused"
			t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".json"), func(t *testing.T) {
				t.Parallel()
				checkPair(t, task, file, refused)
			})
		}
	}
}

func checkPair(t *testing.T, task, file string, refused bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := pair{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		t.Fatal(err)
	}
	name := p.Catalogue
	if name == "" {
		name = "corner"
	}
	got := everyWay(t, sharedShop(t, name), p.Caller, task, p.Request)
	if refusedBody(t, got) != refused {
		t.Fatalf("answered %s, want a refusal: %v", got, refused)
	}
	if *update {
		p.Response = got
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(p); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(decoded(t, p.Response), decoded(t, got)); diff != "" {
		t.Errorf("answer differs (-want +got):\n%s", diff)
	}
}

// decoded is a document with its numbers as they are written.
func decoded(t *testing.T, doc []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(doc))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
