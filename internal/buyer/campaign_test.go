package buyer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/brief"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

func springBrief() brief.Brief {
	return brief.Brief{
		Name: "Spring", Advertiser: "Acme Outdoor", Objectives: []string{"awareness"},
		Budget: money.Amount{Micros: usd(10_000), Currency: "USD"},
		Start:  brief.Date{Year: 2027, Month: 4, Day: 1}, End: brief.Date{Year: 2027, Month: 4, Day: 30},
		Audience: brief.Audience{Geo: []string{"US"}}, AdLengths: []int{15},
	}
}

// bench is a brand agent with three sellers and a clock of its own.
type bench struct {
	clock   *clock.Simulated
	db      *store.DB
	sellers []*fakeSeller
	more    []Seller
}

func setup(t *testing.T, db *store.DB) *bench {
	t.Helper()
	b := &bench{clock: clock.NewSimulated(planNow), db: db}
	b.sellers = []*fakeSeller{
		newFakeSeller(t, "alpha", b.clock, wireProduct("tv", "ctv", 20), wireProduct("web", "display", 4)),
		newFakeSeller(t, "beta", b.clock, wireProduct("video", "olv", 12)),
		newFakeSeller(t, "gamma", b.clock, wireProduct("pod", "podcast", 15)),
	}
	return b
}

func sqlite(t *testing.T) *bench {
	t.Helper()
	return setup(t, storetest.Open(t, store.SQLite))
}

// service is a new process over the same database and the same sellers.
func (b *bench) service(t *testing.T) *Service {
	t.Helper()
	sellers := append([]Seller(nil), b.more...)
	for _, f := range b.sellers {
		sellers = append(sellers, f.seller())
	}
	s, err := New(Config{
		Tenant: "acme", Store: b.db, Sellers: sellers, Clock: b.clock, Deadline: 5 * time.Second, Timeout: 5 * time.Second,
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// approved opens, plans and signs the spring campaign.
func approved(t *testing.T, s *Service) string {
	t.Helper()
	ctx := t.Context()
	c, err := s.Open(ctx, springBrief(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Plan(ctx, c.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.Approve(ctx, c.ID, Approval{Actor: "human:ana", Limit: c.Budget}); err != nil {
		t.Fatal(err)
	}
	return c.ID
}

// finish books and follows a campaign to its end.
func (b *bench) finish(t *testing.T, s *Service, id string) Report {
	t.Helper()
	if err := s.Book(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for range 12 {
		if err := s.Follow(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		c, err := s.Campaign(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if c.State.Terminal() {
			break
		}
		b.clock.Advance(15 * 24 * time.Hour)
	}
	return b.report(t, s, id)
}

func (b *bench) report(t *testing.T, s *Service, id string) Report {
	t.Helper()
	r, err := s.Report(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	checkBooks(t, s, r)
	return r
}

// checkBooks holds the ledger's promises, whatever has happened.
func checkBooks(t *testing.T, s *Service, r Report) {
	t.Helper()
	entries, err := s.Ledger(t.Context(), r.CampaignID)
	if err != nil {
		t.Fatal(err)
	}
	var authorised, bound money.Micros
	lines := map[string]money.Micros{}
	for _, e := range entries {
		if e.Balance == Authorised {
			authorised += e.Amount.Micros
			continue
		}
		lines[e.LineID] += e.Amount.Micros
		if e.Balance == Reserved || e.Balance == Committed || e.Balance == Delivered {
			bound += e.Amount.Micros
		}
		if bound > authorised {
			t.Errorf("%s is bound and %s authorised after %+v", bound, authorised, e)
		}
	}
	if r.Plan != nil {
		for _, l := range r.Plan.Lines {
			if a, err := l.Amount(); err != nil || a.Micros != lines[l.ID] {
				t.Errorf("line %s of %s %s has %s in the books (%v)", l.ID, l.Budget, l.Currency, lines[l.ID], err)
			}
		}
	}
	total := func(s string) money.Micros {
		m, err := money.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	tot := r.Totals
	if total(tot.Budget) < total(tot.Authorised) || total(tot.Authorised) < total(tot.Booked) || total(tot.Booked) < total(tot.Spend) {
		t.Errorf("totals %+v are not in order", tot)
	}
}

func TestACampaignFromBriefToReport(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		s := b.service(t)
		r := b.finish(t, s, approved(t, s))
		if r.State != StateCompleted || len(r.MediaBuys) != 3 || len(r.NotBooked) != 0 || len(r.LeftOut) != 0 {
			t.Fatalf("report %+v", r)
		}
		if r.Totals.Planned != "10000.00" || r.Totals.Booked != "10000.00" || r.Totals.Spend != "5000.00" || r.Totals.Reserved != "0.00" {
			t.Errorf("totals %+v", r.Totals)
		}
		for _, m := range r.MediaBuys {
			if m.Status != "completed" || m.MediaBuyID == "" || m.Packages[0].PackageID == "" || len(m.Packages[0].CreativeIDs) != 1 {
				t.Errorf("media buy %+v", m)
			}
		}
		var states []string
		for _, c := range r.Changes {
			states = append(states, string(c.To))
		}
		want := "briefed planned awaiting_approval approved booking live completed"
		if got := strings.Join(states, " "); got != want {
			t.Errorf("went %s, want %s", got, want)
		}
		if r.Approval.Actor != "human:ana" || r.Changes[3].Actor != "human:ana" {
			t.Errorf("approval %+v, change %+v", r.Approval, r.Changes[3])
		}
		events, err := db.Read().Events(t.Context(), "acme", store.EventFilter{CampaignID: r.CampaignID})
		if err != nil || len(events) < len(r.Changes)+6 {
			t.Errorf("%d events, %v", len(events), err)
		}
	})
}

func TestTheSameBriefAndKeyAreOneCampaign(t *testing.T) {
	t.Parallel()
	b := sqlite(t)
	s := b.service(t)
	id := approved(t, s)
	again, err := s.Open(t.Context(), springBrief(), "k")
	if err != nil || again.ID != id || again.State != StateApproved {
		t.Errorf("opened again as %+v, %v", again, err)
	}
	other, err := s.Open(t.Context(), springBrief(), "k2")
	if err != nil || other.ID == id {
		t.Errorf("another key gives %s, %v", other.ID, err)
	}
	if all, err := s.Campaigns(t.Context()); err != nil || len(all) != 2 {
		t.Errorf("%d campaigns, %v", len(all), err)
	}
}

func TestNothingIsBookedWithoutAnAuthority(t *testing.T) {
	t.Parallel()
	b := sqlite(t)
	s := b.service(t)
	c, err := s.Open(t.Context(), springBrief(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Book(t.Context(), c.ID); !errors.Is(err, ErrState) {
		t.Errorf("booked before planning: %v", err)
	}
	if _, err := s.Plan(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.Book(t.Context(), c.ID); !errors.Is(err, ErrState) {
		t.Errorf("booked before approval: %v", err)
	}
	for rule, a := range map[string]Approval{
		"NobodySigned":   {Limit: c.Budget},
		"LessThanPlan":   {Actor: "human:ana", Limit: money.Amount{Micros: usd(9_999), Currency: "USD"}},
		"MoreThanBudget": {Actor: "human:ana", Limit: money.Amount{Micros: usd(10_001), Currency: "USD"}},
		"OtherCurrency":  {Actor: "human:ana", Limit: money.Amount{Micros: usd(10_000), Currency: "EUR"}},
	} {
		if err := s.Approve(t.Context(), c.ID, a); err == nil {
			t.Errorf("%s: approved", rule)
		}
	}
	if err := s.Reject(t.Context(), c.ID, "human:ana", "too dear"); err != nil {
		t.Fatal(err)
	}
	if err := s.Approve(t.Context(), c.ID, Approval{Actor: "human:ana", Limit: c.Budget}); !errors.Is(err, ErrState) {
		t.Errorf("approved what was rejected: %v", err)
	}
	r := b.report(t, s, c.ID)
	if r.State != StateRejected || r.Reason != "too dear" || len(r.MediaBuys) != 0 {
		t.Errorf("report %+v", r)
	}
	for _, f := range b.sellers {
		if f.count() != 0 {
			t.Errorf("%s was sent a booking", f.name)
		}
	}
}

func TestSellersThatFailAreLeftOutAndStopNobody(t *testing.T) {
	t.Parallel()
	b := sqlite(t)
	rubbish := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>hello") }))
	t.Cleanup(rubbish.Close)
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(release) })
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	denied := b.sellers[2].seller()
	denied.Name, denied.Token = "denied", "wrong"
	b.more = []Seller{{Name: "rubbish", URL: rubbish.URL}, {Name: "slow", URL: slow.URL}, {Name: "down", URL: down.URL}, denied}
	b.sellers[2].products = nil
	s := b.service(t)
	s.deadline = 300 * time.Millisecond
	c, err := s.Open(t.Context(), springBrief(), "k")
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, l := range p.LeftOut {
		got[l.Seller] = l.Reason
	}
	want := map[string]string{
		"denied": "refused with AUTH_INVALID: The credential is not valid.", "down": "cannot be reached",
		"gamma": "it has no product for this brief", "rubbish": "answered with something that is not the protocol's",
		"slow": "did not answer within 300ms",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(p.Lines) == 0 {
		t.Error("nobody is left")
	}
}

func TestABadProductIsRejectedAndTheRestStays(t *testing.T) {
	t.Parallel()
	b := sqlite(t)
	below := wireProduct("below", "ctv", -5)
	nameless := wireProduct("", "ctv", 5)
	euros := wireProduct("euros", "ctv", 5)
	euros["pricing_options"].([]any)[0].(map[string]any)["currency"] = "EUR"
	b.sellers[0].products = append(b.sellers[0].products, below, nameless, euros)
	b.sellers[0].page = 2
	s := b.service(t)
	c, err := s.Open(t.Context(), springBrief(), "k")
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range p.Rejected {
		got[r.ProductID] = r.Reason
	}
	for product, want := range map[string]string{"below": "not a product of the protocol", "": "product_id is missing", "euros": "priced in EUR, the brief is in USD"} {
		if !strings.Contains(got[product], want) {
			t.Errorf("product %q: %q, want %q", product, got[product], want)
		}
	}
	if len(p.LeftOut) != 0 || len(p.Lines) < 3 {
		t.Errorf("left out %v, lines %v", p.LeftOut, p.Lines)
	}
}

func TestEndlessPagesAreCutOff(t *testing.T) {
	t.Parallel()
	b := sqlite(t)
	b.sellers[0].endless, b.sellers[1].endless, b.sellers[1].moving = true, true, true
	for i := range maxProducts {
		b.sellers[2].products = append(b.sellers[2].products, wireProduct(fmt.Sprintf("more%d", i), "ctv", 9))
	}
	s := b.service(t)
	c, err := s.Open(t.Context(), springBrief(), "k")
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range p.LeftOut {
		got = append(got, l.Seller+" "+l.Reason)
	}
	want := []string{
		"alpha it says there are more pages and not where; what came before is used",
		"beta it has more than 20 pages; the rest is not read",
		"gamma it answered with more than 500 products; the rest is not read",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(p.Lines) == 0 {
		t.Error("what came before was not used")
	}
}

func TestNoSellerCanServe(t *testing.T) {
	t.Parallel()
	b := sqlite(t)
	for _, f := range b.sellers {
		f.products = nil
	}
	s := b.service(t)
	c, err := s.Open(t.Context(), springBrief(), "k")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Plan(t.Context(), c.ID); !errors.Is(err, ErrNoSeller) || !strings.Contains(err.Error(), "alpha: it has no product for this brief") {
			t.Errorf("got %v", err)
		}
	}
	if r := b.report(t, s, c.ID); r.State != StateFailed || len(r.MediaBuys) != 0 {
		t.Errorf("report %+v", r)
	}
}

func TestARefusalReleasesTheMoneyAndStopsNobody(t *testing.T) {
	t.Parallel()
	b := sqlite(t)
	b.sellers[1].refuse = func(*adcp.CreateMediaBuyRequest) error {
		return adcp.NewError(adcp.CodePolicyViolation, "brand", "we do not carry this brand")
	}
	s := b.service(t)
	r := b.finish(t, s, approved(t, s))
	if r.State != StateCompleted || len(r.MediaBuys) != 2 || len(r.NotBooked) != 1 || r.NotBooked[0].Seller != "beta" {
		t.Fatalf("report %+v", r)
	}
	if len(r.LeftOut) != 1 || !strings.Contains(r.LeftOut[0].Reason, "did not book video: refused with POLICY_VIOLATION: we do not carry this brand") {
		t.Errorf("left out %+v", r.LeftOut)
	}
	if b.sellers[1].count() != 1 {
		t.Errorf("asked %d times", b.sellers[1].count())
	}
}

func TestARefusedPackageDoesNotTakeTheOthersWithIt(t *testing.T) {
	t.Parallel()
	b := sqlite(t)
	b.sellers[0].refuse = func(req *adcp.CreateMediaBuyRequest) error {
		for i, p := range req.Packages {
			if p.ProductID == "tv" {
				return adcp.NewError(adcp.CodeValidationError, fmt.Sprintf("packages[%d].start_time", i), "needs 60 days")
			}
		}
		return nil
	}
	s := b.service(t)
	r := b.finish(t, s, approved(t, s))
	if len(r.MediaBuys) != 3 || len(r.NotBooked) != 1 {
		t.Fatalf("report %+v", r)
	}
	if got := productsOf(r.MediaBuys[0]); !cmp.Equal(got, []string{"web"}) {
		t.Errorf("alpha booked %v", got)
	}
	if got := productsOf(r.NotBooked[0]); !cmp.Equal(got, []string{"tv"}) || r.NotBooked[0].Budget != r.NotBooked[0].Packages[0].Budget {
		t.Errorf("alpha did not book %+v", r.NotBooked[0])
	}
}

func TestOtherTermsThanAgreedAreCancelled(t *testing.T) {
	t.Parallel()
	for rule, change := range map[string]func(*adcp.CreateMediaBuyResponse){
		"Budget":   func(r *adcp.CreateMediaBuyResponse) { r.Packages[0].Budget = new(adcp.Decimal("99999")) },
		"Currency": func(r *adcp.CreateMediaBuyResponse) { r.Currency = new("EUR") },
		"Price":    func(r *adcp.CreateMediaBuyResponse) { r.Packages[0].PricingOptionID = new("dearer") },
		"Total":    func(r *adcp.CreateMediaBuyResponse) { r.TotalBudget = new(adcp.Decimal("1")) },
		"Bid":      func(r *adcp.CreateMediaBuyResponse) { r.Packages[0].BidPrice = new(adcp.Decimal("50")) },
		"Count":    func(r *adcp.CreateMediaBuyResponse) { r.Packages = append(r.Packages, r.Packages[0]) },
		"Product":  func(r *adcp.CreateMediaBuyResponse) { r.Packages[0].ProductID = new("other") },
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			b := sqlite(t)
			b.sellers[1].change = change
			s := b.service(t)
			r := b.finish(t, s, approved(t, s))
			if r.State != StateCompleted || len(r.MediaBuys) != 2 || len(r.NotBooked) != 1 {
				t.Fatalf("report %+v", r)
			}
			if !strings.Contains(r.NotBooked[0].Reason, "booked on other terms than agreed") {
				t.Errorf("reason %q", r.NotBooked[0].Reason)
			}
			if got := b.sellers[1].booked(); len(got) != 0 {
				t.Errorf("beta still holds %v", got)
			}
		})
	}
}

func TestALostAnswerBooksOnce(t *testing.T) {
	t.Parallel()
	b := sqlite(t)
	b.sellers[1].loseAnswers = 2
	s := b.service(t)
	r := b.finish(t, s, approved(t, s))
	f := b.sellers[1]
	if len(r.MediaBuys) != 3 || f.count() != 1 || len(f.booked()) != 1 {
		t.Fatalf("handled %d times, holds %v, report %+v", f.count(), f.booked(), r.MediaBuys)
	}
}

func TestASellerThatNeverAnswersKeepsItsReservation(t *testing.T) {
	t.Parallel()
	b := sqlite(t)
	b.sellers[1].refuse = func(*adcp.CreateMediaBuyRequest) error {
		return adcp.NewError(adcp.CodeServiceUnavailable, "", "try later")
	}
	s := b.service(t)
	id := approved(t, s)
	for range 3 {
		if err := s.Book(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	r := b.report(t, s, id)
	if r.State != StateLive || r.Totals.Reserved == "0.00" || len(r.LeftOut) != 1 || !strings.Contains(r.LeftOut[0].Reason, "did not confirm") {
		t.Fatalf("report %+v", r)
	}
	// It comes back: what it was sent is booked after all, once.
	b.sellers[1].refuse = nil
	r = b.finish(t, s, id)
	if r.State != StateCompleted || len(r.MediaBuys) != 3 || len(b.sellers[1].booked()) != 1 {
		t.Errorf("report %+v", r)
	}
}

func TestARefusalThatSaysNothingKeepsTheReservation(t *testing.T) {
	t.Parallel()
	b := sqlite(t)
	f := b.sellers[1]
	f.loseAnswers = 100
	s := b.service(t)
	id := approved(t, s)
	if err := s.Book(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	// It has booked and its answers were lost. Now it refuses the credential,
	// which does not say that it holds nothing.
	revoked := f.seller()
	revoked.Token = "revoked"
	b.sellers, b.more = []*fakeSeller{b.sellers[0], b.sellers[2]}, []Seller{revoked}
	s = b.service(t)
	for range 3 {
		if err := s.Follow(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if r := b.report(t, s, id); r.Totals.Reserved == "0.00" || len(r.NotBooked) != 0 {
		t.Errorf("released what may be booked: %+v", r.Totals)
	}
	// Neither does leaving the configuration.
	b.more = nil
	s = b.service(t)
	if err := s.Follow(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if r := b.report(t, s, id); r.Totals.Reserved == "0.00" || !strings.Contains(fmt.Sprint(r.LeftOut), "not in the configuration any more") {
		t.Errorf("released what may be booked: %+v %+v", r.Totals, r.LeftOut)
	}
	// When the flight is over the money is free again.
	b.clock.Advance(90 * 24 * time.Hour)
	r := b.finish(t, s, id)
	if r.State != StateCompleted || r.Totals.Reserved != "0.00" || len(r.NotBooked) != 1 {
		t.Errorf("report %+v", r)
	}
}

func TestASellerThatIsDownIsGivenUpAfterItsTries(t *testing.T) {
	t.Parallel()
	b := sqlite(t)
	s := b.service(t)
	id := approved(t, s)
	b.sellers[1].server.Close()
	r := b.finish(t, s, id)
	if r.State != StateCompleted || len(r.MediaBuys) != 2 || len(r.NotBooked) != 1 || !strings.Contains(r.NotBooked[0].Reason, "cannot be reached") {
		t.Errorf("report %+v", r)
	}
}

func TestSellersThatDecideLaterAreFollowed(t *testing.T) {
	t.Parallel()
	for _, reject := range []bool{false, true} {
		t.Run(fmt.Sprintf("reject=%v", reject), func(t *testing.T) {
			t.Parallel()
			b := sqlite(t)
			f := b.sellers[2]
			f.manual, f.reject, f.decideAt = true, reject, planNow.Add(72*time.Hour)
			s := b.service(t)
			id := approved(t, s)
			if err := s.Book(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			if r := b.report(t, s, id); r.State != StateBooking || r.MediaBuys[2].Status != "submitted" || r.MediaBuys[2].TaskID == "" {
				t.Fatalf("before the decision: %+v", r)
			}
			r := b.finish(t, s, id)
			want := 3
			if reject {
				want = 2
				if len(r.LeftOut) != 1 || !strings.Contains(r.LeftOut[0].Reason, "ended as rejected: not on our screens") {
					t.Errorf("left out %+v", r.LeftOut)
				}
			}
			if r.State != StateCompleted || len(r.MediaBuys) != want {
				t.Errorf("report %+v", r)
			}
		})
	}
}

func TestNobodyBooks(t *testing.T) {
	t.Parallel()
	b := sqlite(t)
	for _, f := range b.sellers {
		f.refuse = func(*adcp.CreateMediaBuyRequest) error { return adcp.NewError(adcp.CodePolicyViolation, "", "no") }
	}
	s := b.service(t)
	r := b.finish(t, s, approved(t, s))
	if r.State != StateFailed || r.Totals.Booked != "0.00" || r.Totals.Reserved != "0.00" || len(r.NotBooked) != 3 {
		t.Errorf("report %+v", r)
	}
}

func TestMoreThanBookedIsNotAcceptedAsDelivered(t *testing.T) {
	t.Parallel()
	b := sqlite(t)
	b.sellers[1].overspend = true
	s := b.service(t)
	r := b.finish(t, s, approved(t, s))
	if r.Delivery[1].Spend != r.MediaBuys[1].Budget {
		t.Errorf("accepted %s of %s booked", r.Delivery[1].Spend, r.MediaBuys[1].Budget)
	}
}

func TestTheReportIsTheSameToTheByte(t *testing.T) {
	t.Parallel()
	var first []byte
	for range 2 {
		b := sqlite(t)
		s := b.service(t)
		r := b.finish(t, s, approved(t, s))
		document, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = document
		} else if diff := cmp.Diff(string(first), string(document)); diff != "" {
			t.Error(diff)
		}
	}
}
