package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/upfront-media/upfront/internal/store"
)

// The program is killed 50 times or more in all, spread over several markets.
const (
	killedMarkets = 5
	killsInMarket = 10
)

// TestKilledAnywhereItFinishesTheSame kills the demonstration with SIGKILL at
// random points, again and again on the same data, and lets it finish: the
// report must be the one of an undisturbed run, to the byte, and each seller must
// hold exactly the media buys that the report names.
func TestKilledAnywhereItFinishesTheSame(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("kills the program 50 times, which takes about a minute")
	}
	for seed := range killedMarkets {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			args := []string{"demo", "--yes", "--json", "--today", "2026-12-01", "--seed", fmt.Sprint(seed), "--data"}
			began := time.Now()
			want, err := program(t.Context(), append(args, t.TempDir())...).Output()
			if err != nil {
				t.Fatalf("undisturbed run: %v", err)
			}
			whole := time.Since(began)

			random := rand.New(rand.NewPCG(uint64(seed), 50))
			for kills := 0; kills < killsInMarket; {
				// Points anywhere in what is left of a run: each goes on where the
				// one before died, until one is quicker than its killer.
				data := t.TempDir()
				for killed(t, time.Duration(random.Int64N(int64(whole)*2/3)), append(args, data)...) {
					kills++
				}
				last := program(t.Context(), append(args, data)...)
				var errs bytes.Buffer
				last.Stderr = &errs
				got, err := last.Output()
				if err != nil {
					t.Fatalf("the run after the last kill: %v\n%s", err, errs.String())
				}
				if !bytes.Equal(got, want) {
					t.Errorf("after %d kills the report differs\ngot:\n%s\nwant:\n%s", kills, got, want)
				}
				holdsExactly(t, data, got)
			}
		})
	}
}

// killed runs the program and kills it with SIGKILL after d; it reports whether
// it was still running.
func killed(t *testing.T, d time.Duration, args ...string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d) // CommandContext kills with SIGKILL
	defer cancel()
	err := program(ctx, args...).Run()
	if err != nil && ctx.Err() == nil {
		t.Fatalf("it failed by itself: %v", err)
	}
	return err != nil
}

// holdsExactly looks into each seller's own database.
func holdsExactly(t *testing.T, data string, report []byte) {
	t.Helper()
	var doc document
	if err := json.Unmarshal(report, &doc); err != nil {
		t.Fatal(err)
	}
	booked := map[string]string{}
	for _, b := range doc.MediaBuys {
		booked[b.Seller] = b.MediaBuyID
	}
	files, err := filepath.Glob(filepath.Join(data, "*", "*.db"))
	if err != nil || len(files) < 4 {
		t.Fatalf("databases: %v, %v", files, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		name = name[:len(name)-len(".db")]
		if name == "buyer" {
			continue
		}
		db, err := store.Open(t.Context(), store.Config{Path: file})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := db.Read().MediaBuysOfPrincipal(t.Context(), store.MediaBuysOfPrincipalParams{Tenant: name, Principal: "demo-buyer"})
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, row := range rows {
			ids = append(ids, row.MediaBuyID)
		}
		want := []string{}
		if booked[name] != "" {
			want = append(want, booked[name])
		}
		if fmt.Sprint(ids) != fmt.Sprint(want) {
			t.Errorf("%s holds the media buys %v, the report says %v", name, ids, want)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
