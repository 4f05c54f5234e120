package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// getAccountFinancials serves get_account_financials: what an operator-billed
// account has spent within a period of UTC days, and what its credit leaves.
func (s *Service) getAccountFinancials(ctx context.Context, call *agent.Call, req *adcp.GetAccountFinancialsRequest) (*adcp.GetAccountFinancialsResponse, error) {
	q := s.db.Read()
	a, err := s.account(ctx, q, call.Caller, &req.Account)
	if errors.Is(err, errNoRow) || err == nil && a.Revision == 0 {
		return nil, errAccountNotFound("account")
	}
	if err != nil {
		return nil, err
	}
	if a.Terms.Billing != adcp.BillingPartyOperator {
		return nil, refusal(adcp.CodeUnsupportedFeature, "account", "The account's operator is not the one invoiced.").
			WithSuggestion("Financials are for accounts with billing operator; whoever is invoiced has them from the seller.")
	}
	in, err := s.billingPeriod(req.Period)
	if err != nil {
		return nil, err
	}
	currency, others, err := s.accountCurrency(ctx, q, a)
	if err != nil {
		return nil, err
	}
	resp := &adcp.GetAccountFinancialsResponse{
		Status: adcp.TaskStatusCompleted, Account: &req.Account, Currency: new(string(currency)), Timezone: new("UTC"),
		Period:       &adcp.DateRange{Start: in.from.Format(time.DateOnly), End: in.to.AddDate(0, 0, -1).Format(time.DateOnly)},
		PaymentTerms: a.Terms.PaymentTerms, PaymentStatus: new(a.paymentStatus()),
	}
	if resp.Spend, err = s.accountSpend(ctx, q, a, currency, in); err != nil {
		return nil, err
	}
	if resp.Credit, err = s.credit(ctx, q, a, currency); err != nil {
		return nil, err
	}
	if len(others) > 0 {
		resp.Ext, err = json.Marshal(map[string]any{"other_currencies": others})
	}
	return resp, err
}

// billingPeriod is the range of days asked for, or the current month up to today.
func (s *Service) billingPeriod(asked *adcp.DateRange) (period, error) {
	now := s.now()
	if asked == nil {
		first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
		return period{first, now.Truncate(24*time.Hour).AddDate(0, 0, 1)}, nil
	}
	c := new(checks)
	p := period{from: c.day("period.start", &asked.Start)}
	if end := c.day("period.end", &asked.End); !end.IsZero() {
		p.to = end.AddDate(0, 0, 1)
	}
	if !p.from.IsZero() && !p.to.IsZero() && !p.from.Before(p.to) {
		c.add(adcp.CodeValidationError, "period.end", "The period ends before it starts.")
	}
	return p, c.err()
}

// accountCurrency is the currency that an account is told of: its credit's, or else
// the first of those it has bought in; the others come beside. Amounts of two are
// never added up.
func (s *Service) accountCurrency(ctx context.Context, q *store.Queries, a *Account) (money.Currency, []string, error) {
	bought, err := q.AccountCurrencies(ctx, store.AccountCurrenciesParams{Tenant: s.tenant, AccountID: a.ID})
	if err != nil {
		return "", nil, fmt.Errorf("currencies of %s: %w", a.ID, err)
	}
	currency := s.relation(a.Principal).CreditLimit.Currency
	if currency == "" && len(bought) > 0 {
		currency = money.Currency(bought[0])
	}
	if currency == "" {
		currency = s.shelf().Products[0].Pricing[0].Currency
	}
	return currency, slices.DeleteFunc(bought, func(c string) bool { return c == string(currency) }), nil
}

func (a *Account) paymentStatus() adcp.GetAccountFinancialsResponsePaymentStatus {
	switch a.Status {
	case adcp.AccountStatusSuspended:
		return "suspended"
	case adcp.AccountStatusPaymentRequired:
		return "past_due"
	}
	return "current"
}

// accountSpend adds up what the ad server reports for the account's media buys.
func (s *Service) accountSpend(ctx context.Context, q *store.Queries, a *Account, currency money.Currency, in period) (*adcp.GetAccountFinancialsResponseSpend, error) {
	rows, err := q.MediaBuysOfAccount(ctx, store.MediaBuysOfAccountParams{Tenant: s.tenant, AccountID: a.ID})
	if err != nil {
		return nil, fmt.Errorf("media buys of %s: %w", a.ID, err)
	}
	var total money.Micros
	var running int64
	for _, r := range rows {
		if r.Currency != string(currency) || State(r.Status) == StateRejected {
			continue
		}
		hours, err := s.delivered(ctx, adserver.DeliveryQuery{OrderID: r.MediaBuyID, From: in.from, To: in.to})
		if err != nil {
			return nil, err
		}
		total += adserver.Sum(hours).Spend
		if store.Time(r.StartAt).Before(in.to) && store.Time(r.EndAt).After(in.from) && State(r.Status) != StateCanceled {
			running++
		}
	}
	return &adcp.GetAccountFinancialsResponseSpend{TotalSpend: number(total), MediaBuyCount: &running}, nil
}

// credit is what the account's limit leaves; nil where it has none.
func (s *Service) credit(ctx context.Context, q *store.Queries, a *Account, currency money.Currency) (*adcp.GetAccountFinancialsResponseCredit, error) {
	limit := s.relation(a.Principal).CreditLimit
	if limit.Micros == 0 || limit.Currency != currency {
		return nil, nil
	}
	outstanding, err := q.AccountOutstanding(ctx, store.AccountOutstandingParams{Tenant: s.tenant, AccountID: a.ID, Currency: string(currency)})
	if err != nil {
		return nil, fmt.Errorf("outstanding of %s: %w", a.ID, err)
	}
	used := min(max(money.Micros(outstanding), 0), limit.Micros)
	return &adcp.GetAccountFinancialsResponseCredit{
		CreditLimit: number(limit.Micros), AvailableCredit: number(limit.Micros - money.Micros(outstanding)),
		UtilizationPercent: new(number(used.MulDiv(100*int64(money.Unit), int64(limit.Micros)))),
	}, nil
}
