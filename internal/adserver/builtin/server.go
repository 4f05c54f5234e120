package builtin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
)

// Config is what the ad server works with.
type Config struct {
	// Store keeps orders and delivery.
	Store *store.DB
	// Tenant is whose ad server this is; tenants share a store and see nothing of each other.
	Tenant string
	// Clock says what time it is. No hour is run before it has passed on this clock.
	Clock clock.Clock
	// Supply is what each product can deliver, by product_id. A product that is not
	// listed cannot be ordered. A change applies to hours that have not been run.
	Supply map[string]Supply
	// Seed decides about everything that varies.
	Seed int64
}

// AdServer is the built-in ad server. It implements [adserver.Adapter] and is
// safe for concurrent use.
type AdServer struct {
	db       *store.DB
	tenant   string
	clock    clock.Clock
	seed     int64
	products atomic.Pointer[map[string]*product]
	// turn orders changes and delivery within this process, so that none fails for
	// another's sake. Between processes the transactions do.
	turn sync.Mutex
}

var (
	_ adserver.Adapter        = (*AdServer)(nil)
	_ adserver.AudienceHolder = (*AdServer)(nil)
)

// New returns an ad server over what its store holds already.
func New(cfg Config) (*AdServer, error) {
	if cfg.Store == nil || cfg.Clock == nil || cfg.Tenant == "" {
		return nil, errors.New("built-in ad server: store, clock and tenant must be given")
	}
	s := &AdServer{db: cfg.Store, tenant: cfg.Tenant, clock: cfg.Clock, seed: cfg.Seed}
	s.products.Store(&map[string]*product{})
	if err := s.Stock(cfg.Supply); err != nil {
		return nil, err
	}
	return s, nil
}

// Stock adds supply, and replaces that of products it has already, for hours that
// have not been run. Products that are not named keep what they have: line items
// may run on them.
func (s *AdServer) Stock(supply map[string]Supply) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	products := maps.Clone(*s.products.Load())
	for id, of := range supply {
		if err := of.Validate(); err != nil {
			return fmt.Errorf("supply of product %q: %w", id, err)
		}
		products[id] = newProduct(id, s.seed, of)
	}
	s.products.Store(&products)
	return nil
}

// product finds a product's supply; nil where it has none.
func (s *AdServer) product(id string) *product { return (*s.products.Load())[id] }

// Read implements [adserver.Adapter].
func (s *AdServer) Read(ctx context.Context, orderID string) (adserver.Order, error) {
	for {
		before, err := s.order(ctx, orderID)
		if err != nil {
			return adserver.Order{}, err
		}
		items, err := s.db.Read().AdserverLineItems(ctx, store.AdserverLineItemsParams{Tenant: s.tenant, OrderID: orderID})
		if err != nil {
			return adserver.Order{}, unavailable(ctx, err)
		}
		after, err := s.order(ctx, orderID)
		if err != nil {
			return adserver.Order{}, err
		}
		// Every change raises the order's revision: with none in between, the line
		// items are those of this order.
		if before.Revision == after.Revision {
			return orderOf(before, items)
		}
	}
}

func (s *AdServer) order(ctx context.Context, id string) (store.AdserverOrder, error) {
	o, err := s.db.Read().AdserverOrder(ctx, store.AdserverOrderParams{Tenant: s.tenant, OrderID: id})
	if errors.Is(err, store.ErrNoRow) {
		return o, fmt.Errorf("%w: %q", adserver.ErrNotFound, id)
	}
	return o, unavailable(ctx, err)
}

// Deliver runs every whole hour that has passed by through, and on the ad server's
// clock, since the last time: each line item delivers what its pacing asks for
// and its product's supply gives. Calling it late, often, at once, or again
// after a kill makes no difference to what is delivered.
func (s *AdServer) Deliver(ctx context.Context, through time.Time) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	if now := s.clock.Now(); now.Before(through) {
		through = now
	}
	return s.deliver(ctx, through)
}

func (s *AdServer) deliver(ctx context.Context, through time.Time) error {
	through = through.UTC().Truncate(time.Hour)
	for more := true; more; {
		err := s.db.Tx(ctx, func(tx *store.Tx) error {
			var err error
			more, err = s.deliverBatch(ctx, tx, through)
			return err
		})
		if err != nil {
			return unavailable(ctx, err)
		}
	}
	return nil
}

// Batches are bounded so that one transaction keeps others waiting for a
// fraction of a second at most, even after a year's absence.
const (
	batchHours = 31 * 24
	batchRows  = 4000
)

// deliverBatch runs the earliest hours that have not been run, and says whether more are left.
func (s *AdServer) deliverBatch(ctx context.Context, tx *store.Tx, through time.Time) (more bool, err error) {
	rows, err := tx.AdserverLineItemsToRun(ctx, store.AdserverLineItemsToRunParams{
		Tenant: s.tenant, Watermark: through.UnixMicro(),
	})
	if err != nil || len(rows) == 0 {
		return false, err
	}
	first := through
	for _, row := range rows {
		if at := store.Time(row.AdserverLineItem.Watermark); at.Before(first) {
			first = at
		}
	}
	last := first.Add(time.Duration(max(1, min(batchHours, batchRows/len(rows)))) * time.Hour)
	if last.After(through) {
		last = through
	}
	held, err := s.audiences(ctx, tx)
	if err != nil {
		return false, err
	}
	var items []*lineItem
	var revisions []int64
	for _, row := range rows {
		if !store.Time(row.AdserverLineItem.Watermark).Before(last) {
			continue
		}
		li, err := s.lineItem(row, held)
		if err != nil {
			return false, err
		}
		items, revisions = append(items, li), append(revisions, row.AdserverLineItem.Revision)
	}
	var delivered []adserver.HourlyDelivery
	run(items, first, last, func(d adserver.HourlyDelivery) { delivered = append(delivered, d) })
	// The line items come first: of two processes that run the same hours one waits here
	// and then runs again, which the store knows to do.
	for i, li := range items {
		if err := advance(ctx, tx, s.tenant, li, revisions[i]); err != nil {
			return false, err
		}
	}
	for _, d := range delivered {
		if err := insertDelivery(ctx, tx, s.tenant, d); err != nil {
			return false, err
		}
	}
	if err := addDays(ctx, tx, s.tenant, delivered); err != nil {
		return false, err
	}
	return last.Before(through), nil
}

// unavailable marks a fault of the store as one that may pass. A nil error stays nil.
func unavailable(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", adserver.ErrUnavailable, ctx.Err())
	}
	if _, ok := errors.AsType[*adserver.Refusal](err); ok {
		return err
	}
	return fmt.Errorf("%w: %w", adserver.ErrUnavailable, err)
}
