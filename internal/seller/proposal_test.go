package seller_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/seller/inventory"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// outdoors is a brief with everything that a plan needs.
func outdoors(budget int) object {
	return object{
		"buying_mode": "brief", "brief": "Premium video and display around outdoor sport in the US and Canada.",
		"filters": object{"start_date": "2027-03-05", "end_date": "2027-03-14", "budget_range": object{"max": budget, "currency": "USD"}},
	}
}

// plan asks for the plan of reserved products.
func (h *house) plan(principal string, budget int) adcp.Proposal {
	h.t.Helper()
	for _, p := range h.products(h.t, principal, outdoors(budget)).Proposals {
		if p.Name == "Reserved plan" {
			return p
		}
	}
	h.t.Fatal("there is no plan of reserved products")
	return adcp.Proposal{}
}

func finalizing(ids ...string) object {
	var entries []object
	for _, id := range ids {
		entries = append(entries, object{"scope": "proposal", "proposal_id": id, "action": "finalize"})
	}
	return object{"buying_mode": "refine", "refine": entries}
}

// committed asks for a plan and has it committed to.
func (h *house) committed(principal string, budget int) adcp.Proposal {
	h.t.Helper()
	return h.products(h.t, principal, finalizing(h.plan(principal, budget).ProposalID)).Proposals[0]
}

// purchase is a create_media_buy request for a proposal.
func (h *house) purchase(proposalID string, total string) object {
	return with(h.order(), object{
		"packages": nil, "proposal_id": proposalID, "total_budget": object{"amount": json.Number(total), "currency": "USD"},
		"io_acceptance": object{"io_id": "io_" + proposalID, "accepted_at": "2027-03-01T09:00:00Z", "signatory": "ada@acme.example"},
	})
}

// read reads a proposal back.
func (h *house) read(principal, id string) adcp.Proposal {
	h.t.Helper()
	return h.products(h.t, principal, object{"buying_mode": "refine", "refine": []object{{"scope": "proposal", "proposal_id": id}}}).Proposals[0]
}

func TestAPlanIsHeldThenBought(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := plazaHouse(t, db)
		draft := h.plan("buyer", 10_000)
		h.wantReserved("for a draft", 0)
		p := h.products(t, "buyer", finalizing(draft.ProposalID)).Proposals[0]
		held := h.reserved("tv_prime", time.Date(2027, 3, 6, 0, 0, 0, 0, time.UTC))
		if *p.ProposalStatus != "committed" || p.InsertionOrder == nil || !p.InsertionOrder.RequiresSignature || held == 0 {
			t.Fatalf("finalized: %s, %+v, %d held a day", *p.ProposalStatus, p.InsertionOrder, held)
		}
		// The rate card changes: what was agreed does not.
		dearer := catalogue(t, "plaza")
		for _, product := range dearer.Products {
			for i := range product.Pricing {
				product.Pricing[i].Fixed *= 3
			}
		}
		if err := h.service.Sell(dearer); err != nil {
			t.Fatal(err)
		}
		bought := h.book(h.purchase(p.ProposalID, "10000"))
		order, err := h.adServer.AdServer.Read(t.Context(), *bought.MediaBuyID)
		if err != nil || order.LineItems[0].ProductID != "tv_prime" || order.LineItems[0].Rate != 25_000_000 {
			t.Errorf("booked %+v, %v; want tv_prime at 25", order.LineItems[0], err)
		}
		if *bought.TotalBudget != "10000" {
			t.Errorf("the packages add up to %s", *bought.TotalBudget)
		}
		h.wantReserved("when bought", held)
		h.change(*bought.MediaBuyID, object{"canceled": true})
		h.wantReserved("when canceled", 0)
	})
}

func TestAPartOfAPlanIsExact(t *testing.T) {
	t.Parallel()
	h := plazaHouse(t, storetest.Open(t, store.SQLite))
	p := h.committed("buyer", 20_000)
	bought := h.book(h.purchase(p.ProposalID, "7777.77"))
	var sum int64
	for i, pkg := range bought.Packages {
		cents, err := pkg.Budget.Micros()
		if err != nil || cents%10_000 != 0 {
			t.Errorf("package %d has %s, want whole cents", i, *pkg.Budget)
		}
		sum += cents
	}
	if sum != 7_777_770_000 {
		t.Errorf("the packages add up to %d micros, want 7777.77", sum)
	}
}

func TestAHoldIsReleasedOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := plazaHouse(t, db, func(c *seller.Config) { c.HoldFor = time.Hour })
		p := h.committed("buyer", 20_000)
		h.clock.AdvanceTo(p.ExpiresAt.Add(-time.Microsecond))
		if h.reserved("tv_prime", time.Date(2027, 3, 6, 0, 0, 0, 0, time.UTC)) == 0 {
			t.Error("the hold ended before its time")
		}
		h.clock.AdvanceTo(*p.ExpiresAt)
		h.wantReserved("at expiry, before anybody has looked", 0)
		h.tick()
		h.tick()
		h.wantReserved("afterwards", 0)
		if lines, err := (inventory.Ledger{Tenant: "shop"}).Lines(t.Context(), db.Read(), p.ProposalID+"/0"); err != nil || len(lines) > 0 {
			t.Errorf("the hold is still written down: %v, %v", lines, err)
		}
		lapsed, err := db.Read().Events(t.Context(), "shop", store.EventFilter{Kind: "proposal.lapsed"})
		if err != nil || len(lapsed) != 1 {
			t.Errorf("%d events say so, %v; want one", len(lapsed), err)
		}
		if e := h.refused("buyer", "create_media_buy", h.purchase(p.ProposalID, "10000")); e.Code != adcp.CodeProposalExpired {
			t.Errorf("buying it is refused with %s", e.Code)
		}
	})
}

func TestAnOrderThatFailsPutsTheHoldBack(t *testing.T) {
	t.Parallel()
	h := plazaHouse(t, storetest.Open(t, store.SQLite))
	p := h.committed("buyer", 20_000)
	before := h.read("buyer", p.ProposalID)
	held := h.reserved("tv_prime", time.Date(2027, 3, 6, 0, 0, 0, 0, time.UTC))
	h.adServer.set(func(m *moody) {
		m.beforeApply = func(adserver.Order) error {
			return &adserver.Refusal{Field: "line_items[0].budget", Reason: "not today"}
		}
	})
	h.refused("buyer", "create_media_buy", h.purchase(p.ProposalID, "5000"))
	h.wantReserved("after the refusal", held)
	if diff := cmp.Diff(before, h.read("buyer", p.ProposalID)); diff != "" {
		t.Error(diff)
	}
	h.adServer.set(func(m *moody) { m.beforeApply = nil })
	h.book(h.purchase(p.ProposalID, "5000"))
}

func TestUnknownAndForeignProposalsAreAlike(t *testing.T) {
	t.Parallel()
	h := plazaHouse(t, storetest.Open(t, store.SQLite))
	h.account("rival", "rival.example")
	foreign := h.committed("buyer", 20_000).ProposalID
	unknown := strings.Repeat("x", len(foreign))
	rival := object{"account": object{"brand": object{"domain": "rival.example"}, "operator": "rival.example"}, "brand": object{"domain": "rival.example"}}
	for name, request := range map[string]func(id string) (string, object){
		"Finalize": func(id string) (string, object) { return "get_products", finalizing(id) },
		"Refine": func(id string) (string, object) {
			return "get_products", object{"buying_mode": "refine", "refine": []object{{"scope": "proposal", "proposal_id": id, "ask": "more video"}}}
		},
		"Omit": func(id string) (string, object) {
			return "get_products", object{"buying_mode": "refine", "refine": []object{{"scope": "proposal", "proposal_id": id, "action": "omit"}}}
		},
		"Buy": func(id string) (string, object) { return "create_media_buy", with(h.purchase(id, "500"), rival) },
	} {
		t.Run(name, func(t *testing.T) {
			answers := []string{}
			for _, id := range []string{foreign, unknown} {
				task, r := request(id)
				answers = append(answers, string(h.do(t, "rival", task, r).Body))
			}
			if answers[0] != answers[1] || !strings.Contains(answers[0], "PROPOSAL_NOT_FOUND") {
				t.Errorf("a foreign one is answered\n%s\nan unknown one\n%s", answers[0], answers[1])
			}
		})
	}
}

// TestAProposalIsTakenOnce lets two processes finalize, and then buy, the same at
// the same time, and two buyers want what only one can have.
func TestAProposalIsTakenOnce(t *testing.T) {
	t.Parallel()
	for _, dialect := range storetest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			cfg := storetest.Config(t, dialect)
			houses := []*house{plazaHouse(t, storetest.OpenConfig(t, cfg)), nil}
			houses[1] = openHouseOf(t, catalogue(t, "plaza"), storetest.OpenConfig(t, cfg))
			at := func(n int, call func(i int, h *house) *adcp.Error) map[adcp.ErrorCode]int {
				var wait sync.WaitGroup
				var mu sync.Mutex
				codes := map[adcp.ErrorCode]int{}
				for i := range n {
					wait.Go(func() {
						code := adcp.ErrorCode("")
						if e := call(i, houses[i%2]); e != nil {
							code = e.Code
						}
						mu.Lock()
						defer mu.Unlock()
						codes[code]++
					})
				}
				wait.Wait()
				return codes
			}
			draft := houses[0].plan("buyer", 20_000).ProposalID
			codes := at(6, func(_ int, h *house) *adcp.Error { return h.do(t, "buyer", "get_products", finalizing(draft)).Error })
			if diff := cmp.Diff(map[adcp.ErrorCode]int{"": 1, adcp.CodeInvalidState: 5}, codes); diff != "" {
				t.Errorf("finalize: %s", diff)
			}
			rivals := []string{"rival-a", "rival-b", "rival-c", "rival-d"}
			drafts := make([]string, len(rivals))
			for i, r := range rivals {
				drafts[i] = houses[0].plan(r, 6000).ProposalID
			}
			codes = at(len(rivals), func(i int, h *house) *adcp.Error {
				return h.do(t, rivals[i], "get_products", finalizing(drafts[i])).Error
			})
			day := time.Date(2027, 3, 6, 0, 0, 0, 0, time.UTC)
			if n := houses[0].reserved("tv_prime", day); codes[""] == 0 || codes[adcp.CodeProductUnavailable] == 0 || codes[""]+codes[adcp.CodeProductUnavailable] != 4 || n > 100_000 {
				t.Errorf("rivals: %v, %d of 100000 held", codes, n)
			}
			before := houses[0].reserved("tv_prime", day)
			orders := make([]object, 6)
			for i := range orders {
				orders[i] = with(houses[0].purchase(draft, "20000"), object{"idempotency_key": fmt.Sprintf("buy-the-plan-once-%03d", i)})
			}
			codes = at(6, func(i int, h *house) *adcp.Error { return h.do(t, "buyer", "create_media_buy", orders[i]).Error })
			if diff := cmp.Diff(map[adcp.ErrorCode]int{"": 1, adcp.CodeInvalidState: 5}, codes); diff != "" {
				t.Errorf("buy: %s", diff)
			}
			if after := houses[0].reserved("tv_prime", day); after != before {
				t.Errorf("%d are promised after the purchase, %d before", after, before)
			}
		})
	}
}

// TestTheLedgerHolds plays random sequences of plans, holds, orders, changes,
// cancellations and time: no day is ever promised twice, what is committed to
// never changes, and in the end everything is given back.
func TestTheLedgerHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		h := plazaHouse(t, storetest.Open(t, store.SQLite), func(c *seller.Config) { c.HoldFor = 6 * time.Hour })
		h.t = t
		h.account("rival", "rival.example")
		accounts := map[string]object{
			"buyer": {}, "rival": {"account": object{"brand": object{"domain": "rival.example"}, "operator": "rival.example"}, "brand": object{"domain": "rival.example"}},
		}
		type holding struct {
			owner    string
			proposal adcp.Proposal
		}
		var holds []holding
		type owned struct{ owner, id string }
		var buys []owned
		who := rapid.SampledFrom([]string{"buyer", "rival"})
		days := []time.Time{time.Date(2027, 3, 6, 0, 0, 0, 0, time.UTC), time.Date(2027, 3, 12, 0, 0, 0, 0, time.UTC), time.Date(2027, 3, 14, 0, 0, 0, 0, time.UTC)}
		allowed := map[adcp.ErrorCode]bool{
			adcp.CodeProductUnavailable: true, adcp.CodeProposalExpired: true, adcp.CodeInvalidState: true, adcp.CodeBudgetTooLow: true,
		}
		call := func(owner, task string, request object) []byte {
			r := h.do(t, owner, task, request)
			if r.Error != nil && !allowed[r.Error.Code] {
				rt.Fatalf("%s: %v", task, r.Error)
			}
			if r.Error != nil {
				return nil
			}
			return r.Body
		}
		step := func() {
			owner := who.Draw(rt, "who")
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0:
				resp := h.products(t, owner, outdoors(rapid.IntRange(2000, 30_000).Draw(rt, "budget")))
				if len(resp.Proposals) == 0 {
					return
				}
				id := resp.Proposals[rapid.IntRange(0, len(resp.Proposals)-1).Draw(rt, "plan")].ProposalID
				if body := call(owner, "get_products", finalizing(id)); body != nil {
					var done adcp.GetProductsResponse
					if err := decode(body, &done); err != nil {
						rt.Fatal(err)
					}
					holds = append(holds, holding{owner, done.Proposals[0]})
				}
			case 1:
				if len(holds) == 0 {
					return
				}
				x := rapid.IntRange(0, len(holds)-1).Draw(rt, "hold")
				order := with(h.purchase(holds[x].proposal.ProposalID, string(*holds[x].proposal.TotalBudgetGuidance.Max)), accounts[holds[x].owner])
				if body := call(holds[x].owner, "create_media_buy", order); body != nil {
					var done adcp.CreateMediaBuyResponse
					if err := decode(body, &done); err != nil || done.MediaBuyID == nil {
						rt.Fatalf("%s %v", body, err)
					}
					buys = append(buys, owned{holds[x].owner, *done.MediaBuyID})
					holds = slices.Delete(holds, x, x+1)
				}
			case 2:
				order := with(h.order(prime(fmt.Sprint(rapid.IntRange(1000, 25_000).Draw(rt, "budget")))), accounts[owner])
				if body := call(owner, "create_media_buy", order); body != nil {
					var done adcp.CreateMediaBuyResponse
					if err := decode(body, &done); err != nil {
						rt.Fatal(err)
					}
					buys = append(buys, owned{owner, *done.MediaBuyID})
				}
			case 3, 4:
				if len(buys) == 0 {
					return
				}
				b := buys[rapid.IntRange(0, len(buys)-1).Draw(rt, "buy")]
				pkg := ask[adcp.GetMediaBuysResponse](t, &h.shop, b.owner, "get_media_buys", object{"media_buy_ids": []string{b.id}}).MediaBuys[0].Packages[0].PackageID
				changes := rapid.SampledFrom([]object{
					{"canceled": true},
					{"end_time": "2027-03-13T00:00:00Z"},
					{"end_time": "2027-03-16T00:00:00Z"},
					{"packages": []object{{"package_id": pkg, "budget": rapid.IntRange(1000, 25_000).Draw(rt, "budget")}}},
					{"packages": []object{{"package_id": pkg, "canceled": true}}},
				}).Draw(rt, "change")
				request := with(with(h.update(b.id, changes), accounts[b.owner]), object{"brand": nil})
				r := h.do(t, b.owner, "update_media_buy", request)
				if r.Error != nil && !allowed[r.Error.Code] && r.Error.Code != adcp.CodeNotCancellable {
					rt.Fatalf("update: %v", r.Error)
				}
			case 5:
				h.clock.AdvanceTo(h.clock.Now().Add(time.Duration(rapid.IntRange(1, 8).Draw(rt, "hours")) * time.Hour))
				if rapid.Bool().Draw(rt, "look") {
					h.tick()
				}
			}
		}
		for range rapid.IntRange(5, 14).Draw(rt, "steps") {
			step()
			for _, day := range days {
				for product, capacity := range map[string]int64{"tv_prime": 100_000, "front_page": 40_000} {
					if n := h.reserved(product, day); n > capacity {
						rt.Fatalf("%d of %s are promised on %s, of %d", n, product, day.Format(time.DateOnly), capacity)
					}
				}
			}
			for _, x := range holds {
				if h.clock.Now().Before(*x.proposal.ExpiresAt) {
					if diff := cmp.Diff(x.proposal, h.read(x.owner, x.proposal.ProposalID)); diff != "" {
						rt.Fatalf("a commitment changed: %s", diff)
					}
				}
			}
		}
		for _, b := range buys {
			h.do(t, b.owner, "update_media_buy", with(with(h.update(b.id, object{"canceled": true}), accounts[b.owner]), object{"brand": nil}))
		}
		h.advance(h.clock.Now().Add(7 * time.Hour))
		rows := 0
		for _, product := range []string{"tv_prime", "front_page", "tv_sponsor"} {
			lines, err := h.db.Read().InventoryLinesOfProduct(t.Context(), store.InventoryLinesOfProductParams{Tenant: "shop", ProductID: product, ThroughDay: 1 << 40})
			if err != nil {
				rt.Fatal(err)
			}
			rows += len(lines)
		}
		if rows > 0 {
			rt.Fatalf("%d lines are left in the ledger", rows)
		}
	})
}
