package kevel_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

const testKey = "KEY-of-the-test"

// fake is Kevel as its public reference has it: the endpoints that the adapter
// uses, with the rules that are documented for them.
type fake struct {
	mu      sync.Mutex
	next    int64
	objects map[string]map[int64]object // by kind
	order   map[string][]int64
	reports map[string]*queued
	records []any
	now     func() time.Time
	asked   []string
}

type object = map[string]any

type queued struct{ polls int }

func newFake(t testing.TB, now func() time.Time) (*fake, *httptest.Server) {
	f := &fake{next: 1000, objects: map[string]map[int64]object{}, order: map[string][]int64{}, reports: map[string]*queued{}, now: now}
	mux := http.NewServeMux()
	for _, kind := range []string{"advertiser", "campaign", "flight"} {
		mux.HandleFunc("GET /v1/"+kind, f.do(func(r *http.Request) (int, any) { return f.page(r, f.all(kind, nil)) }))
		mux.HandleFunc("POST /v1/"+kind, f.do(func(r *http.Request) (int, any) { return f.write(kind, 0, r) }))
		mux.HandleFunc("GET /v1/"+kind+"/{id}", f.do(func(r *http.Request) (int, any) {
			if o := f.objects[kind][pathID(r)]; o != nil {
				return 200, o
			}
			return 404, problem("no such %s", kind)
		}))
		mux.HandleFunc("PUT /v1/"+kind+"/{id}", f.do(func(r *http.Request) (int, any) { return f.write(kind, pathID(r), r) }))
	}
	mux.HandleFunc("GET /v1/campaign/{id}/flight", f.do(func(r *http.Request) (int, any) {
		return f.page(r, f.all("flight", func(o object) bool { return integer(o["CampaignId"]) == pathID(r) }))
	}))
	mux.HandleFunc("GET /v1/fast/flight", f.do(func(r *http.Request) (int, any) {
		var lines []string
		for _, o := range f.all("flight", func(o object) bool { return strings.Contains(o["Name"].(string), r.URL.Query().Get("nameContains")) }) {
			line, _ := json.Marshal(o)
			lines = append(lines, string(line))
		}
		return 200, ndjson(strings.Join(lines, "\n"))
	}))
	mux.HandleFunc("POST /v1/report/queue", f.do(f.queue))
	mux.HandleFunc("GET /v1/report/queue/{id}", f.do(f.poll))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return f, server
}

type ndjson string

func (f *fake) do(h func(*http.Request) (int, any)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.asked = append(f.asked, r.Method+" "+r.URL.Path)
		if r.Header.Get("X-Adzerk-ApiKey") != testKey {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		status, answer := h(r)
		if lines, ok := answer.(ndjson); ok {
			_, _ = w.Write([]byte(lines))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func pathID(r *http.Request) int64 {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	return id
}

func problem(format string, args ...any) object { return object{"Error": fmt.Sprintf(format, args...)} }

func integer(v any) int64 {
	n, ok := v.(json.Number)
	if !ok {
		i, _ := v.(int64)
		return i
	}
	i, _ := n.Int64()
	return i
}

func (f *fake) all(kind string, keep func(object) bool) []object {
	var found []object
	for _, id := range f.order[kind] {
		if o := f.objects[kind][id]; keep == nil || keep(o) {
			found = append(found, o)
		}
	}
	return found
}

func (f *fake) page(r *http.Request, all []object) (int, any) {
	size, _ := strconv.Atoi(r.URL.Query().Get("pageSize"))
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	size, page = max(size, 1), max(page, 1)
	from := min((page-1)*size, len(all))
	items := all[from:min(from+size, len(all))]
	if items == nil {
		items = []object{}
	}
	return 200, object{"page": page, "items": items}
}

func (f *fake) write(kind string, id int64, r *http.Request) (int, any) {
	dec := json.NewDecoder(r.Body)
	dec.UseNumber()
	var o object
	if err := dec.Decode(&o); err != nil {
		return 400, problem("%v", err)
	}
	if id != 0 && f.objects[kind][id] == nil {
		return 404, problem("no such %s", kind)
	}
	if wrong := f.rules(kind, o); wrong != "" {
		return 400, problem("%s", wrong)
	}
	if f.objects[kind] == nil {
		f.objects[kind] = map[int64]object{}
	}
	if id == 0 {
		f.next++
		id = f.next
		f.order[kind] = append(f.order[kind], id)
	}
	o["Id"] = id
	f.objects[kind][id] = o
	return 200, o
}

// rules are the documented ones.
func (f *fake) rules(kind string, o object) string {
	required := map[string][]string{
		"advertiser": {"Title", "IsActive"}, "campaign": {"AdvertiserId", "Name", "IsActive"},
		"flight": {"Name", "StartDateISO", "CampaignId", "PriorityId", "GoalType", "Impressions", "IsActive", "RateType"},
	}[kind]
	for _, key := range required {
		if o[key] == nil || o[key] == "" {
			return key + " is required"
		}
	}
	if custom, _ := o["CustomFieldsJson"].(string); custom != "" && (!json.Valid([]byte(custom)) || utf8.RuneCountInString(custom) > 2000) {
		return "CustomFieldsJson is not JSON of at most 2000 characters"
	}
	switch kind {
	case "campaign":
		if utf8.RuneCountInString(o["Name"].(string)) > 200 {
			return "Name is too long"
		}
		if f.objects["advertiser"][integer(o["AdvertiserId"])] == nil {
			return "no such advertiser"
		}
	case "flight":
		return f.flightRules(o)
	}
	return ""
}

func (f *fake) flightRules(o object) string {
	goal, most := integer(o["GoalType"]), int64(1<<31-1)
	if goal >= 8 {
		most = 500_000_000
	}
	switch {
	case utf8.RuneCountInString(o["Name"].(string)) > 300:
		return "Name is too long"
	case f.objects["campaign"][integer(o["CampaignId"])] == nil:
		return "no such campaign"
	case goal < 1 || goal > 10 || goal > 3 && goal < 7:
		return "GoalType"
	case integer(o["Impressions"]) > most:
		return "Impressions is too many"
	case o["EndDateISO"] == nil && goal != 2 && goal != 9 && goal != 10:
		return "EndDateISO is required"
	case integer(o["RateType"]) < 1 || integer(o["RateType"]) > 6:
		return "RateType"
	case o["CapType"] != nil && (integer(o["CapType"]) < 1 || integer(o["CapType"]) > 4):
		return "CapType"
	case integer(o["PriorityId"]) == 666:
		return "PriorityId 666 is none of the network's"
	}
	return ""
}

func (f *fake) queue(r *http.Request) (int, any) {
	var ask struct {
		StartDateISO, EndDateISO string
		GroupBy                  []string
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		return 400, problem("%v", err)
	}
	start, err := time.Parse("2006-01-02T15:04:05.999999999", ask.StartDateISO)
	end, err2 := time.Parse("2006-01-02T15:04:05.999999999", ask.EndDateISO)
	switch {
	case err != nil || err2 != nil:
		return 400, problem("dates")
	case start.After(end):
		return 400, problem("the start date is after the end date")
	case f.now().Sub(start) > 35*24*time.Hour:
		return 400, problem("hourly reports go back 35 days")
	}
	id := fmt.Sprintf("report-%d", len(f.reports)+1)
	f.reports[id] = &queued{}
	return 200, object{"Id": id}
}

func (f *fake) poll(r *http.Request) (int, any) {
	q := f.reports[r.PathValue("id")]
	if q == nil {
		return 404, problem("no such report")
	}
	if q.polls++; q.polls == 1 {
		return 200, object{"Id": r.PathValue("id"), "Status": 1}
	}
	return 200, object{"Id": r.PathValue("id"), "Status": 2, "Result": object{"Records": f.records}}
}

// campaigns counts those that are not deleted.
func (f *fake) campaigns() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.all("campaign", func(o object) bool { return o["IsDeleted"] != true }))
}
