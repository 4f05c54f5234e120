package seller

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/money"
)

// SalesDesk says who decides on orders that take a person's signature: those on
// products with [ApprovalManual], and those that a rule keeps for a person. The
// zero SalesDesk has no rules and leaves every one of them to a person
// ([Service.Approve], [Service.Reject]).
type SalesDesk struct {
	// Rules keep orders for a person.
	Rules []ApprovalRule
	// ApproveAfter, above zero, has [Service.Tick] approve what no rule keeps for a
	// person and nobody has decided on within that time, by the agent's clock. It is
	// for demonstrations, and for publishers who only want a chance to object.
	ApproveAfter time.Duration
	// Deadline, above zero, has [Service.Tick] decline what nobody has decided on
	// within that time.
	Deadline time.Duration
	// Actor is who decisions by the clock are written down as; "sales_desk" where empty.
	Actor string
}

// ApprovalRule keeps orders for a person. An order is kept where everything holds
// that the rule names; it must name something.
type ApprovalRule struct {
	// Name tells people which rule it was, such as "large orders".
	Name string
	// Role is who signs: sales or manager; admins may sign everything.
	Role account.Role
	// Above keeps orders with a budget above the amount in their currency. An order
	// in a currency that is not listed is kept: there is no amount that it is known
	// to be below.
	Above map[money.Currency]money.Micros
	// Categories are advertiser industries, by enums/advertiser-industry.json; one
	// covers those below it, as automotive covers automotive.electric_vehicles.
	Categories []string
	// Products are identifiers; the order has a package of one of them.
	Products []string
	// FirstBuy keeps the first order of an account.
	FirstBuy bool
}

// Validate reports what is wrong with the rule.
func (r ApprovalRule) Validate() error {
	switch {
	case strings.TrimSpace(r.Name) == "":
		return errors.New("name: say in a few words what the rule is for")
	case r.Role != account.RoleSales && r.Role != account.RoleManager:
		return fmt.Errorf("role: %q cannot sign orders; use %s or %s", r.Role, account.RoleSales, account.RoleManager)
	case len(r.Above) == 0 && len(r.Categories) == 0 && len(r.Products) == 0 && !r.FirstBuy:
		return errors.New("the rule names no order: set above, categories, products or first_buy")
	}
	for c, amount := range r.Above {
		if amount < 0 {
			return fmt.Errorf("above: %s %s is below zero", amount.Format(c), c)
		}
	}
	for _, c := range r.Categories {
		if validate("enums/advertiser-industry.json", c) != nil {
			return fmt.Errorf("categories: %q is no advertiser industry of the protocol (enums/advertiser-industry.json)", c)
		}
	}
	return nil
}

// keeps tells whether the rule keeps the order for a person; first says that the
// account has bought nothing before.
func (r ApprovalRule) keeps(b *MediaBuy, first bool) bool {
	if len(r.Above) > 0 {
		if most, known := r.Above[b.Currency]; known && b.Budget() <= most {
			return false
		}
	}
	switch {
	case len(r.Categories) > 0 && !slices.ContainsFunc(r.Categories, b.Terms.industryIs),
		len(r.Products) > 0 && !slices.ContainsFunc(b.Packages, func(p Package) bool { return !p.Canceled && slices.Contains(r.Products, p.ProductID) }),
		r.FirstBuy && !first:
		return false
	}
	return true
}

// industryIs tells whether the advertiser's industry is the category or below it. An
// order that does not say is of none.
func (t Terms) industryIs(category string) bool {
	return t.AdvertiserIndustry == category || strings.HasPrefix(t.AdvertiserIndustry, category+".")
}

// Signature is one that an order takes, and why.
type Signature struct {
	Role account.Role `json:"role"`
	// Why tells people which product or rule asks for it.
	Why string `json:"why"`
	// Rule tells that it was a rule, which the clock does not sign in anybody's place.
	Rule bool `json:"rule,omitzero"`
}

// signatures are those that the order takes; none is that it is booked at once.
func (d SalesDesk) signatures(b *MediaBuy, first bool) []Signature {
	var list []Signature
	for _, p := range b.Packages {
		if !p.Canceled && p.Approval == ApprovalManual {
			list = append(list, Signature{Role: account.RoleSales, Why: "product " + p.ProductID + " is sold by hand"})
		}
	}
	for _, r := range d.Rules {
		if r.keeps(b, first) {
			list = append(list, Signature{Role: r.Role, Why: "rule: " + r.Name, Rule: true})
		}
	}
	return list
}

// hold leaves the task to people where it takes signatures.
func (d SalesDesk) hold(t *Task, needed []Signature) {
	if len(needed) == 0 {
		return
	}
	t.Status, t.DecidedBy, t.DecidedAt = adcp.TaskStatusSubmitted, "", time.Time{}
	t.Change.Signatures = needed
	t.DueAt = d.due(t, t.CreatedAt)
}

// due is when the clock decides on what people can decide on from then on; zero is never.
func (d SalesDesk) due(t *Task, from time.Time) time.Time {
	switch {
	case d.signs(t):
		return from.Add(d.ApproveAfter)
	case d.Deadline > 0:
		return from.Add(d.Deadline)
	}
	return time.Time{}
}

// signs tells whether the clock may sign in the desk's place.
func (d SalesDesk) signs(t *Task) bool {
	return d.ApproveAfter > 0 && !slices.ContainsFunc(t.Change.Signatures, func(s Signature) bool { return s.Rule })
}

// mode is how an action of the buyer's is taken up: what commits the seller to more
// may need a signature.
func (d SalesDesk) mode(a Action, b *MediaBuy) adcp.MediaBuyActionMode {
	switch {
	case !a.commits():
		return adcp.MediaBuyActionModeSelfServe
	case b.NeedsApproval():
		return adcp.MediaBuyActionModeRequiresApproval
	case len(d.Rules) > 0:
		return adcp.MediaBuyActionModeConditionalSelfServe
	}
	return adcp.MediaBuyActionModeSelfServe
}
