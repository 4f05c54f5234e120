package seller

import (
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/money"
)

// Relation is what the seller has agreed with a principal outside of the
// protocol: whom it may have invoiced, and how far its word is good. The zero
// Relation is one with everything that the seller does, and no limits.
type Relation struct {
	// Billing are the parties that may be invoiced for the principal's accounts, the
	// preferred one first; all that the seller bills where empty. An agent that only
	// passes billing through has [adcp.BillingPartyOperator] alone.
	Billing []adcp.BillingParty
	// PaymentTerms are those of accounts that name none.
	PaymentTerms adcp.PaymentTerms
	// NewAccounts is the state in which accounts are opened: active where empty, or
	// pending_approval where a person looks at each first.
	NewAccounts adcp.AccountStatus
	// CreditLimit is the most that one of its accounts may have committed at a time,
	// and DailyCeiling the most that one may commit within a UTC day; zero is no limit.
	CreditLimit, DailyCeiling money.Amount
}

// billing is whom the seller invoices at all.
func defaultBilling() []adcp.BillingParty {
	return []adcp.BillingParty{adcp.BillingPartyOperator, adcp.BillingPartyAgent, adcp.BillingPartyAdvertiser}
}

// relation is what was agreed with the principal.
func (s *Service) relation(principal string) Relation {
	r, ok := s.relations[principal]
	if !ok {
		r = s.relations[""]
	}
	if r.NewAccounts == "" {
		r.NewAccounts = adcp.AccountStatusActive
	}
	return r
}

// permits tells whether the relation lets the party be invoiced.
func (r Relation) permits(p adcp.BillingParty) bool {
	return len(r.Billing) == 0 || slices.Contains(r.Billing, p)
}

// suggested is a party that both the seller and the relation take; "" is none.
func (s *Service) suggested(r Relation) adcp.BillingParty {
	for _, p := range r.Billing {
		if slices.Contains(s.billing, p) {
			return p
		}
	}
	if len(r.Billing) == 0 {
		return s.billing[0]
	}
	return ""
}

// billingProblem is why the party cannot be invoiced for the principal's account,
// or nil. The two gates have codes of their own: what the seller never does, and
// what it does not do for this principal. The second says no more of the relation
// than one party to try instead.
func (s *Service) billingProblem(principal, field string, party adcp.BillingParty) *adcp.Error {
	if !slices.Contains(s.billing, party) {
		return refusal(adcp.CodeBillingNotSupported, field, "This seller does not invoice the %s.", party).
			WithSuggestion("Choose among the parties of account.supported_billing.").
			WithDetails(map[string]any{"scope": "capability", "supported_billing": s.billing})
	}
	r := s.relation(principal)
	if r.permits(party) {
		return nil
	}
	details := map[string]any{"rejected_billing": party}
	e := refusal(adcp.CodeBillingNotPermittedForAgent, field, "The %s cannot be invoiced under the agreement with this agent.", party)
	if instead := s.suggested(r); instead != "" {
		details["suggested_billing"] = instead
		return e.WithSuggestion("Send the account with billing " + string(instead) + " and a new idempotency_key.").WithDetails(details)
	}
	return e.WithSuggestion("Have the operator of this agent settle the payment relationship with the seller.").WithDetails(details)
}
