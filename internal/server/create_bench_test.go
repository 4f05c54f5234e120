package server

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// BenchmarkCreateMediaBuy measures create_media_buy over MCP, each with a key of
// its own and answered completed: checked, priced, committed as a task, booked
// in the built-in ad server, read back, committed again, and remembered under its
// key. Beside it, in the same run and on the same kind of database, a bare insert
// of a document of the size of a media buy, each in a transaction of its own. Run
// it with
//
//	go test ./internal/server -run '^$' -bench CreateMediaBuy -benchmem
func BenchmarkCreateMediaBuy(b *testing.B) {
	for _, dialect := range storetest.Dialects() {
		var insert float64
		b.Run(string(dialect)+"/insert", func(b *testing.B) { insert = measureInserts(b, storetest.Open(b, dialect)) })
		b.Run(string(dialect)+"/upfront", func(b *testing.B) {
			url := openShop(b, clock.System{}, func(c *SalesConfig) { c.Store = storetest.Config(b, dialect) })
			post(b, http.DefaultClient, url, order(0)) // opens the account
			var n atomic.Int64
			c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			defer c.CloseIdleConnections()
			b.SetParallelism(4)
			b.ReportAllocs()
			used := processorTime()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if answer := post(b, c, url, order(n.Add(1))); !strings.Contains(string(answer), `"media_buy_id"`) {
						b.Errorf("not booked: %s", answer)
						return
					}
				}
			})
			rate := float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(rate, "req/s")
			b.ReportMetric(float64((processorTime()-used).Microseconds())/float64(b.N), "cpu-µs/op")
			if insert > 0 {
				b.ReportMetric(insert/rate, "inserts/op")
			}
		})
	}
}

func order(n int64) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_media_buy","arguments":{`+
		`"idempotency_key":"benchmark-%08d","account":{"brand":{"domain":"acme.example"},"operator":"acme.example","sandbox":true},`+
		`"brand":{"domain":"acme.example"},"start_time":"2036-03-01T00:00:00Z","end_time":"2036-04-01T00:00:00Z",`+
		`"packages":[{"product_id":"nl_ctv_run_of_service","pricing_option_id":"cpm_fixed_usd","budget":5000}]}}}`, n)
}

// measureInserts gives the inserts a second.
func measureInserts(b *testing.B, db *store.DB) float64 {
	b.Helper()
	err := db.Tx(b.Context(), func(tx *store.Tx) error {
		_, err := tx.SQL().ExecContext(b.Context(), "CREATE TABLE IF NOT EXISTS bare (id TEXT PRIMARY KEY, doc TEXT NOT NULL)")
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	doc := strings.Repeat("x", 2<<10)
	b.SetParallelism(4)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			err := db.Tx(b.Context(), func(tx *store.Tx) error {
				_, err := tx.SQL().ExecContext(b.Context(), "INSERT INTO bare (id, doc) VALUES ($1, $2)", id.New(), doc)
				return err
			})
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "req/s")
	return rate
}
