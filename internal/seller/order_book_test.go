package seller_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/seller/inventory"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// orderBook is a model of what four accounts have ordered at the plaza: where each
// media buy stands by the table of states, and what each day has promised. It knows
// nothing of how the agent works that out.
type orderBook struct {
	*rapid.T
	h       *house
	buys    []*modelBuy
	waiting []*modelBuy // for a person's signature
}

// party is one of the four accounts.
type party struct{ principal, brand string }

var parties = []party{
	{"buyer", "acme.example"}, {"buyer", "zenith.example"}, {"rival", "acme.example"}, {"rival", "zenith.example"},
}

func (p party) account() object {
	return object{"brand": object{"domain": p.brand}, "operator": p.brand}
}

// modelBuy is a media buy of one package.
type modelBuy struct {
	model
	party
	id, pkg, task string
	request       object
	start         time.Time
	// perDay is how many impressions of each day of the flight are promised to it, of
	// supply; none at all of what is not guaranteed.
	supply cell
	perDay int64
	unit   int64 // what a thousand of them a day cost over the flight
	// spent and shown are what its last report said.
	spent money.Micros
	shown int64
}

// cell is a supply that is counted by itself.
type cell struct{ product, country string }

var capacities = map[cell]int64{{"tv_prime", "US"}: 80_000, {"tv_prime", "CA"}: 20_000, {"tv_sponsor", ""}: 50_000}

// TestRandomOrderBooks lets four accounts do five hundred things in any order. After
// each, the agent says of the media buy what the table of states says, and the
// ledger holds of every day what the model adds up, never more than there is. When
// time has passed, every report's parts add up to its whole, which is what the ad
// server holds, within the budget, and never less than was reported before.
func TestRandomOrderBooks(t *testing.T) {
	t.Parallel()
	steps := 500
	if testing.Short() {
		steps = 60
	}
	done := false // one sequence, and as many more as it takes to make a failing one smaller
	rapid.Check(t, func(rt *rapid.T) {
		if done {
			return
		}
		b := &orderBook{T: rt, h: openHouseOf(t, catalogue(t, "plaza"), storetest.Open(t, store.SQLite))}
		for _, p := range parties {
			b.h.account(p.principal, p.brand)
			b.must(p, "sync_creatives", object{"creatives": []object{creative("clip", "video_15s")}})
		}
		for i := range steps {
			op := rapid.SampledFrom([]string{
				"order", "order", "order", "decide", "pause", "resume", "cancel", "budget", "budget", "assign", "assign",
				"stale", "foreign", "again", "wait",
			}).Draw(rt, "op")
			b.step(op)
			b.ledgerAgrees(fmt.Sprintf("step %d, %s", i, op))
		}
		b.accountsAgree()
		byState := map[seller.State]int{}
		for _, m := range b.buys {
			byState[m.state]++
		}
		t.Logf("%d media buys: %v", len(b.buys), byState)
		done = true
	})
}

func (b *orderBook) step(op string) {
	if op == "order" {
		b.order()
		return
	}
	if op == "decide" {
		if len(b.waiting) > 0 {
			b.decide()
		}
		return
	}
	if op == "wait" {
		for len(b.waiting) > 0 { // before its flight begins
			b.decide()
		}
		b.wait(time.Duration(rapid.IntRange(6, 40).Draw(b.T, "hours")) * time.Hour)
		return
	}
	if len(b.buys) == 0 {
		return
	}
	// Late ones are of more interest: the others have mostly ended.
	m := b.buys[len(b.buys)-1-rapid.IntRange(0, min(len(b.buys), 20)-1).Draw(b.T, "buy")]
	b.change(m, op)
	b.agrees(m, op)
}

// order asks for a media buy, which the ledger may not have.
func (b *orderBook) order() {
	now := b.h.clock.Now()
	days := rapid.Int64Range(2, 6).Draw(b.T, "days")
	start := now.Truncate(24*time.Hour).AddDate(0, 0, rapid.IntRange(3, 7).Draw(b.T, "in days"))
	m := &modelBuy{party: rapid.SampledFrom(parties).Draw(b.T, "account"), start: start}
	m.state, m.revision, m.end = seller.StatePendingCreatives, 1, start.AddDate(0, 0, int(days))
	pkg := object{"product_id": "tv_prime", "pricing_option_id": "cpm_usd"}
	switch rapid.SampledFrom([]string{"US", "US", "CA", "clips", "sponsor"}).Draw(b.T, "product") {
	case "US":
		m.sell(cell{"tv_prime", "US"}, 25*days, rapid.Int64Range(20, 50).Draw(b.T, "thousands"))
		pkg["targeting_overlay"] = object{"geo_countries": []string{"US"}}
	case "CA":
		m.sell(cell{"tv_prime", "CA"}, 25*days, 20)
		pkg["targeting_overlay"] = object{"geo_countries": []string{"CA"}}
	case "clips":
		pkg["product_id"], m.budget = "clips", rapid.Int64Range(200, 3000).Draw(b.T, "budget")
	case "sponsor":
		pkg["product_id"], pkg["pricing_option_id"] = "tv_sponsor", "night_usd"
		m.supply, m.perDay, m.budget = cell{"tv_sponsor", ""}, 50_000, 8000
	}
	pkg["budget"] = m.budget
	if rapid.Bool().Draw(b.T, "with creative") {
		pkg["creative_assignments"] = []object{{"creative_id": "clip"}}
		m.state = seller.StatePendingStart
	}
	m.request = object{
		"idempotency_key": b.h.key(), "account": m.account(), "brand": object{"domain": m.brand},
		"start_time": m.start, "end_time": m.end, "packages": []object{pkg},
	}
	r := b.h.do(b.h.t, m.principal, "create_media_buy", m.request)
	if !b.fits(m, m.perDay) {
		if r.Error == nil || r.Error.Code != adcp.CodeProductUnavailable {
			b.Fatalf("%d a day of %v from %s: %v, want PRODUCT_UNAVAILABLE", m.perDay, m.supply, m.start, r.Error)
		}
		return
	}
	if r.Error != nil {
		b.Fatalf("%d a day of %v from %s: refused with %v", m.perDay, m.supply, m.start, r.Error)
	}
	resp := into[adcp.CreateMediaBuyResponse](b, r.Body)
	if m.supply.product == "tv_sponsor" {
		if resp.Status != adcp.TaskStatusSubmitted || resp.MediaBuyID != nil {
			b.Fatalf("a sponsorship is %s, want submitted", resp.Status)
		}
		m.task = *resp.TaskID
		b.waiting = append(b.waiting, m)
		return
	}
	b.booked(m, resp)
}

// sell makes it so many thousand impressions a day, at so much for one thousand.
func (m *modelBuy) sell(of cell, unit, thousands int64) {
	m.supply, m.unit, m.perDay, m.budget = of, unit, 1000*thousands, unit*thousands
}

func (b *orderBook) booked(m *modelBuy, resp *adcp.CreateMediaBuyResponse) {
	m.id, m.pkg = *resp.MediaBuyID, resp.Packages[0].PackageID
	b.buys = append(b.buys, m)
	b.agrees(m, "order")
}

// decide has a person sign or refuse the oldest order.
func (b *orderBook) decide() {
	m := b.waiting[0]
	b.waiting = b.waiting[1:]
	if !rapid.Bool().Draw(b.T, "sign") {
		if err := b.h.service.Reject(b.h.t.Context(), m.task, jo, "no"); err != nil {
			b.Fatalf("reject: %v", err)
		}
		return
	}
	if err := b.h.service.Approve(b.h.t.Context(), m.task, jo, ""); err != nil {
		b.Fatalf("approve: %v", err)
	}
	if err := b.h.queue.Drain(b.h.t.Context()); err != nil {
		b.Fatal(err)
	}
	r := b.h.do(b.h.t, m.principal, "get_task_status", object{"task_id": m.task, "include_result": true})
	status := into[adcp.GetTaskStatusResponse](b, r.Body)
	b.booked(m, into[adcp.CreateMediaBuyResponse](b, status.Result))
}

// change asks for one change, and expects what the table and the ledger say.
func (b *orderBook) change(m *modelBuy, op string) {
	who, request := m.party, object{"idempotency_key": b.h.key(), "account": m.account(), "media_buy_id": m.id}
	action, then := seller.Action(""), func() {}
	var want adcp.ErrorCode
	switch op {
	case "pause", "resume":
		held := op == "pause"
		request["paused"] = held
		if m.held != held {
			action, then = seller.Action(op), func() {
				m.held = held
				m.move(map[bool]seller.Event{true: seller.EventPaused, false: seller.EventResumed}[held])
			}
		}
	case "cancel":
		request["canceled"], action = true, seller.ActionCancel
		then = func() { m.move(seller.EventCanceled) }
	case "budget":
		thousands, budget := int64(0), m.budget+100
		if m.unit > 0 {
			thousands = rapid.Int64Range(20, 50).Draw(b.T, "thousands")
			budget = m.unit * thousands
		} else if m.perDay > 0 {
			return // a sponsorship has one price
		}
		request["packages"] = []object{{"package_id": m.pkg, "budget": budget}}
		if budget == m.budget {
			break
		}
		action = seller.ActionIncreaseBudget
		if budget < m.budget {
			action = seller.ActionDecreaseBudget
		}
		if !m.state.Terminal() && money.Micros(budget)*money.Unit < b.delivered(m).Spend {
			want = adcp.CodeBudgetTooLow
		} else if !b.fits(m, 1000*thousands) {
			want = adcp.CodeProductUnavailable
		}
		then = func() { m.perDay, m.budget = 1000*thousands, budget }
	case "assign":
		request["packages"] = []object{{"package_id": m.pkg, "creative_assignments": []object{{"creative_id": "clip"}}}}
		action, then = seller.ActionUpdateCreativeAssignments, func() {
			m.move(seller.EventCreativesReady)
			m.begun(b.h.clock.Now())
		}
	case "stale":
		request["paused"], request["revision"], want = !m.held, m.revision+1, adcp.CodeConflict
	case "foreign":
		others := slices.DeleteFunc(slices.Clone(parties), func(p party) bool { return p == m.party })
		who = rapid.SampledFrom(others).Draw(b.T, "stranger")
		request["account"], request["paused"] = who.account(), true
		if r := b.h.do(b.h.t, who.principal, "update_media_buy", request); r.Error == nil || r.Error.Code != adcp.CodeMediaBuyNotFound {
			b.Fatalf("%v changes a media buy of %v: %v, want MEDIA_BUY_NOT_FOUND", who, m.party, r.Error)
		}
		return
	case "again":
		if r := b.h.do(b.h.t, m.principal, "create_media_buy", m.request); r.Error != nil {
			b.Fatalf("the same order again: %v", r.Error)
		} else if resp := into[adcp.CreateMediaBuyResponse](b, r.Body); m.task == "" && *resp.MediaBuyID != m.id {
			b.Fatalf("the same order again is media buy %s, not %s", *resp.MediaBuyID, m.id)
		}
		return
	}
	switch verdict := m.state.Permits(action, m.held); {
	case m.state == seller.StateCanceled && op == "cancel":
		want = adcp.CodeNotCancellable
	case m.state.Terminal():
		want = adcp.CodeInvalidState
	case action != "" && verdict != seller.Allowed:
		want = adcp.CodeActionNotAllowed
	}
	r := b.h.do(b.h.t, who.principal, "update_media_buy", request)
	switch {
	case want != "" && (r.Error == nil || r.Error.Code != want):
		b.Fatalf("%s while %s: %v, want %s", op, m.state, r.Error, want)
	case want == "" && r.Error != nil:
		b.Fatalf("%s while %s: refused with %v", op, m.state, r.Error)
	case want == "" && action != "":
		m.revision++
		then()
	}
}

func (m *model) move(e seller.Event) {
	if to, ok := m.state.After(e); ok {
		m.state = to
	}
}

// begun starts the flight of what has its creatives, at no revision of its own.
func (m *modelBuy) begun(now time.Time) {
	switch {
	case now.Before(m.start):
	case m.held:
		m.move(seller.EventFlightBeganHeld)
	default:
		m.move(seller.EventFlightBegan)
	}
}

// wait lets time go by, and looks at everything that was not over.
func (b *orderBook) wait(d time.Duration) {
	b.h.advance(b.h.clock.Now().Add(d))
	for _, m := range b.buys {
		if m.state.Terminal() {
			continue
		}
		m.pass(b.h.clock.Now(), m.start)
		b.agrees(m, "wait")
		b.reportAgrees(m)
	}
}

// fits tells whether all others leave so much of each day that is not past.
func (b *orderBook) fits(m *modelBuy, perDay int64) bool {
	today := b.h.clock.Now().Truncate(24 * time.Hour)
	if perDay == 0 {
		return true
	}
	promised := b.promised(m)
	for day := m.start; day.Before(m.end); day = day.AddDate(0, 0, 1) {
		if !day.Before(today) && promised[m.supply][inventory.DayOf(day)]+perDay > capacities[m.supply] {
			return false
		}
	}
	return true
}

// promised is what everybody but one has of each day from today on.
func (b *orderBook) promised(but *modelBuy) map[cell]map[inventory.Day]int64 {
	today := b.h.clock.Now().Truncate(24 * time.Hour)
	out := map[cell]map[inventory.Day]int64{}
	for of := range capacities {
		out[of] = map[inventory.Day]int64{}
	}
	for _, m := range slices.Concat(b.buys, b.waiting) {
		if m == but || m.perDay == 0 || m.state.Terminal() {
			continue
		}
		for day := m.start; day.Before(m.end); day = day.AddDate(0, 0, 1) {
			if !day.Before(today) {
				out[m.supply][inventory.DayOf(day)] += m.perDay
			}
		}
	}
	return out
}

// ledgerAgrees compares what is promised of every day from today on.
func (b *orderBook) ledgerAgrees(when string) {
	want := b.promised(nil)
	now := b.h.clock.Now()
	got := map[cell]map[inventory.Day]int64{}
	for of := range capacities {
		got[of] = map[inventory.Day]int64{}
		rows, err := b.h.db.Read().InventoryLinesOfProduct(b.h.t.Context(), store.InventoryLinesOfProductParams{
			Tenant: "shop", ProductID: of.product, FromDay: int64(inventory.DayOf(now)), ThroughDay: int64(inventory.DayOf(now)) + 30, At: store.Micros(now),
		})
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range rows {
			for day := max(r.FirstDay, int64(inventory.DayOf(now))); r.Country == of.country && day <= r.LastDay; day++ {
				if got[of][inventory.Day(day)] += r.PerDay; got[of][inventory.Day(day)] > capacities[of] {
					b.Fatalf("%s: day %d of %v has promised %d of %d", when, day, of, got[of][inventory.Day(day)], capacities[of])
				}
			}
		}
		if !maps.Equal(got[of], want[of]) {
			b.Fatalf("%s: the ledger of %v holds %v, want %v", when, of, got[of], want[of])
		}
	}
}

// agrees compares what the agent says of a media buy.
func (b *orderBook) agrees(m *modelBuy, after string) {
	r := b.h.do(b.h.t, m.principal, "get_media_buys", object{"account": m.account(), "media_buy_ids": []string{m.id}})
	resp := into[adcp.GetMediaBuysResponse](b, r.Body)
	if len(resp.MediaBuys) != 1 {
		b.Fatalf("after %s: get_media_buys answered %s", after, r.Body)
	}
	got := resp.MediaBuys[0]
	if string(got.Status) != string(m.state) || got.Revision != m.revision || got.TotalBudget != adcp.Decimal(fmt.Sprint(m.budget)) {
		b.Fatalf("after %s: %s at revision %d with %s, want %+v", after, got.Status, got.Revision, got.TotalBudget, m.model)
	}
	var list []seller.Action
	for _, a := range got.AvailableActions {
		list = append(list, seller.Action(a.Action))
	}
	if !slices.Equal(list, m.state.Actions(m.held)) {
		b.Fatalf("after %s: available_actions %v, want %v", after, list, m.state.Actions(m.held))
	}
}

// delivered is what the ad server holds of the media buy's delivery.
func (b *orderBook) delivered(m *modelBuy) adserver.Metrics {
	rows, err := b.h.adServer.Delivery(b.h.t.Context(), adserver.DeliveryQuery{OrderID: m.id})
	if err != nil {
		b.Fatal(err)
	}
	return adserver.Sum(rows)
}

// reportAgrees adds the parts of a media buy's report up.
func (b *orderBook) reportAgrees(m *modelBuy) {
	r := b.h.do(b.h.t, m.principal, "get_media_buy_delivery", object{
		"account": m.account(), "media_buy_ids": []string{m.id}, "include_package_daily_breakdown": true,
	})
	resp := into[adcp.GetMediaBuyDeliveryResponse](b, r.Body)
	d, held := resp.MediaBuyDeliveries[0], b.delivered(m)
	spend, shown := b.amount(d.Totals.Spend), int64(b.amount(*d.Totals.Impressions)/money.Unit)
	if spend != held.Spend || shown != held.Impressions {
		b.Fatalf("reported %s for %d impressions, the ad server holds %s for %d", spend, shown, held.Spend, held.Impressions)
	}
	if spend > money.Micros(m.budget)*money.Unit || spend < m.spent || shown < m.shown {
		b.Fatalf("reported %s for %d impressions after %s for %d, of a budget of %d", spend, shown, m.spent, m.shown, m.budget)
	}
	m.spent, m.shown = spend, shown
	for _, day := range d.DailyBreakdown {
		spend, shown = spend-b.amount(day.Spend), shown-int64(b.amount(day.Impressions)/money.Unit)
	}
	if spend != 0 || shown != 0 {
		b.Fatalf("the days leave %s and %d impressions over", spend, shown)
	}
	for _, p := range d.ByPackage {
		spend, shown = spend+b.amount(p.Spend), shown+int64(b.amount(*p.Impressions)/money.Unit)
	}
	if spend != m.spent || shown != m.shown {
		b.Fatalf("the packages add up to %s for %d impressions, want %s for %d", spend, shown, m.spent, m.shown)
	}
}

// accountsAgree compares what each account has spent in all.
func (b *orderBook) accountsAgree() {
	for _, p := range parties {
		var ids []string
		var spent money.Micros
		var shown int64
		for _, m := range b.buys {
			if m.party == p {
				held := b.delivered(m)
				ids, spent, shown = append(ids, m.id), spent+held.Spend, shown+held.Impressions
			}
		}
		if len(ids) == 0 {
			continue
		}
		r := b.h.do(b.h.t, p.principal, "get_media_buy_delivery", object{"account": p.account(), "media_buy_ids": ids})
		total := into[adcp.GetMediaBuyDeliveryResponse](b, r.Body).AggregatedTotals
		if b.amount(total.Spend) != spent || b.amount(total.Impressions) != money.Micros(shown)*money.Unit || total.MediaBuyCount != int64(len(ids)) {
			b.Fatalf("%v: reported %s for %s impressions of %d buys, want %s for %d of %d",
				p, total.Spend, total.Impressions, total.MediaBuyCount, spent, shown, len(ids))
		}
	}
}

func (b *orderBook) amount(d adcp.Decimal) money.Micros {
	m, err := money.Parse(string(d))
	if err != nil {
		b.Fatal(err)
	}
	return m
}

// must sends a request of an account that is to be granted.
func (b *orderBook) must(p party, operation string, request object) {
	if r := b.h.do(b.h.t, p.principal, operation, with(request, object{"idempotency_key": b.h.key(), "account": p.account()})); r.Error != nil {
		b.Fatalf("%s: %v", operation, r.Error)
	}
}

func into[T any](b *orderBook, doc []byte) *T {
	out := new(T)
	if err := decode(doc, out); err != nil {
		b.Fatalf("%v in %s", err, doc)
	}
	return out
}
