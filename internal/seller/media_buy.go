package seller

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// MediaBuy is an order of one account: what was agreed, and where it stands.
// All its amounts are in Currency.
type MediaBuy struct {
	ID        string `json:"id"`
	Principal string `json:"principal"`
	AccountID string `json:"account_id"`
	State     State  `json:"state"`
	// Held says that the buyer has paused the buy; it shows as [StatePaused] once
	// nothing else keeps the buy from running.
	Held     bool           `json:"held,omitzero"`
	Currency money.Currency `json:"currency"`
	// Start and End bound every package's flight.
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// ASAP buys start when they are confirmed: Start is set then.
	ASAP        bool      `json:"asap,omitzero"`
	ConfirmedAt time.Time `json:"confirmed_at"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	// Revision rises with every change; 0 before the buy exists.
	Revision int64 `json:"revision"`
	// PendingTask is the task whose change is on its way to the ad server.
	PendingTask     string        `json:"pending_task,omitzero"`
	Advertiser      string        `json:"advertiser,omitzero"`
	Cancellation    *Cancellation `json:"cancellation,omitzero"`
	RejectionReason string        `json:"rejection_reason,omitzero"`
	// Terms are what the buyer sent along and may want back.
	Terms   Terms           `json:"terms,omitzero"`
	Context json.RawMessage `json:"context,omitzero"`
	// Governance is what the buyer's governance agent last said; nil where it has none.
	Governance *Governance `json:"governance,omitzero"`
	Packages   []Package   `json:"packages,omitzero"`
}

// Terms are a media buy's references of the buyer's own.
type Terms struct {
	Brand                json.RawMessage `json:"brand,omitzero"`
	PONumber             string          `json:"po_number,omitzero"`
	AgencyEstimateNumber string          `json:"agency_estimate_number,omitzero"`
	AdvertiserIndustry   string          `json:"advertiser_industry,omitzero"`
	PlanID               string          `json:"plan_id,omitzero"`
	// ProposalID is the proposal that the buy took up, and IOAcceptance the buyer's
	// acceptance of its insertion order.
	ProposalID   string                                  `json:"proposal_id,omitzero"`
	IOAcceptance *adcp.CreateMediaBuyRequestIOAcceptance `json:"io_acceptance,omitzero"`
}

// Package is one product at one agreed price within a media buy: a line item at
// the ad server.
type Package struct {
	ID        string `json:"id"`
	ProductID string `json:"product_id"`
	// OwnedBy is the principal whose own product it is; empty for the catalogue's.
	OwnedBy string `json:"owned_by,omitzero"`
	// Price is the pricing option as it was when the package was bought. What the
	// catalogue says later does not change it.
	Price PricingOption `json:"price"`
	// Bid is the buyer's bid in an auction; zero at a fixed price.
	Bid money.Micros `json:"bid,omitzero"`
	// Budget is the most the package may cost.
	Budget money.Micros `json:"budget"`
	// Impressions is the buyer's goal; zero is as many as the budget buys.
	Impressions int64           `json:"impressions,omitzero"`
	Pacing      adserver.Pacing `json:"pacing,omitzero"`
	Start       time.Time       `json:"start"`
	End         time.Time       `json:"end"`
	// OwnStart and OwnEnd say that the package does not follow the media buy's dates.
	OwnStart bool `json:"own_start,omitzero"`
	OwnEnd   bool `json:"own_end,omitzero"`
	// LeadTime is what the product needed between booking and start.
	LeadTime   time.Duration `json:"lead_time,omitzero"`
	Guaranteed bool          `json:"guaranteed,omitzero"`
	// Approval says whether a person decides on what the package commits to.
	Approval     Approval      `json:"approval,omitzero"`
	Paused       bool          `json:"paused,omitzero"`
	Canceled     bool          `json:"canceled,omitzero"`
	Cancellation *Cancellation `json:"cancellation,omitzero"`
	// FormatIDs are the formats the buyer chose among the product's, as sent.
	FormatIDs []adcp.FormatReference `json:"format_ids,omitzero"`
	// FormatOptions are the options that it chose among the product's, and FormatKind
	// the canonical kind, where it chose by these.
	FormatOptions []adcp.FormatOptionReference `json:"format_options,omitzero"`
	FormatKind    adcp.CanonicalFormatKind     `json:"format_kind,omitzero"`
	Targeting     Targeting                    `json:"targeting,omitzero"`
	// Goals are what the buyer wants the package optimised for.
	Goals []adcp.OptimizationGoal `json:"goals,omitzero"`
	// Catalogs are the account's that the package shows ads from.
	Catalogs []adcp.Catalog `json:"catalogs,omitzero"`
	// Performance is what the buyer last said of the package, and CreativePerformance
	// of its creatives, in millionths: 1,000,000 is as expected; zero is nothing said.
	Performance          int64            `json:"performance,omitzero"`
	CreativePerformance  map[string]int64 `json:"creative_performance,omitzero"`
	AgencyEstimateNumber string           `json:"agency_estimate_number,omitzero"`
	Context              json.RawMessage  `json:"context,omitzero"`
	Ext                  json.RawMessage  `json:"ext,omitzero"`
	Creatives            []Assignment     `json:"creatives,omitzero"`
}

// Targeting is what restricts where a package runs.
type Targeting struct {
	// Overlay is the buyer's targeting_overlay as sent, to be read back.
	Overlay      json.RawMessage        `json:"overlay,omitzero"`
	Countries    []string               `json:"countries,omitzero"`
	FrequencyCap *adserver.FrequencyCap `json:"frequency_cap,omitzero"`
	// Audiences are the account's to reach, any of them, and AvoidAudiences those not
	// to serve to.
	Audiences      []TargetedAudience `json:"audiences,omitzero"`
	AvoidAudiences []TargetedAudience `json:"avoid_audiences,omitzero"`
}

// Assignment puts a creative of the account's library into a package's rotation.
type Assignment struct {
	CreativeID string `json:"creative_id"`
	// Weight is the buyer's relative weight in millionths; nil is an even share,
	// zero keeps the creative assigned without serving it.
	Weight *int64 `json:"weight,omitzero"`
	// Approved says that the creative may be served now.
	Approved bool `json:"approved,omitzero"`
	// Approval is what was decided on the creative for the package, whatever has
	// become of the creative in the library since; pending_review where empty and not
	// Approved. Reason says why it was rejected.
	Approval   adcp.CreativeApprovalStatus `json:"approval,omitzero"`
	Reason     string                      `json:"reason,omitzero"`
	AssignedAt time.Time                   `json:"assigned_at"`
	// ReleasedAt is when the package let the creative go because it ended.
	ReleasedAt time.Time `json:"released_at,omitzero"`
}

// serves reports whether the assignment can deliver.
func (a Assignment) serves() bool {
	return a.Approved && a.ReleasedAt.IsZero() && (a.Weight == nil || *a.Weight > 0)
}

// review brings the assignment up to the creative's state in the library. A creative
// that is suspended, or looked at again, is not served meanwhile; what was decided on
// it for the package stands until it is decided anew.
func (a *Assignment) review(c *Creative) {
	a.Approved = c.Status == adcp.CreativeStatusApproved
	switch {
	case a.Approved:
		a.Approval, a.Reason = adcp.CreativeApprovalStatusApproved, ""
	case c.Status == adcp.CreativeStatusRejected:
		a.Approval, a.Reason = adcp.CreativeApprovalStatusRejected, c.Review.Reason
	case a.Approval == "" || a.Approval == adcp.CreativeApprovalStatusRejected:
		a.Approval, a.Reason = adcp.CreativeApprovalStatusPendingReview, ""
	}
}

// approval is what was decided.
func (a Assignment) approval() adcp.CreativeApprovalStatus {
	switch {
	case a.Approval != "":
		return a.Approval
	case a.Approved:
		return adcp.CreativeApprovalStatusApproved
	}
	return adcp.CreativeApprovalStatusPendingReview
}

// Cancellation says who ended a media buy or package, when and why.
type Cancellation struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"` // "buyer" or "seller"
	Reason string    `json:"reason,omitzero"`
}

// Clone is a copy that shares nothing that is ever changed in place.
func (b *MediaBuy) Clone() *MediaBuy {
	c := *b
	c.Packages = slices.Clone(b.Packages)
	for i := range c.Packages {
		c.Packages[i].Creatives = slices.Clone(c.Packages[i].Creatives)
	}
	return &c
}

// Package finds a package by its identifier.
func (b *MediaBuy) Package(id string) (*Package, bool) {
	i := slices.IndexFunc(b.Packages, func(p Package) bool { return p.ID == id })
	if i < 0 {
		return nil, false
	}
	return &b.Packages[i], true
}

// Budget is the sum of all packages, canceled ones included: what they have
// spent stays spent.
func (b *MediaBuy) Budget() money.Micros {
	var sum money.Micros
	for _, p := range b.Packages {
		sum += p.Budget
	}
	return sum
}

// Flight is from the earliest package's start to the latest package's end. Only
// canceled packages are left out, unless all are.
func (b *MediaBuy) Flight() (start, end time.Time) {
	all := !slices.ContainsFunc(b.Packages, func(p Package) bool { return !p.Canceled })
	for _, p := range b.Packages {
		if p.Canceled && !all {
			continue
		}
		if start.IsZero() || p.Start.Before(start) {
			start = p.Start
		}
		if p.End.After(end) {
			end = p.End
		}
	}
	return start, end
}

// NeedsApproval reports whether a person decides on what the buy commits to.
func (b *MediaBuy) NeedsApproval() bool {
	return slices.ContainsFunc(b.Packages, func(p Package) bool { return !p.Canceled && p.Approval == ApprovalManual })
}

// ready reports whether every package that is to run has a creative that serves.
func (b *MediaBuy) ready() bool {
	return !slices.ContainsFunc(b.Packages, func(p Package) bool { return !p.Canceled && !p.ready() })
}

// ready reports whether there is something to serve: a creative, or a catalog that
// ads are made of.
func (p *Package) ready() bool {
	return len(p.Catalogs) > 0 || slices.ContainsFunc(p.Creatives, Assignment.serves)
}

// begin puts a new buy into its first state and, where it starts as soon as
// possible, sets its dates.
func (b *MediaBuy) begin(now time.Time) {
	b.State, b.Revision = StatePendingCreatives, 1
	b.ConfirmedAt, b.CreatedAt, b.UpdatedAt = now, now, now
	if b.ASAP {
		b.Start = now
		for _, p := range b.Packages {
			if t := now.Add(p.LeadTime); t.After(b.Start) {
				b.Start = t
			}
		}
		for i := range b.Packages {
			if p := &b.Packages[i]; !p.OwnStart {
				p.Start = b.Start
			}
		}
	}
	b.settle(now)
}

// settle makes the moves that creatives and the clock allow, and returns the
// events. A flight's end is not among them: it takes a reading of the ad server.
func (b *MediaBuy) settle(now time.Time) []Event {
	var events []Event
	move := func(e Event) {
		if to, ok := b.State.After(e); ok {
			b.State = to
			events = append(events, e)
		}
	}
	if b.State == StatePendingCreatives && b.ready() {
		move(EventCreativesReady)
	}
	if start, _ := b.Flight(); b.State == StatePendingStart && !now.Before(start) {
		if b.Held {
			move(EventFlightBeganHeld)
		} else {
			move(EventFlightBegan)
		}
	}
	return events
}

// finish ends the buy: creatives are released, and keep their own state.
func (b *MediaBuy) finish(now time.Time) {
	for i := range b.Packages {
		b.Packages[i].release(now)
	}
}

func (p *Package) release(now time.Time) {
	for i := range p.Creatives {
		if p.Creatives[i].ReleasedAt.IsZero() {
			p.Creatives[i].ReleasedAt = now
		}
	}
}

// Order is what the ad server is to hold for the buy: the agreed prices, never
// the catalogue's present ones.
func (b *MediaBuy) Order() adserver.Order {
	o := adserver.Order{
		ID: b.ID, Advertiser: b.Advertiser, Name: b.ID, Currency: b.Currency,
		Paused:   b.Held || b.State == StatePendingCreatives,
		Canceled: b.State == StateCanceled || b.State == StateRejected,
	}
	for _, p := range b.Packages {
		o.LineItems = append(o.LineItems, p.lineItem())
	}
	return o
}

func (p *Package) lineItem() adserver.LineItem {
	li := adserver.LineItem{
		ID: p.ID, Name: cmp.Or(p.ProductID, UnlistedProduct), ProductID: cmp.Or(p.ProductID, UnlistedProduct),
		Start: p.Start, End: p.End,
		Guaranteed: p.Guaranteed, PricingModel: p.Price.Model,
		TimeUnit: p.Price.Parameters.TimeUnit,
		Budget:   p.Budget, Goal: p.Impressions, Pacing: p.Pacing, Weight: p.weight(),
		Paused: p.Paused, Canceled: p.Canceled,
		Creatives: p.rotation(), RequireCreative: len(p.Catalogs) == 0,
		FrequencyCap: p.Targeting.FrequencyCap,
		Targeting: adserver.Targeting{
			Countries: p.Targeting.Countries, Overlay: p.Targeting.Overlay,
			Audiences: sellerIDs(p.Targeting.Audiences), AvoidAudiences: sellerIDs(p.Targeting.AvoidAudiences),
		},
	}
	switch {
	case !p.Price.Auction:
		li.Rate = p.Price.Fixed
	case p.Price.MaxBid: // a ceiling: the clearing price is paid
		li.MaxBid, li.Floor = p.Bid, p.Price.Floor
	default: // the bid itself is paid
		li.Rate, li.MaxBid, li.Floor = p.Bid, p.Bid, p.Price.Floor
	}
	return li
}

// rotation turns the buyer's weights into the ad server's. There a rotation is
// even when all weights are zero; a creative without a weight among weighted ones
// takes their mean.
func (p *Package) rotation() []adserver.CreativeWeight {
	var sum, weighted int64
	for _, a := range p.Creatives {
		if a.serves() && a.Weight != nil {
			sum += *a.Weight
			weighted++
		}
	}
	var list []adserver.CreativeWeight
	for _, a := range p.Creatives {
		if !a.ReleasedAt.IsZero() {
			continue
		}
		w := adserver.CreativeWeight{CreativeID: a.CreativeID, Approved: a.serves()}
		switch {
		case a.Weight != nil:
			w.Weight = *a.Weight
		case weighted > 0:
			w.Weight = sum / weighted
		case len(p.CreativePerformance) > 0:
			w.Weight = asExpected
		}
		w.Weight = p.performing(a.CreativeID, w.Weight)
		list = append(list, w)
	}
	return list
}
