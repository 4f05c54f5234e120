package sandbox

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/store"
)

// The kinds of seeds that live in the seller's books.
const (
	kindAccount  = "account"
	kindCreative = "creative"
	kindMediaBuy = "media_buy"
)

// seedAccount opens an account of the principal's.
func (d *Controller) seedAccount(ctx context.Context, r *request) (*adcp.ComplyTestControllerResponse, error) {
	p, err := read[struct {
		AccountID string          `json:"account_id"`
		Fixture   json.RawMessage `json:"fixture"`
	}](r)
	if err != nil {
		return nil, err
	}
	var w adcp.Account
	if err := json.Unmarshal(orEmpty(p.Fixture), &w); err != nil {
		return nil, invalid("params.fixture", "The fixture cannot be read: %v", err)
	}
	brand := adcp.Val(w.Brand)
	a := seller.Account{
		ID: p.AccountID, Principal: r.call.Principal, Status: w.Status,
		Key: seller.AccountKey{
			BrandDomain: cmp.Or(brand.Domain, p.AccountID+".example"), BrandID: adcp.Val(brand.BrandID),
			Operator: cmp.Or(adcp.Val(w.Operator), brand.Domain, p.AccountID+".example"), Sandbox: true,
		},
		Terms: seller.AccountTerms{Billing: adcp.Val(w.Billing), PaymentTerms: w.PaymentTerms, BillingEntity: w.BillingEntity},
	}
	return d.seed(ctx, r, kindAccount, fixture{p.AccountID, p.Fixture}, func() error {
		owner, err := d.Store.Read().SellerAccountOfAnyone(ctx, store.SellerAccountOfAnyoneParams{Tenant: d.Tenant, AccountID: p.AccountID})
		if err == nil && owner.Principal != r.call.Principal {
			return taken("params.account_id", "account", p.AccountID)
		}
		if err != nil && !errors.Is(err, store.ErrNoRow) {
			return err
		}
		opened, err := d.Seller.OpenAccount(ctx, a, actor)
		if err == nil && opened.ID != p.AccountID {
			return invalid("params.fixture", "The brand and operator have the account %s already.", opened.ID)
		}
		return err
	})
}

// seedCreative puts a creative into an account's library, in whatever state.
func (d *Controller) seedCreative(ctx context.Context, r *request) (*adcp.ComplyTestControllerResponse, error) {
	p, err := read[struct {
		CreativeID string          `json:"creative_id"`
		Fixture    json.RawMessage `json:"fixture"`
	}](r)
	if err != nil {
		return nil, err
	}
	c := seller.Creative{ID: p.CreativeID, Status: adcp.CreativeStatusApproved}
	if err := json.Unmarshal(orEmpty(p.Fixture), &c.Asset); err != nil {
		return nil, invalid("params.fixture", "The fixture cannot be read: %v", err)
	}
	if c.Asset.Status != nil {
		c.Status, c.Asset.Status = *c.Asset.Status, nil
	}
	if c.Asset.Assets == nil {
		c.Asset.Assets = map[string]json.RawMessage{}
	}
	if c.AccountID, err = d.stage(ctx, r); err != nil {
		return nil, err
	}
	return d.seed(ctx, r, kindCreative, fixture{p.CreativeID, p.Fixture}, func() error {
		return d.Seller.AddCreative(ctx, r.call.Principal, c, actor)
	})
}

// seedMediaBuy takes over a media buy, in whatever state.
func (d *Controller) seedMediaBuy(ctx context.Context, r *request) (*adcp.ComplyTestControllerResponse, error) {
	p, err := read[struct {
		MediaBuyID string          `json:"media_buy_id"`
		Fixture    json.RawMessage `json:"fixture"`
	}](r)
	if err != nil {
		return nil, err
	}
	account, err := d.stage(ctx, r)
	if err != nil {
		return nil, err
	}
	b, err := d.mediaBuy(r.call.Principal, account, p.MediaBuyID, p.Fixture)
	if err != nil {
		return nil, err
	}
	return d.seed(ctx, r, kindMediaBuy, fixture{p.MediaBuyID, p.Fixture}, func() error { return d.Seller.AddMediaBuy(ctx, b, actor) })
}

// adopt takes over the media buy that a forced result tells of.
func (d *Controller) adopt(ctx context.Context, t *seller.Task) error {
	var told struct {
		MediaBuyID string `json:"media_buy_id"`
	}
	if err := json.Unmarshal(t.Result, &told); err != nil || told.MediaBuyID == "" {
		return err
	}
	if had, _ := d.Seller.MediaBuyOf(ctx, t.Principal, told.MediaBuyID); had != nil {
		return nil // drivers use one name run after run
	}
	account := t.AccountID
	accounts, err := d.Seller.AccountsOf(ctx, t.Principal)
	if err != nil {
		return err
	}
	if account == "" && len(accounts) > 0 {
		account = accounts[0].ID
	}
	b, err := d.mediaBuy(t.Principal, account, told.MediaBuyID, t.Result)
	if err != nil {
		return err
	}
	return d.Seller.AddMediaBuy(ctx, b, actor)
}

// kindStage is the account that the principal has seeded in last.
const kindStage = "stage"

// StandIn is the account that stands in for one that a sandbox principal names by an
// identifier and does not have: the one it has seeded in last. Test drivers name
// accounts that they never open. "" is none.
func (d *Controller) StandIn(ctx context.Context, caller agent.Caller, _ string) (string, error) {
	if !caller.Sandbox {
		return "", nil
	}
	row, err := d.Store.Read().SandboxItem(ctx, store.SandboxItemParams{Tenant: d.Tenant, Principal: caller.Principal, Kind: kindStage, ItemID: "account"})
	if errors.Is(err, store.ErrNoRow) {
		return "", nil
	}
	return row.Document, err
}

// stage is [Controller.account], noted as the account that is seeded in.
func (d *Controller) stage(ctx context.Context, r *request) (string, error) {
	id, err := d.account(ctx, r)
	if err != nil {
		return "", err
	}
	return id, d.put(ctx, r.call.Principal, kindStage, "account", id)
}

// account is the one that a request is about: the one it names, opened where it is
// only implied, or the principal's only one.
func (d *Controller) account(ctx context.Context, r *request) (string, error) {
	accounts, err := d.Seller.AccountsOf(ctx, r.call.Principal)
	if err != nil {
		return "", err
	}
	if r.call.AccountID == "" {
		if len(accounts) != 1 {
			return "", invalid("account", "The principal has %d accounts; name the brand and the operator of one.", len(accounts))
		}
		return accounts[0].ID, nil
	}
	for _, a := range accounts {
		if a.ID == r.call.AccountID {
			return a.ID, nil
		}
	}
	ref := adcp.Val(r.call.Account)
	brand := adcp.Val(ref.Brand)
	opened, err := d.Seller.OpenAccount(ctx, seller.Account{
		Principal: r.call.Principal,
		Key:       seller.AccountKey{BrandDomain: brand.Domain, BrandID: adcp.Val(brand.BrandID), Operator: adcp.Val(ref.Operator), Sandbox: true},
	}, actor)
	if err != nil {
		return "", err
	}
	return opened.ID, nil
}

// wireMediaBuy is a media buy as fixtures and results have it: as
// core/media-buy.json or the response of create_media_buy, or with a budget and a
// flight as objects.
type wireMediaBuy struct {
	Status         seller.State  `json:"status"`
	MediaBuyStatus seller.State  `json:"media_buy_status"`
	Currency       string        `json:"currency"`
	TotalBudget    *adcp.Decimal `json:"total_budget"`
	Budget         *struct {
		Total    *adcp.Decimal `json:"total"`
		Currency string        `json:"currency"`
	} `json:"budget"`
	Flight *struct {
		Start, End *time.Time
	} `json:"flight"`
	StartTime   *time.Time      `json:"start_time"`
	EndTime     *time.Time      `json:"end_time"`
	ConfirmedAt *time.Time      `json:"confirmed_at"`
	Revision    int64           `json:"revision"`
	Context     json.RawMessage `json:"context"`
	Packages    []struct {
		PackageID       string          `json:"package_id"`
		ProductID       string          `json:"product_id"`
		PricingOptionID string          `json:"pricing_option_id"`
		Budget          *adcp.Decimal   `json:"budget"`
		StartTime       *time.Time      `json:"start_time"`
		EndTime         *time.Time      `json:"end_time"`
		Context         json.RawMessage `json:"context"`
		Ext             json.RawMessage `json:"ext"`
	} `json:"packages"`
}

// Ordinary values of a media buy that does not say: a flight around today, and a
// budget of a thousand units of currency.
const (
	ordinaryFlight = 30 * 24 * time.Hour
	ordinaryBudget = 1000 * money.Unit
	ordinaryPrice  = 10 * money.Unit
)

// mediaBuy reads a media buy.
func (d *Controller) mediaBuy(principal, account, id string, document json.RawMessage) (*seller.MediaBuy, error) {
	var w wireMediaBuy
	if err := json.Unmarshal(orEmpty(document), &w); err != nil {
		return nil, invalid("params.fixture", "The media buy cannot be read: %v", err)
	}
	now := d.Clock.Now().UTC().Truncate(time.Microsecond)
	currency, total := w.Currency, w.TotalBudget
	if w.Budget != nil {
		currency, total = cmp.Or(currency, w.Budget.Currency), cmp.Or(total, w.Budget.Total)
	}
	if w.Flight != nil {
		w.StartTime, w.EndTime = cmp.Or(w.StartTime, w.Flight.Start), cmp.Or(w.EndTime, w.Flight.End)
	}
	state := cmp.Or(w.MediaBuyStatus, w.Status)
	if state == seller.State(adcp.TaskStatusCompleted) && w.MediaBuyStatus == "" && w.Flight == nil && w.EndTime == nil {
		state = "" // it is the task's status, not the media buy's
	}
	b := &seller.MediaBuy{
		ID: id, Principal: principal, AccountID: account, State: cmp.Or(state, seller.StateActive),
		Start: now.Add(-ordinaryFlight), End: now.Add(ordinaryFlight), ConfirmedAt: now, Revision: w.Revision, Context: w.Context,
	}
	for _, at := range []struct{ from, to *time.Time }{{w.StartTime, &b.Start}, {w.EndTime, &b.End}, {w.ConfirmedAt, &b.ConfirmedAt}} {
		if at.from != nil {
			*at.to = at.from.UTC()
		}
	}
	var err error
	if b.Currency, err = money.ParseCurrency(cmp.Or(currency, "USD")); err != nil {
		return nil, invalid("params.fixture.currency", "%v", err)
	}
	left, err := amount("params.fixture.total_budget", total, ordinaryBudget)
	if err != nil {
		return nil, err
	}
	if len(w.Packages) == 0 {
		p := seller.Package{ID: id + "_package", Budget: left, Start: b.Start, End: b.End}
		p.Price = ordinary(b.Currency)
		b.Packages = []seller.Package{p}
		return b, nil
	}
	for i, wp := range w.Packages {
		p := seller.Package{
			ID: cmp.Or(wp.PackageID, fmt.Sprintf("%s_%d", id, i)), ProductID: wp.ProductID, Price: ordinary(b.Currency),
			Start: b.Start, End: b.End, Context: wp.Context, Ext: wp.Ext,
		}
		if p.Budget, err = amount(fmt.Sprintf("params.fixture.packages[%d].budget", i), wp.Budget, left/money.Micros(len(w.Packages))); err != nil {
			return nil, err
		}
		if wp.ProductID != "" {
			if err := d.sells(&p, principal, wp.PricingOptionID, i); err != nil {
				return nil, err
			}
		}
		b.Packages = append(b.Packages, p)
	}
	return b, nil
}

// sells gives a package its product's terms.
func (d *Controller) sells(p *seller.Package, principal, price string, i int) error {
	product, ok := d.Seller.Offered(principal, p.ProductID)
	if !ok {
		return invalid(fmt.Sprintf("params.fixture.packages[%d].product_id", i), "There is no product %s; seed it first.", p.ProductID)
	}
	p.Guaranteed = product.Guaranteed
	if product.Own {
		p.OwnedBy = principal
	}
	p.Price = product.Pricing[0]
	if price != "" {
		o, ok := product.PricingOption(price)
		if !ok {
			return invalid(fmt.Sprintf("params.fixture.packages[%d].pricing_option_id", i), "The product has no price %s; seed it first.", price)
		}
		p.Price = *o
	}
	if p.Price.Auction {
		p.Bid = max(p.Price.Floor, p.Price.Guidance.P50, money.Unit)
	}
	return nil
}

// ordinary is the price of a package that names none.
func ordinary(c money.Currency) seller.PricingOption {
	return seller.PricingOption{Model: adserver.CPM, Currency: c, Fixed: ordinaryPrice}
}

// amount reads an amount of money, or the ordinary one where there is none.
func amount(field string, d *adcp.Decimal, ordinary money.Micros) (money.Micros, error) {
	if d == nil {
		return ordinary, nil
	}
	micros, err := d.Micros()
	if err != nil || micros <= 0 {
		return 0, invalid(field, "%s is not an amount of money above zero.", *d)
	}
	return money.Micros(micros), nil
}

func orEmpty(document json.RawMessage) json.RawMessage {
	if len(document) == 0 {
		return json.RawMessage("{}")
	}
	return document
}

func taken(field, what, id string) *adcp.Error {
	return adcp.NewError(adcp.CodeConflict, field, fmt.Sprintf("There is a %s %s already.", what, id)).
		WithSuggestion("Choose another identifier.")
}
