package adcp

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const validBuy = `{"idempotency_key":"key-0123456789abcdef","account":{"account_id":"acc-1"},"brand":{"domain":"acme.example"},
	"start_time":"asap","end_time":"2027-04-01T00:00:00Z",
	"packages":[{"product_id":"p1","pricing_option_id":"cpm","budget":1000.50}]}`

func TestValidateRequest(t *testing.T) {
	t.Parallel()
	edit := func(old, new string) string {
		if !strings.Contains(validBuy, old) {
			t.Fatalf("the document has no %s", old)
		}
		return strings.Replace(validBuy, old, new, 1)
	}
	type want struct{ field, keyword, message string }
	tests := []struct {
		rule, doc string
		want      *want
	}{
		{"OK", validBuy, nil},
		{"UnknownMembersAreAllowed", edit(`"start_time"`, `"novel":{"a":1},"start_time"`), nil},
		{"Required", edit(`"brand":{"domain":"acme.example"},`, ``), &want{"brand", "required", "brand is required"}},
		{"Type", edit(`1000.50`, `"1000.50"`), &want{"packages[0].budget", "type", "packages[0].budget must be number, not string"}},
		{"Minimum", edit(`1000.50`, `-0.01`), &want{"packages[0].budget", "minimum", "packages[0].budget must be at least 0"}},
		{"Pattern", edit(`key-0123456789abcdef`, `key 0123456789abcdef`), &want{"idempotency_key", "pattern", ""}},
		{"Format", edit(`2027-04-01T00:00:00Z`, `1 April`), &want{"end_time", "format", "end_time must be a date and time such as 2027-03-01T00:00:00Z"}},
		{"Enum", edit(`"budget":1000.50`, `"budget":1,"pacing":"warp"`), &want{"packages[0].pacing", "enum", `packages[0].pacing must be one of "even", "asap", "front_loaded"`}},
		{"Dependency", edit(`"packages"`, `"proposal_id":"x","packages"`), &want{"total_budget", "dependencies", "total_budget is required where proposal_id is present"}},
		{"MinItems", edit(`[{"product_id":"p1","pricing_option_id":"cpm","budget":1000.50}]`, `[]`), &want{"packages", "minItems", "packages must have at least 1 item, not 0"}},
		{"TheArmThatWasMeant", edit(`{"account_id":"acc-1"}`, `{"brand":{"domain":"acme.example"}}`), &want{"account.operator", "required", "account.operator is required"}},
		{"ListAtTheTop", `[]`, &want{"", "type", "must be object, not array"}},
		{"SeveralAreCounted", edit(`"product_id":"p1","pricing_option_id":"cpm",`, ``), &want{"packages[0].pricing_option_id", "required", "packages[0].pricing_option_id is required; one more problem is in issues"}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			err := ValidateRequest(CreateMediaBuy.Operation, []byte(tt.doc))
			if tt.want == nil {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			if err == nil || len(err.Issues) == 0 {
				t.Fatalf("got %v, want a refusal with issues", err)
			}
			got := want{Val(err.Field), err.Issues[0].Keyword, err.Message}
			if tt.want.message == "" {
				got.message = ""
			}
			if diff := cmp.Diff(*tt.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if err.Code != CodeInvalidRequest || Val(err.Suggestion) == "" {
				t.Errorf("got %+v, want a %s with a suggestion", err, CodeInvalidRequest)
			}
		})
	}
}

func TestValidateRefusesWhatIsNotRead(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"Empty":            "",
		"NotJSON":          "{",
		"TwoDocuments":     "{} {}",
		"InvalidUTF8":      "{\"a\":\"\xff\"}",
		"TooDeep":          strings.Repeat(`{"a":`, 101) + "1" + strings.Repeat("}", 101),
		"TooManyValues":    "[" + strings.Repeat("1,", maxDocumentValues+1) + "1]",
		"TooLarge":         `"` + strings.Repeat("a", maxDocumentBytes) + `"`,
		"ANumberThatCosts": `{"a":1e1000000000}`,
		"ALongNumber":      `{"a":` + strings.Repeat("1", 1000) + `}`,
		"AnOpenString":     `{"a":"` + strings.Repeat(`\`, 3),
	}
	for rule, doc := range tests {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			err := ValidateRequest(GetProducts.Operation, []byte(doc))
			if err == nil || err.Code != CodeInvalidRequest {
				t.Errorf("got %v, want %s", err, CodeInvalidRequest)
			}
		})
	}
}

// A union multiplies complaints; a large hostile document must not.
func TestALargeRefusalStaysSmall(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"ManyWrongItems":   `{"packages":[` + strings.TrimSuffix(strings.Repeat(`1,`, 100_000), ",") + `]}`,
		"ManyWrongMembers": `{"packages":[{"creatives":[{"assets":{` + wrongMembers(4_000) + `}}]}]}`,
		"ALongName":        `{"account":{"` + strings.Repeat("n", 100_000) + `":1,"account_id":"a"},"packages":{}}`,
	}
	for rule, doc := range tests {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			err := ValidateRequest(CreateMediaBuy.Operation, []byte(doc))
			if err == nil || err.Code != CodeInvalidRequest {
				t.Fatalf("got %v", err)
			}
			size := len(err.Message)
			for _, i := range err.Issues {
				size += len(i.Pointer) + len(i.Message)
			}
			if len(err.Issues) > maxIssues || size > 20_000 {
				t.Errorf("the refusal has %d issues and %d bytes", len(err.Issues), size)
			}
		})
	}
}

func wrongMembers(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"a%d":1`, i)
	}
	return b.String()
}

func TestRefusalsAreTheSameEveryTime(t *testing.T) {
	t.Parallel()
	doc := []byte(`{"packages":[{"budget":"x","pacing":1,"start_time":2},{"creatives":[{"assets":{"b":1,"a":2}}]}],"account":{},"paused":3}`)
	first := ValidateRequest(CreateMediaBuy.Operation, doc)
	for range 20 {
		if diff := cmp.Diff(first, ValidateRequest(CreateMediaBuy.Operation, doc)); diff != "" {
			t.Fatalf("(-first +now)\n%s", diff)
		}
	}
}

func TestValidateResponseAndDocument(t *testing.T) {
	t.Parallel()
	ok := `{"status":"completed","products":[],"cache_scope":"public"}`
	if err := ValidateResponse(GetProducts.Operation, []byte(ok)); err != nil {
		t.Errorf("refused: %v", err)
	}
	if err := ValidateResponse(GetProducts.Operation, []byte(`{"products":[]}`)); err == nil {
		t.Error("a response without its status was accepted")
	}
	if err := ValidateDocument("core/duration.json", []byte(`{"interval":1,"unit":"days"}`)); err != nil {
		t.Errorf("refused: %v", err)
	}
	for _, name := range []string{"core/none.json", "", "../go.mod", "not/core/duration.json", "http://example.com/x.json"} {
		if err := ValidateDocument(name, []byte(`{}`)); err == nil {
			t.Errorf("a schema %q was found", name)
		}
	}
}

// Run with the race detector: first use of every schema from several goroutines.
func TestValidationIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for _, op := range Operations()[:24] {
				if err := ValidateRequest(op, []byte(`{"adcp_version":3}`)); err == nil && op.Name != "search_brands" && op.Name != "validate_input" {
					t.Errorf("%s accepted a version that is no string", op.Name)
				}
			}
		})
	}
	group.Wait()
}

func TestEverySchemaCompiles(t *testing.T) {
	t.Parallel()
	for name := range schemaLines() {
		if _, err := schemas().schema(name); err != nil {
			t.Error(err)
		}
	}
}

func TestPatternsThatGoReadsDifferently(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule, pattern string
		linear        bool
		matches       []string
		refuses       []string
	}{
		{"AClassIsTheSame", `^[a-z0-9_.:-]{2,4}$`, true, []string{"a.", "a:b"}, []string{"a", "A.", "ab\n"}},
		{"AnEscapedPointIsTheSame", `^\d+\.\d+$`, true, []string{"3.1"}, []string{"3x1", "٣.١"}},
		{"ManyLabelsStayLinear", `^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`, true, []string{"a.b", strings.Repeat("a", 100_000)}, []string{strings.Repeat("a", 100_000) + "-"}},
		{"LookAhead", `^P(?!$)(\d+D)?$`, false, []string{"P1D"}, []string{"P"}},
		{"APoint", `^a:.+$`, false, []string{"a:b"}, []string{"a:", "a:b\n"}},
		{"ANegatedClass", `^[^a]$`, false, []string{"b"}, []string{"a"}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			if sameInGo(tt.pattern) != tt.linear {
				t.Errorf("sameInGo is %v, want %v", !tt.linear, tt.linear)
			}
			re, err := compileRegexp(tt.pattern)
			if err != nil || re.String() != tt.pattern {
				t.Fatalf("got %v, %v", re, err)
			}
			for _, s := range tt.matches {
				if !re.MatchString(s) {
					t.Errorf("%.20q does not match", s)
				}
			}
			for _, s := range tt.refuses {
				if re.MatchString(s) {
					t.Errorf("%.20q matches", s)
				}
			}
		})
	}
	if _, err := compileRegexp(`^(?<`); err == nil {
		t.Error("a broken pattern compiled")
	}
}

func TestAnswersOfTasksOnTheWay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule, doc string
		valid     bool
	}{
		{"products are not there yet", `{"status":"submitted","task_id":"task_1"}`, true},
		{"a task is named", `{"status":"submitted"}`, false},
		{"products do not come with the task", `{"status":"submitted","task_id":"task_1","products":[]}`, false},
		{"a completed answer has products", `{"status":"completed","task_id":"task_1"}`, false},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			if err := ValidateResponse(GetProducts.Operation, []byte(tt.doc)); (err == nil) != tt.valid {
				t.Errorf("got %v, want valid: %t", err, tt.valid)
			}
		})
	}
}
