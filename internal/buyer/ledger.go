package buyer

import (
	"context"
	"fmt"

	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// Balance is a heading of the ledger. Each line's money is always under exactly
// one or more of planned, reserved, committed, delivered and released, and their
// sum is the line's budget from the plan to the end.
type Balance string

// The balances.
const (
	// Authorised is the limit that a person has signed, for the whole campaign.
	Authorised Balance = "authorised"
	// Planned is what a plan intends and nobody may spend yet.
	Planned Balance = "planned"
	// Reserved is on its way to a seller that has not decided.
	Reserved Balance = "reserved"
	// Committed is booked at a seller and not delivered yet.
	Committed Balance = "committed"
	// Delivered is spent, as far as the seller has reported.
	Delivered Balance = "delivered"
	// Released was reserved or committed and will not be spent.
	Released Balance = "released"
)

// moves is the whole of what the ledger allows money to do.
var moves = map[[2]Balance]bool{
	{"", Authorised}:       true,
	{"", Planned}:          true,
	{Planned, Reserved}:    true,
	{Reserved, Committed}:  true,
	{Reserved, Released}:   true,
	{Committed, Delivered}: true,
	{Committed, Released}:  true,
	// Reports are corrected, sometimes downwards.
	{Delivered, Committed}: true,
}

// Entry adds an amount, which may be negative, to a balance of a line.
type Entry struct {
	Balance Balance
	// LineID is empty for the authority.
	LineID string
	Amount money.Amount
	Actor  string
	Reason string
}

// ledger is a campaign's ledger within one transaction.
type ledger struct {
	s         *Service
	tx        *store.Tx
	campaign  string
	currency  money.Currency
	budget    money.Micros
	positions int64
	// lines and totals are the balances by line and in sum.
	lines  map[string]map[Balance]money.Micros
	totals map[Balance]money.Micros
}

// ledger reads a campaign's ledger. Callers have claimed the campaign's row.
func (s *Service) ledger(ctx context.Context, tx *store.Tx, r *record) (*ledger, error) {
	l := &ledger{
		s: s, tx: tx, campaign: r.CampaignID, currency: r.currency(), budget: money.Micros(r.Budget),
		lines: map[string]map[Balance]money.Micros{}, totals: map[Balance]money.Micros{},
	}
	rows, err := tx.LedgerEntries(ctx, store.LedgerEntriesParams{Tenant: s.tenant, CampaignID: r.CampaignID})
	if err != nil {
		return nil, fmt.Errorf("ledger of campaign %s: %w", r.CampaignID, err)
	}
	for _, row := range rows {
		l.positions = row.Position
		l.add(row.LineID, Balance(row.Kind), money.Micros(row.Amount))
	}
	return l, nil
}

func (l *ledger) add(lineID string, b Balance, amount money.Micros) {
	if l.lines[lineID] == nil {
		l.lines[lineID] = map[Balance]money.Micros{}
	}
	l.lines[lineID][b] += amount
	l.totals[b] += amount
}

func (l *ledger) of(lineID string, b Balance) money.Micros { return l.lines[lineID][b] }

// move takes an amount of a line from one balance to another. from is empty for
// money that comes onto the ledger.
func (l *ledger) move(ctx context.Context, lineID string, from, to Balance, amount money.Micros, actor, reason string) error {
	switch {
	case !moves[[2]Balance{from, to}]:
		return fmt.Errorf("ledger: money does not go from %q to %q", from, to)
	case amount < 0:
		return fmt.Errorf("ledger: %s is less than nothing", amount.Format(l.currency))
	case amount == 0:
		return nil
	case from != "" && l.of(lineID, from) < amount:
		return fmt.Errorf("ledger: line %s has %s %s, not %s", lineID, l.of(lineID, from).Format(l.currency), from, amount.Format(l.currency))
	}
	if from != "" {
		if err := l.post(ctx, lineID, from, -amount, actor, reason); err != nil {
			return err
		}
	}
	if err := l.post(ctx, lineID, to, amount, actor, reason); err != nil {
		return err
	}
	return l.check()
}

// check holds the rule that the whole ledger is for.
func (l *ledger) check() error {
	bound := l.totals[Reserved] + l.totals[Committed] + l.totals[Delivered]
	switch {
	case bound > l.totals[Authorised]:
		return fmt.Errorf("%w: %s would be bound and %s is authorised", ErrAuthority, bound.Format(l.currency), l.totals[Authorised].Format(l.currency))
	case l.totals[Authorised] > l.budget:
		return fmt.Errorf("%w: %s would be authorised and the budget is %s", ErrAuthority, l.totals[Authorised].Format(l.currency), l.budget.Format(l.currency))
	}
	return nil
}

func (l *ledger) post(ctx context.Context, lineID string, b Balance, amount money.Micros, actor, reason string) error {
	l.positions++
	l.add(lineID, b, amount)
	err := l.tx.InsertLedgerEntry(ctx, store.InsertLedgerEntryParams{
		Tenant: l.s.tenant, CampaignID: l.campaign, Position: l.positions,
		EntryID: id.Derive("entry", l.campaign, fmt.Sprint(l.positions)), Kind: string(b), LineID: lineID, Amount: int64(amount),
		Currency: string(l.currency), At: store.Micros(l.s.clock.Now()), Actor: actor, Reason: reason,
	})
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// Ledger lists a campaign's ledger, oldest entry first.
func (s *Service) Ledger(ctx context.Context, campaignID string) ([]Entry, error) {
	rows, err := s.db.Read().LedgerEntries(ctx, store.LedgerEntriesParams{Tenant: s.tenant, CampaignID: campaignID})
	if err != nil {
		return nil, fmt.Errorf("ledger of campaign %s: %w", campaignID, err)
	}
	entries := make([]Entry, len(rows))
	for i, r := range rows {
		entries[i] = Entry{
			Balance: Balance(r.Kind), LineID: r.LineID, Actor: r.Actor, Reason: r.Reason,
			Amount: money.Amount{Micros: money.Micros(r.Amount), Currency: money.Currency(r.Currency)},
		}
	}
	return entries, nil
}
