package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/internal/api"
)

// A buyer orders more than the example configuration lets sales sign, and the
// publisher's people decide on it from the command line.
func TestApprovals(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	address, _ := serving(t, "--config", "../../examples/upfront.yaml", "--data", data)
	key := func(name, role string) string {
		got := inProcess(t, "", "staff", "--data", data, "add", name, "--role", role)
		if got.code != exitOK {
			t.Fatal(got.err)
		}
		return strings.TrimSpace(got.out)
	}
	maria, mo := key("maria", "sales"), key("mo", "manager")
	as := func(staffKey string, args ...string) outcome {
		var out, errs bytes.Buffer
		code := run(t.Context(), console{In: strings.NewReader(""), Out: &out, Err: &errs, Getenv: func(name string) string {
			return map[string]string{"UPFRONT_URL": address, "UPFRONT_STAFF_KEY": staffKey, "UPFRONT_TOKEN": serveKey}[name]
		}}, args)
		return outcome{code, out.String(), errs.String()}
	}
	order := func() (task string) {
		start := time.Now().Add(40 * 24 * time.Hour).UTC()
		got := as("", "call", address+"/sales/mcp", "create_media_buy", fmt.Sprintf(`{"account":{"brand":{"domain":"acme.example"},"operator":"acme.example"},"brand":{"domain":"acme.example"},
			"start_time":%q,"end_time":%q,"packages":[{"product_id":"nl_ctv_run_of_service","pricing_option_id":"cpm_fixed_usd","budget":60000}]}`,
			start.Format(time.RFC3339), start.Add(30*24*time.Hour).Format(time.RFC3339)))
		var answer struct {
			Status string `json:"status"`
			TaskID string `json:"task_id"`
		}
		if err := json.Unmarshal([]byte(got.out), &answer); err != nil || answer.Status != "submitted" {
			t.Fatalf("ordered: %s%s", got.out, got.err)
		}
		return answer.TaskID
	}
	signed, declined := order(), order()

	for rule, test := range map[string]struct {
		key  string
		args []string
		says string
	}{
		"NoKey":             {"", []string{"list"}, "upfront staff add"},
		"AnUnknownKey":      {serveKey, []string{"list"}, "lets nobody in"},
		"ARoleThatIsTooLow": {maria, []string{"approve", signed}, "manager"},
		"NoSuchOrder":       {mo, []string{"show", "task_none"}, "No such order"},
		"NoReason":          {mo, []string{"reject", declined}, "reason"},
		"AnEmptyReason":     {mo, []string{"reject", declined, "--reason", ""}, "reason"},
		"NobodyThere":       {mo, []string{"list", "--url", "http://127.0.0.1:1"}, "is upfront serve running"},
	} {
		if got := as(test.key, append([]string{"approvals"}, test.args...)...); got.code != exitFailed || !strings.Contains(got.err, test.says) {
			t.Errorf("%s: code %d, out %q, err %q", rule, got.code, got.out, got.err)
		}
	}

	if got := as(maria, "approvals", "list"); !strings.Contains(got.out, signed) || !strings.Contains(got.out, "60000.00 USD") {
		t.Errorf("listed %s%s", got.out, got.err)
	}
	if got := as(maria, "approvals", "ask", signed, "--question", "Next to news as well?"); got.code != exitOK || !strings.Contains(got.out, "input-required") {
		t.Errorf("asked: %s%s", got.out, got.err)
	}
	if got := as("", "call", address+"/sales/mcp", "get_task_status", fmt.Sprintf(`{"task_id":%q}`, signed)); !strings.Contains(got.out, "Next to news as well?") {
		t.Errorf("the buyer is not asked: %s%s", got.out, got.err)
	}
	if got := as(mo, "approvals", "approve", signed, "--note", "they pay up front"); got.code != exitOK || !strings.Contains(got.out, "rule: large orders") {
		t.Errorf("approved: %s%s", got.out, got.err)
	}
	if got := as(mo, "approvals", "reject", declined, "--reason", "sold out"); got.code != exitOK || !strings.Contains(got.out, "rejected") {
		t.Errorf("rejected: %s%s", got.out, got.err)
	}
	var list struct{ Approvals []api.Approval }
	got := as(maria, "approvals", "list", "--decided", "--json")
	if err := json.Unmarshal([]byte(got.out), &list); err != nil || len(list.Approvals) != 2 || list.Approvals[0].DecidedBy != "mo" || list.Approvals[1].DecidedBy != "mo" {
		t.Errorf("decided: %s%s", got.out, got.err)
	}
	if got := as(maria, "approvals", "show", signed); !strings.Contains(got.out, "they pay up front") || !strings.Contains(got.out, "task.approved") || !strings.Contains(got.out, "Next to news") {
		t.Errorf("shown: %s%s", got.out, got.err)
	}
}
