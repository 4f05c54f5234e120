package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/examples"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// document is the part of `demo --json` that is promised to other programs.
type document struct {
	Brief struct {
		Name string `json:"name"`
	} `json:"brief"`
	Plan struct {
		Lines []struct {
			Seller    string `json:"seller"`
			ProductID string `json:"product_id"`
			Budget    string `json:"budget"`
			Currency  string `json:"currency"`
			Reason    string `json:"reason"`
		} `json:"lines"`
		Rejected []struct {
			Seller    string `json:"seller"`
			ProductID string `json:"product_id"`
			Reason    string `json:"reason"`
		} `json:"rejected"`
	} `json:"plan"`
	MediaBuys []struct {
		Seller     string            `json:"seller"`
		MediaBuyID string            `json:"media_buy_id"`
		Status     string            `json:"status"`
		Budget     string            `json:"budget"`
		Packages   []json.RawMessage `json:"packages"`
	} `json:"media_buys"`
	Delivery []struct {
		MediaBuyID  string `json:"media_buy_id"`
		Impressions int64  `json:"impressions"`
		Spend       string `json:"spend"`
		Currency    string `json:"currency"`
	} `json:"delivery"`
	Totals struct {
		Budget string `json:"budget"`
		Booked string `json:"booked"`
		Spend  string `json:"spend"`
	} `json:"totals"`
}

func parse(t *testing.T, amount string) money.Micros {
	t.Helper()
	m, err := money.Parse(amount)
	if err != nil {
		t.Fatalf("amount %q: %v", amount, err)
	}
	return m
}

// playedOn is the day on which tests play: before every example's flight.
const playedOn = "2026-12-01"

func TestEveryExampleRunsToItsReport(t *testing.T) {
	t.Parallel()
	briefs, err := fs.Glob(examples.Briefs, "briefs/*")
	if err != nil || len(briefs) < 11 {
		t.Fatalf("examples/briefs has %d briefs, %v; want at least ten and the default", len(briefs), err)
	}
	for _, path := range briefs {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			got := inProcess(t, "", "demo", "--yes", "--json", "--today", playedOn,
				"--brief", filepath.Join("../../examples", path), "--data", t.TempDir())
			if got.code != exitOK {
				t.Fatalf("exit code %d: %s", got.code, got.err)
			}
			checkDocument(t, got.out)
		})
	}
}

func checkDocument(t *testing.T, out string) {
	t.Helper()
	var d document
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatal(err)
	}
	if d.Brief.Name == "" || len(d.Plan.Lines) == 0 || len(d.MediaBuys) == 0 || len(d.Delivery) != len(d.MediaBuys) {
		t.Fatalf("incomplete: %s", out)
	}
	for _, l := range d.Plan.Lines {
		if l.Reason == "" || l.Seller == "" || l.ProductID == "" || parse(t, l.Budget) <= 0 {
			t.Errorf("plan line %+v", l)
		}
	}
	for _, r := range d.Plan.Rejected {
		if r.Reason == "" {
			t.Errorf("%s %s was rejected without a reason", r.Seller, r.ProductID)
		}
	}
	booked := map[string]money.Micros{}
	var sum money.Micros
	for _, b := range d.MediaBuys {
		if b.MediaBuyID == "" || b.Status != "completed" || len(b.Packages) == 0 {
			t.Errorf("media buy %+v", b)
		}
		booked[b.MediaBuyID] = parse(t, b.Budget)
		sum += booked[b.MediaBuyID]
	}
	if budget := parse(t, d.Totals.Budget); sum > budget || sum != parse(t, d.Totals.Booked) {
		t.Errorf("booked %v in buys and %s in totals, of a budget of %v", sum, d.Totals.Booked, budget)
	}
	for _, m := range d.Delivery {
		if spend := parse(t, m.Spend); spend > booked[m.MediaBuyID] || m.Impressions <= 0 {
			t.Errorf("media buy %s delivered %v and %d impressions, booked %v", m.MediaBuyID, spend, m.Impressions, booked[m.MediaBuyID])
		}
	}
}

func TestSameSeedSameReport(t *testing.T) {
	t.Parallel()
	report := func(seed string) string {
		got := inProcess(t, "", "demo", "--yes", "--today", playedOn, "--seed", seed, "--data", t.TempDir())
		if got.code != exitOK {
			t.Fatalf("exit code %d: %s", got.code, got.err)
		}
		return got.out
	}
	first := report("7")
	if report("7") != first {
		t.Error("the same seed gave two reports")
	}
	if report("8") == first {
		t.Error("another seed gave the same report: the seed does nothing")
	}
	if !strings.Contains(first, "Totals") || !strings.Contains(first, "completed") {
		t.Errorf("not a report:\n%s", first)
	}
}

func TestAPersonDecides(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	args := []string{"demo", "--json", "--today", playedOn, "--data", data}
	got := inProcess(t, "n\n", args...)
	if got.code != exitFailed || !strings.Contains(got.err, "nothing was booked") || got.out != "" {
		t.Errorf("declined: code %d, out %q, err %s", got.code, got.out, got.err)
	}
	if again := inProcess(t, "y\n", args...); again.code != exitFailed {
		t.Errorf("a declined plan was booked when asked again: %s", again.out)
	}
	if silent := inProcess(t, "", "demo", "--today", playedOn, "--data", t.TempDir()); silent.code != exitFailed {
		t.Errorf("no answer was taken for a yes: %s", silent.out)
	}
	approved := inProcess(t, "y\n", "demo", "--json", "--today", playedOn, "--data", t.TempDir())
	if approved.code != exitOK {
		t.Fatalf("approved: code %d, %s", approved.code, approved.err)
	}
	for _, part := range []string{"Approve spending up to", "why", "northlight"} {
		if !strings.Contains(approved.err, part) {
			t.Errorf("the prompt does not show %q:\n%s", part, approved.err)
		}
	}
}

func TestTheDemonstrationRunsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	database := storetest.Config(t, store.PostgreSQL).URL
	args := []string{"demo", "--yes", "--json", "--today", playedOn}
	files := inProcess(t, "", append(args, "--data", t.TempDir())...)
	tables := inProcess(t, "", append(args, "--data", t.TempDir(), "--database", database)...)
	if files.code != exitOK || tables.code != exitOK {
		t.Fatalf("codes %d, %d: %s%s", files.code, tables.code, files.err, tables.err)
	}
	if files.out != tables.out {
		t.Errorf("the databases tell different stories\nSQLite:\n%s\nPostgreSQL:\n%s", files.out, tables.out)
	}
	if again := inProcess(t, "", append(args, "--data", t.TempDir(), "--database", database)...); again.out != tables.out {
		t.Errorf("run again on the same database: %s", again.err)
	}
}

const goodBrief = `name: Test
budget: 10000
currency: USD
start_date: 2027-03-01
end_date: 2027-03-31
objectives: [awareness]
target_audience: {geo: [US]}
`

func TestBadBriefsEndInOneClearMessageAndExitCode2(t *testing.T) {
	t.Parallel()
	change := func(from, to string) string {
		if !strings.Contains(goodBrief, from) {
			t.Fatalf("%q is not in the brief", from)
		}
		return strings.Replace(goodBrief, from, to, 1)
	}
	for _, tt := range []struct {
		rule, brief string
		want        []string
	}{
		{"a budget is needed", change("budget: 10000\n", ""), []string{"budget"}},
		{"a budget is positive", change("10000", "-5"), []string{"budget"}},
		{"a budget is not zero", change("10000", "0"), []string{"budget"}},
		{"a currency is needed", change("currency: USD\n", ""), []string{"currency"}},
		{"a currency is in ISO 4217", change("USD", "QQQ"), []string{"currency", "QQQ"}},
		{"the end is not before the start", change("2027-03-31", "2027-02-01"), []string{"end_date"}},
		{"the start is not past", change("2027-03-01", "2020-03-01"), []string{"start_date"}},
		{"a date is a date", change("2027-03-01", "soon"), []string{"start_date", "soon"}},
		{"channels are known", goodBrief + "channels: [telegraph]\n", []string{"channels", "telegraph"}},
		{"countries are known", change("[US]", "[ZZ]"), []string{"geo", "ZZ"}},
		{"unknown fields are named", goodBrief + "budgett: 5\n", []string{"budgett"}},
		{"objectives or notes are needed", change("objectives: [awareness]\n", ""), []string{"objectives"}},
		{"a brief is not empty", "", []string{"brief", "empty"}},
		{"a brief is not blank", " \n\t\n", []string{"brief", "empty"}},
		{"a brief has a bounded size", strings.Repeat("We want more runners. ", 1<<20/22), []string{"brief"}},
		{"a brief is UTF-8", "name: \xff\xfe\n", []string{"UTF-8"}},
		{"words without a budget are asked for one", "Spring Miles for Stridewell, in March 2027, USD.", []string{"budget"}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			path, data := filepath.Join(t.TempDir(), "brief"), filepath.Join(t.TempDir(), "data")
			if err := os.WriteFile(path, []byte(tt.brief), 0o600); err != nil {
				t.Fatal(err)
			}
			got := inProcess(t, "", "demo", "--yes", "--today", playedOn, "--brief", path, "--data", data)
			if got.code != exitBadBrief || got.out != "" {
				t.Errorf("exit code %d, out %q; want %d and nothing", got.code, got.out, exitBadBrief)
			}
			for _, part := range tt.want {
				if !strings.Contains(got.err, part) {
					t.Errorf("the message does not say %q: %s", part, got.err)
				}
			}
			if len(got.err) > 1000 {
				t.Errorf("the message has %d bytes", len(got.err))
			}
			if _, err := os.Stat(data); !os.IsNotExist(err) {
				t.Errorf("something was written: %v", err)
			}
		})
	}
}

func TestOtherFailuresEndInExitCode1(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "brief.yaml")
	if err := os.WriteFile(path, []byte(strings.Replace(goodBrief, "USD", "CHF", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		rule string
		args []string
		want string
	}{
		{"a brief that no seller can serve", []string{"demo", "--yes", "--today", playedOn, "--brief", path, "--data", t.TempDir()}, "no seller can serve"},
		{"a brief that is not there", []string{"demo", "--brief", "none.yaml"}, "none.yaml"},
		{"a day that is none", []string{"demo", "--today", "tomorrow"}, "--today"},
		{"a database of another kind", []string{"demo", "--yes", "--database", "mysql://x"}, "postgres://"},
		{"a database that is not there", []string{"demo", "--yes", "--database", "postgres://127.0.0.1:1/none"}, "127.0.0.1:1"},
		{"an unknown flag", []string{"demo", "--loud"}, "--loud"},
		{"an unknown command", []string{"dance"}, "dance"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got := inProcess(t, "", tt.args...)
			if got.code != exitFailed || got.out != "" || !strings.Contains(got.err, tt.want) {
				t.Errorf("exit code %d, out %q, err %q; want %d and %q", got.code, got.out, got.err, exitFailed, tt.want)
			}
		})
	}
}
