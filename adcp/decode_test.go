package adcp

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What validation does not see under a member's name must not arrive there.
func TestUnmarshalReadsWhatWasValidated(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule, doc string
		want      PackageRequest
	}{
		{"ExactName", `{"product_id":"p","budget":5}`, PackageRequest{ProductID: "p", Budget: "5"}},
		{"OtherCaseIsAnotherName", `{"product_id":"p","budget":5,"Budget":-1,"BID_PRICE":7}`, PackageRequest{ProductID: "p", Budget: "5"}},
		{"FoldedLettersToo", `{"product_id":"p","bud\u0067et":5,"impre\u017fsions":1}`, PackageRequest{ProductID: "p", Budget: "5"}},
		{"EscapedNameIsTheName", `{"\u0070roduct_id":"p"}`, PackageRequest{ProductID: "p"}},
		{"NestedToo", `{"catalogs":[{"type":"product","Type":"store","ids":["a"]}]}`, PackageRequest{Catalogs: []Catalog{{Type: "product", IDs: []string{"a"}}}}},
		{"RawIsKeptByteForByte", `{"context": {"A" : 1.50,"a":[ ]} }`, PackageRequest{Context: json.RawMessage(`{"A" : 1.50,"a":[ ]}`)}},
		{"SpaceAndUnknownMembers", " {\n\"other\" : {\"product_id\":\"q\"} , \"product_id\"\t:\r\"p\" } ", PackageRequest{ProductID: "p"}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			var got PackageRequest
			if err := Unmarshal([]byte(tt.doc), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestUnmarshalTakesWholeNumbersInAnyNotation(t *testing.T) {
	t.Parallel()
	for _, literal := range []string{"5", "5.0", "5e0", "50e-1", "0.5E1"} {
		var got struct {
			N *int64            `json:"n"`
			D Nullable[Decimal] `json:"d"`
			L []int64           `json:"l"`
			M map[string]int64  `json:"m"`
		}
		doc := strings.ReplaceAll(`{"n":#,"d":#,"l":[#,#],"m":{"x":#}}`, "#", literal)
		if err := Unmarshal([]byte(doc), &got); err != nil {
			t.Errorf("%s: %v", literal, err)
			continue
		}
		if *got.N != 5 || got.L[1] != 5 || got.M["x"] != 5 || got.D.Value != Decimal(literal) {
			t.Errorf("%s: got %+v", literal, got)
		}
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"AMemberGivenTwice":   `{"budget":5,"budget":-5}`,
		"TwiceWhenUnescaped":  `{"budget":5,"\u0062udget":-5}`,
		"TwiceInside":         `{"catalogs":[{"type":"product","type":"store"}]}`,
		"NotJSON":             `{"budget":}`,
		"TwoDocuments":        `{}{}`,
		"Empty":               ``,
		"InvalidUTF8":         "{\"product_id\":\"\xff\"}",
		"TooDeep":             strings.Repeat("[", 200) + strings.Repeat("]", 200),
		"ANumberThatCosts":    `{"budget":1e999999999}`,
		"AFractionForInteger": `{"adcp_major_version":1.5}`,
		"AStringForANumber":   `{"budget":"5"}`,
	}
	for rule, doc := range tests {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			var got PackageRequest
			if err := Unmarshal([]byte(doc), &got); err == nil {
				t.Errorf("got %+v, want an error", got)
			}
		})
	}
	if err := Unmarshal([]byte(`{}`), PackageRequest{}); err == nil {
		t.Error("a value that is no pointer was accepted")
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, doc := range []string{`{"budget":5.0,"Budget":1}`, `{"catalogs":[{"type":"x"}],"adcp_major_version":3.0}`, `[1,{"a":"\"}"}]`, `{"a\\":1}`, ` null `} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		var got PackageRequest
		var named map[string]json.RawMessage
		if Unmarshal(doc, &got) != nil || json.Unmarshal(doc, &named) != nil {
			return
		}
		want := string(named["budget"])
		if want == "null" {
			t.Errorf("%q: null was read as a number", doc)
		}
		if string(got.Budget) != want {
			t.Errorf("%q: got budget %q, want what the exact name holds, %q", doc, got.Budget, want)
		}
	})
}
