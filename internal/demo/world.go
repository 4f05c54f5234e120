package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/upfront-media/upfront/examples"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/buyer"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/server"
	"github.com/upfront-media/upfront/internal/store"
)

// deskAnswersAfter is when the demonstration's sales desks sign the orders that
// need a person: the one thing that a publisher's people would do by hand.
const deskAnswersAfter = 2 * time.Hour

// sellers are the catalogues in examples/catalogues that play.
var sellers = []string{"citygrid", "harbour", "northlight"}

// world is a running market: sellers behind loopback addresses, a buyer, and
// the clock they share.
type world struct {
	clock   *clock.Simulated
	buyerDB *store.DB
	buyer   *buyer.Service
	sales   []*server.Sales
	http    []*http.Server
}

// openWorld starts the market of key, or picks it up where an earlier process left it.
// Each agent has a file of its own in dir, or a schema of its own in the database.
func openWorld(ctx context.Context, key string, c Config) (w *world, err error) {
	w = &world{}
	log := c.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close(context.WithoutCancel(ctx)))
			w = nil
		}
	}()
	dir := filepath.Join(c.Data, key)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return w, err
	}
	place := func(agent string) store.Config {
		if c.Database != "" {
			return store.Config{URL: c.Database, Schema: key + "_" + agent, MaxConns: 6}
		}
		return store.Config{Path: filepath.Join(dir, agent+".db")}
	}
	if w.buyerDB, err = store.Open(ctx, place("buyer")); err != nil {
		return w, err
	}
	if err := w.startClock(ctx, c.Today); err != nil {
		return w, err
	}
	addresses := slices.Clone(c.Also)
	for _, name := range sellers {
		address, err := w.openSeller(ctx, name, place(name), c.Seed, log)
		if err != nil {
			return w, fmt.Errorf("start the seller %s: %w", name, err)
		}
		addresses = append(addresses, address)
	}
	w.buyer, err = buyer.New(buyer.Config{
		Tenant: "buyer", Store: w.buyerDB, Clock: w.clock, Sellers: addresses,
		Deadline: c.Deadline, Operator: "upfront.example", Logger: log,
	})
	return w, err
}

// startClock sets the clock to today, or to where it stood.
func (w *world) startClock(ctx context.Context, today time.Time) error {
	err := w.buyerDB.Tx(ctx, func(tx *store.Tx) error {
		return tx.StartSimulationClock(ctx, store.StartSimulationClockParams{Tenant: "buyer", StartedAt: store.Micros(today)})
	})
	if err != nil {
		return err
	}
	row, err := w.buyerDB.Read().SimulationClock(ctx, "buyer")
	if err != nil {
		return err
	}
	w.clock = clock.NewSimulated(store.Time(row.StandsAt))
	return nil
}

// saveClock keeps where the clock stands, once all that was due by then has happened.
func (w *world) saveClock(ctx context.Context) error {
	return w.buyerDB.Tx(ctx, func(tx *store.Tx) error {
		return tx.AdvanceSimulationClock(ctx, store.AdvanceSimulationClockParams{Tenant: "buyer", StandsAt: store.Micros(w.clock.Now())})
	})
}

// openSeller starts one seller on a loopback port of its own and gives the buyer
// an API key for it, which lives as long as this process.
func (w *world) openSeller(ctx context.Context, name string, place store.Config, seed int64, log *slog.Logger) (buyer.Seller, error) {
	content, err := examples.Catalogues.ReadFile("catalogues/" + name + ".yaml")
	if err != nil {
		return buyer.Seller{}, err
	}
	catalogue, err := seller.LoadCatalogue(bytes.NewReader(content))
	if err != nil {
		return buyer.Seller{}, err
	}
	key := rand.Text()
	sales, err := server.NewSales(ctx, server.SalesConfig{
		Tenant: name, PublicURL: "https://sales." + catalogue.Domain, Catalogue: catalogue,
		Store: place, Clock: w.clock, Seed: seed, Logger: log.With("agent", name),
		Principals: []account.Principal{{Name: "demo-buyer", KeySHA256: account.HashKey(key)}},
		SalesDesk:  seller.SalesDesk{ApproveAfter: deskAnswersAfter},
	})
	if err != nil {
		return buyer.Seller{}, err
	}
	w.sales = append(w.sales, sales)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return buyer.Seller{}, err
	}
	s := &http.Server{Handler: sales.Handler(), ReadHeaderTimeout: 10 * time.Second}
	w.http = append(w.http, s)
	go func() {
		if err := s.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("seller stopped", "seller", name, "err", err)
		}
	}()
	return buyer.Seller{Name: name, URL: "http://" + listener.Addr().String() + "/sales/mcp", Token: key}, nil
}

// advance moves the clock to t once every seller has done what was due, and lets
// each catch up with it.
func (w *world) advance(ctx context.Context, t time.Time) error {
	if err := w.settle(ctx); err != nil {
		return err
	}
	w.clock.AdvanceTo(t)
	for i, s := range w.sales {
		if err := s.CatchUp(ctx); err != nil {
			return fmt.Errorf("%s: %w", sellers[i], err)
		}
	}
	return w.settle(ctx)
}

func (w *world) settle(ctx context.Context) error {
	for i, s := range w.sales {
		if err := s.Settle(ctx); err != nil {
			return fmt.Errorf("%s: %w", sellers[i], err)
		}
	}
	return nil
}

func (w *world) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var errs []error
	for _, s := range w.http {
		errs = append(errs, s.Shutdown(ctx))
	}
	for _, s := range w.sales {
		errs = append(errs, s.Close(ctx))
	}
	if w.buyerDB != nil {
		errs = append(errs, w.buyerDB.Close())
	}
	return errors.Join(errs...)
}
