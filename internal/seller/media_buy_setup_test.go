package seller_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/adserver/builtin"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/server/supply"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// house is a seller that takes orders: a shop with books, a queue and the
// built-in ad server, which may be made to misbehave.
type house struct {
	shop
	t         testing.TB
	service   *seller.Service
	catalogue *seller.Catalogue
	db        *store.DB
	queue     *job.Queue
	adServer  *moody
	keys      int
}

// option changes how a house is opened.
type option func(*seller.Config)

func approveAfter(d time.Duration) option {
	return func(c *seller.Config) { c.SalesDesk.ApproveAfter = d }
}

func answerWithin(d time.Duration) option {
	return func(c *seller.Config) { c.AnswerWithin = d }
}

// openHouse opens a house for the package's own catalogue.
func openHouse(t testing.TB, db *store.DB, options ...option) *house {
	t.Helper()
	return openHouseOf(t, catalogue(t, "corner"), db, options...)
}

// openHouseOf opens a house for a catalogue.
func openHouseOf(t testing.TB, c *seller.Catalogue, db *store.DB, options ...option) *house {
	t.Helper()
	h := &house{t: t, db: db, catalogue: c, shop: shop{clock: clock.NewSimulated(today)}}
	server, err := builtin.New(builtin.Config{Store: db, Tenant: "shop", Clock: h.clock, Supply: supply.Of(c), Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	h.adServer = &moody{AdServer: server}
	if h.queue, err = job.New(db, job.Config{Workers: 4}); err != nil {
		t.Fatal(err)
	}
	cfg := seller.Config{
		Tenant: "shop", AgentURL: agentURL, Catalogue: c, Clock: h.clock,
		Store: db, Queue: h.queue, AdServer: h.adServer, AnswerWithin: 20 * time.Second,
		Governance: watched(t, h),
	}
	for _, o := range options {
		o(&cfg)
	}
	if h.service, err = seller.New(cfg); err != nil {
		t.Fatal(err)
	}
	h.agent = agent.New(agent.Config{
		Clock: h.clock, Accounts: h.service, Idempotency: db.Idempotency(store.IdempotencyConfig{}),
		Authenticator: agent.AuthenticatorFunc(func(_ context.Context, c agent.Credential) (agent.Caller, error) {
			principal, reach, narrow := strings.Cut(c.Value, "@")
			caller := agent.Caller{Tenant: "shop", Principal: principal, Anonymous: c.Scheme == "", Sandbox: strings.HasPrefix(principal, "sandbox")}
			if narrow {
				caller.Permission = &reaching{reach}
			}
			return caller, nil
		}),
	})
	h.service.Register(h.agent)
	if err := h.queue.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.queue.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h
}

// reaching is the permission of a credential that is good for one account only.
// Who calls as "buyer@acct_1" has it.
type reaching struct{ account string }

func (*reaching) MayCall(*adcp.Operation) *adcp.Error { return nil }
func (r *reaching) SeesAccount(id string) bool        { return id == r.account }
func (r *reaching) Reach() string                     { return r.account }

// sqliteHouse opens a house on a new SQLite database, with the account of buyer.
func sqliteHouse(t testing.TB, options ...option) *house {
	t.Helper()
	h := openHouse(t, storetest.Open(t, store.SQLite), options...)
	h.account("buyer", "acme.example")
	return h
}

type object = map[string]any

// account is how requests name acme's account.
var acme = object{"brand": object{"domain": "acme.example"}, "operator": "acme.example"}

// key makes an idempotency key that no other call of the test has.
func (h *house) key() string {
	h.keys++
	return fmt.Sprintf("test-key-%012d", h.keys)
}

// account opens an account for a brand that operates itself.
func (h *house) account(principal, brand string) string {
	h.t.Helper()
	resp := ask[adcp.SyncAccountsResponse](h.t, &h.shop, principal, "sync_accounts", object{
		"idempotency_key": h.key(),
		"accounts":        []object{{"brand": object{"domain": brand}, "operator": brand, "billing": "operator"}},
	})
	return *resp.Accounts[0].AccountID
}

// radio is a package that needs nobody's approval: fixed price, no lead time.
func radio(budget string) object {
	return object{"product_id": "radio_show", "pricing_option_id": "cpm_usd", "budget": json.Number(budget)}
}

// television is a package that a person must approve.
func television(budget string) object {
	return object{"product_id": "tv_evening", "pricing_option_id": "cpm_usd", "budget": json.Number(budget)}
}

// order is a create_media_buy request for acme with these packages: ten days from
// the fifth of March on.
func (h *house) order(packages ...object) object {
	return object{
		"idempotency_key": h.key(), "account": acme, "brand": object{"domain": "acme.example"},
		"start_time": "2027-03-05T00:00:00Z", "end_time": "2027-03-15T00:00:00Z", "packages": packages,
	}
}

// with is a request with some members set anew; nil takes one out.
func with(request object, changes object) object {
	out := object{}
	for k, v := range request {
		out[k] = v
	}
	for k, v := range changes {
		if out[k] = v; v == nil {
			delete(out, k)
		}
	}
	return out
}

// book creates a media buy and expects it to exist at once.
func (h *house) book(request object) *adcp.CreateMediaBuyResponse {
	h.t.Helper()
	resp := ask[adcp.CreateMediaBuyResponse](h.t, &h.shop, "buyer", "create_media_buy", request)
	if resp.Status != adcp.TaskStatusCompleted || resp.MediaBuyID == nil {
		h.t.Fatalf("create_media_buy answered %s, want completed with a media_buy_id", resp.Status)
	}
	return resp
}

// change updates a media buy and expects it done at once.
func (h *house) change(id string, changes object) *adcp.UpdateMediaBuyResponse {
	h.t.Helper()
	resp := ask[adcp.UpdateMediaBuyResponse](h.t, &h.shop, "buyer", "update_media_buy", h.update(id, changes))
	if resp.Status != adcp.TaskStatusCompleted {
		h.t.Fatalf("update_media_buy answered %s, want completed", resp.Status)
	}
	return resp
}

func (h *house) update(id string, changes object) object {
	return with(object{"idempotency_key": h.key(), "account": acme, "media_buy_id": id}, changes)
}

// buy reads one of the buyer's media buys.
func (h *house) buy(id string) adcp.GetMediaBuysResponseMediaBuy {
	h.t.Helper()
	resp := ask[adcp.GetMediaBuysResponse](h.t, &h.shop, "buyer", "get_media_buys", object{
		"media_buy_ids": []string{id}, "include_history": 100,
	})
	if len(resp.MediaBuys) != 1 {
		h.t.Fatalf("get_media_buys found %d of %s", len(resp.MediaBuys), id)
	}
	return resp.MediaBuys[0]
}

// upload puts a creative into acme's library and onto packages.
func (h *house) upload(id, format string, packages ...string) *adcp.SyncCreativesResponse {
	h.t.Helper()
	request := object{"idempotency_key": h.key(), "account": acme, "creatives": []object{creative(id, format)}}
	var assignments []object
	for _, p := range packages {
		assignments = append(assignments, object{"creative_id": id, "package_id": p})
	}
	if len(assignments) > 0 {
		request["assignments"] = assignments
	}
	return ask[adcp.SyncCreativesResponse](h.t, &h.shop, "buyer", "sync_creatives", request)
}

func creative(id, format string) object {
	assets := map[string]object{
		"audio_30s":       {"audio_file": object{"asset_type": "audio", "url": "https://acme.example/a.mp3"}},
		"video_15s":       {"video_file": object{"asset_type": "video", "url": "https://acme.example/v.mp4", "width": 1920, "height": 1080}},
		"display_300x250": {"banner_image": object{"asset_type": "image", "url": "https://acme.example/b.png", "width": 300, "height": 250}},
	}
	return object{
		"creative_id": id, "name": "Creative " + id,
		"format_id": object{"agent_url": agentURL, "id": format}, "assets": assets[format],
	}
}

// refused sends a request that must be refused, and gives the refusal.
func (h *house) refused(principal, operation string, request any) *adcp.Error {
	h.t.Helper()
	r := h.do(h.t, principal, operation, request)
	if r.Error == nil {
		h.t.Fatalf("%s answered %s, want a refusal", operation, r.Body)
	}
	return r.Error
}

// advance moves the clock and lets the seller catch up.
func (h *house) advance(to time.Time) {
	h.t.Helper()
	h.clock.AdvanceTo(to)
	h.tick()
}

func (h *house) tick() {
	h.t.Helper()
	if err := h.service.Tick(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	if err := h.queue.Drain(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// moody is the built-in ad server with faults on demand.
type moody struct {
	*builtin.AdServer
	mu sync.Mutex
	// beforeApply and afterApply may fail an Apply before or after it has taken
	// place; onRead may change what is read.
	beforeApply, afterApply func(adserver.Order) error
	onRead                  func(adserver.Order) adserver.Order
	orders                  []string // those that were applied
	// onDelivery may fail a report.
	onDelivery func() error
	// onAudience fails every audience.
	onAudience error
}

func (m *moody) PutAudience(ctx context.Context, a adserver.Audience) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.onAudience != nil {
		return m.onAudience
	}
	return m.AdServer.PutAudience(ctx, a)
}

func (m *moody) set(f func(*moody)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(m)
}

func (m *moody) Apply(ctx context.Context, o adserver.Order) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.beforeApply != nil {
		if err := m.beforeApply(o); err != nil {
			return err
		}
	}
	m.orders = append(m.orders, o.ID)
	if err := m.AdServer.Apply(ctx, o); err != nil {
		return err
	}
	if m.afterApply != nil {
		return m.afterApply(o)
	}
	return nil
}

func (m *moody) Read(ctx context.Context, id string) (adserver.Order, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, err := m.AdServer.Read(ctx, id)
	if err == nil && m.onRead != nil {
		o = m.onRead(o)
	}
	return o, err
}

func (m *moody) Delivery(ctx context.Context, q adserver.DeliveryQuery) ([]adserver.HourlyDelivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.onDelivery != nil {
		if err := m.onDelivery(); err != nil {
			return nil, err
		}
	}
	return m.AdServer.Delivery(ctx, q)
}

func decode(doc []byte, into any) error { return json.Unmarshal(doc, into) }
