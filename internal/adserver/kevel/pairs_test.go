package kevel_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/adserver/kevel"
	"github.com/upfront-media/upfront/internal/clock"
)

var update = flag.Bool("update", false, "write testdata anew, as the fake answers")

// pair is one request of the adapter and the API's answer.
type pair struct {
	Request  string          `json:"request"`
	Body     json.RawMessage `json:"body,omitempty"`
	Status   int             `json:"status"`
	Response json.RawMessage `json:"response"`
}

// recorder notes pairs on their way.
type recorder struct {
	base  http.RoundTripper
	pairs []pair
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	p := pair{Request: req.Method + " " + req.URL.RequestURI()}
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		p.Body, req.Body = body, io.NopCloser(bytes.NewReader(body))
	}
	resp, err := r.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	if p.Status, p.Response = resp.StatusCode, answer; len(answer) == 0 {
		p.Response = json.RawMessage("null")
	}
	r.pairs = append(r.pairs, p)
	return resp, nil
}

// TestPairs holds what goes over the wire, operation by operation, to testdata.
func TestPairs(t *testing.T) {
	t.Parallel()
	changed := order()
	changed.Name, changed.LineItems[0].Paused = "Summer", true
	canceled := order()
	canceled.Canceled = true
	broken := order()
	broken.LineItems[0].ProductID = "broken"
	for file, run := range map[string]func(a *kevel.AdServer, now *clock.Simulated) (before, do func() error){
		"exemplary/create": func(a *kevel.AdServer, _ *clock.Simulated) (func() error, func() error) {
			return nil, func() error { return a.Apply(t.Context(), order()) }
		},
		"exemplary/change": func(a *kevel.AdServer, _ *clock.Simulated) (func() error, func() error) {
			return func() error { return a.Apply(t.Context(), order()) }, func() error { return a.Apply(t.Context(), changed) }
		},
		"exemplary/cancel": func(a *kevel.AdServer, _ *clock.Simulated) (func() error, func() error) {
			return func() error { return a.Apply(t.Context(), order()) }, func() error { return a.Apply(t.Context(), canceled) }
		},
		"exemplary/read": func(a *kevel.AdServer, _ *clock.Simulated) (func() error, func() error) {
			return func() error { return a.Apply(t.Context(), order()) }, func() error { _, err := a.Read(t.Context(), "mb_1"); return err }
		},
		"exemplary/delivery": func(a *kevel.AdServer, now *clock.Simulated) (func() error, func() error) {
			return func() error { return a.Apply(t.Context(), order()) }, func() error {
				now.AdvanceTo(monday.Add(5 * time.Hour))
				q := adserver.DeliveryQuery{OrderID: "mb_1"}
				if _, err := a.Delivery(t.Context(), q); !errors.Is(err, adserver.ErrUnavailable) {
					return err
				}
				_, err := a.Delivery(t.Context(), q)
				return err
			}
		},
		"supplemental/refused": func(a *kevel.AdServer, _ *clock.Simulated) (func() error, func() error) {
			return nil, func() error {
				if _, ok := errors.AsType[*adserver.Refusal](a.Apply(t.Context(), broken)); !ok {
					return errors.New("not refused")
				}
				return nil
			}
		},
	} {
		t.Run(file, func(t *testing.T) {
			now := clock.NewSimulated(monday)
			_, server := newFake(t, now.Now)
			wire := &recorder{base: server.Client().Transport}
			before, do := run(open(t, server, now, wire), now)
			if before != nil {
				if err := before(); err != nil {
					t.Fatal(err)
				}
			}
			wire.pairs = nil
			if err := do(); err != nil {
				t.Fatal(err)
			}
			compare(t, filepath.Join("testdata", file+".json"), wire.pairs)
		})
	}
}

func compare(t *testing.T, file string, pairs []pair) {
	t.Helper()
	got, err := json.MarshalIndent(pairs, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s: run with -update if that is meant\n%s", file, diff)
	}
}
