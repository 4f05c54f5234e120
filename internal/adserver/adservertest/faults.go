package adservertest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// mostPlaces bounds the places in which a fault is tried; every push ends long before.
const mostPlaces = 200

// RunWithFaults proves for every fault, at every place where a call can meet it,
// that a caller which applies and reads back until both agree ends with exactly
// its order: not two of it, not a mixture, and never with an error that is not of the
// port's contract. Adapters that speak HTTP put trouble below their http.Client with
// [Transport]; others leave it aside, and it happens above them. What
// open returns as clean is the same ad server without trouble.
func RunWithFaults(t *testing.T, open func(t *testing.T, trouble *Trouble) (troubled adserver.Adapter, clean Bench)) {
	for _, fault := range Faults() {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			for place := 1; ; place++ {
				if place > mostPlaces {
					t.Fatalf("an order needs more than %d calls", mostPlaces)
				}
				met := false
				t.Run(fmt.Sprint("at_", place), func(t *testing.T) {
					trouble := &Trouble{Fault: fault, At: place, Depth: 2 * place}
					troubled, clean := open(t, trouble)
					s := &faultSuite{suite: &suite{T: t, Bench: clean, ctx: t.Context()}, troubled: troubled}
					s.life()
					met = trouble.Met()
				})
				if !met || t.Failed() {
					return
				}
			}
		})
	}
}

type faultSuite struct {
	*suite
	troubled adserver.Adapter
	history  []adserver.Order // what was held, in turn
}

// life takes an order through its changes.
func (s *faultSuite) life() {
	first := s.order("order_troubled")
	s.push(nil, first)

	second := s.order(first.ID)
	second.Name, second.Advertiser = "Summer", "Acme Outdoor"
	second.LineItems[0].Budget += money.Unit
	second.LineItems[0].End = second.LineItems[0].End.Add(24 * time.Hour)
	second.LineItems[1].ID += "_new" // one goes and one comes
	slices.Reverse(second.LineItems)
	s.push(&first, second)

	third := second
	third.LineItems = slices.Clone(second.LineItems)
	third.LineItems[0].Paused = true
	s.push(&second, third)

	fourth := third
	fourth.Canceled = true
	s.push(&third, fourth)

	if err := s.troubled.Apply(s.ctx, third); !isContract(err) || err == nil {
		s.Errorf("resumed what was canceled: %v", err)
	}
	s.exactly(fourth)
}

// push is what a sales agent does (seller, traffic.go).
func (s *faultSuite) push(before *adserver.Order, want adserver.Order) {
	s.Helper()
	for range 8 {
		if err := s.troubled.Apply(s.ctx, want); err != nil {
			if !errors.Is(err, adserver.ErrUnavailable) {
				s.Fatalf("Apply: got %v, want ErrUnavailable", err)
			}
			s.oneOf(before, want)
			continue
		}
		held, err := s.troubled.Read(s.ctx, want.ID)
		if err != nil {
			if !isContract(err) {
				s.Fatalf("Read: %v is not of the contract", err)
			}
			continue
		}
		if len(adserver.Diff(want, held)) == 0 {
			s.exactly(want)
			s.history = append(s.history, want)
			return
		}
		if !slices.ContainsFunc(s.history, func(o adserver.Order) bool { return len(adserver.Diff(o, held)) == 0 }) {
			s.Fatalf("Read shows what was never held: %v", adserver.Diff(want, held))
		}
	}
	s.Fatal("one fault keeps the ad server from holding the order for good")
}

// oneOf checks that what can be read is the order as it was or as it is to be.
func (s *faultSuite) oneOf(before *adserver.Order, want adserver.Order) {
	s.Helper()
	got, err := s.Adapter.Read(s.ctx, want.ID)
	switch {
	case errors.Is(err, adserver.ErrUnavailable), before == nil && errors.Is(err, adserver.ErrNotFound):
	case err != nil:
		s.Errorf("after a fault: Read gave %v", err)
	case len(adserver.Diff(want, got)) == 0:
	case before != nil && len(adserver.Diff(*before, got)) == 0:
	default:
		s.Errorf("after a fault the ad server shows a mixture: %+v", got)
	}
}

func (s *faultSuite) exactly(want adserver.Order) {
	s.Helper()
	s.holds(want)
	got, err := s.Adapter.Read(s.ctx, want.ID)
	if err != nil || len(got.LineItems) != len(want.LineItems) {
		s.Fatalf("got %d line items and %v, want %d", len(got.LineItems), err, len(want.LineItems))
	}
	if s.Orders != nil {
		if n := s.Orders(); n != 1 {
			s.Fatalf("the ad server holds %d orders, want one", n)
		}
	}
}

// isContract says whether err is one that an adapter may return.
func isContract(err error) bool {
	_, refused := errors.AsType[*adserver.Refusal](err)
	return err == nil || refused || errors.Is(err, adserver.ErrUnavailable) || errors.Is(err, adserver.ErrNotFound)
}
