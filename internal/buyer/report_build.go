package buyer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// Report is a campaign as it stands in the books. It asks no seller; see
// [Service.Follow] and [Service.ReadDelivery]. Plan, bookings and money are of
// one transaction.
func (s *Service) Report(ctx context.Context, campaignID string) (Report, error) {
	var report Report
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		r, err := s.load(ctx, tx.Queries, campaignID)
		if err != nil {
			return err
		}
		report, err = s.report(ctx, tx, &r)
		return err
	})
	return report, err
}

func (s *Service) report(ctx context.Context, tx *store.Tx, r *record) (Report, error) {
	report := Report{
		CampaignID: r.CampaignID, Name: r.Name, Advertiser: r.Advertiser, State: State(r.State), Reason: r.Reason,
		MediaBuys: []BuyReport{}, NotBooked: []BuyReport{}, Delivery: []DeliveryTotal{}, LeftOut: []LeftOut{}, Changes: []ChangeReport{},
	}
	plan, err := r.plan()
	if err != nil {
		return report, err
	}
	if report.Plan = plan; plan != nil {
		report.LeftOut = append(report.LeftOut, plan.LeftOut...)
	}
	c := r.currency()
	if r.Authority > 0 {
		report.Approval = &Signature{
			Actor: r.ApprovedBy, Limit: money.Micros(r.Authority).Format(c), Currency: r.Currency,
			At: store.Time(r.ApprovedAt), Reason: r.Approval,
		}
	}
	changes, err := tx.CampaignTransitions(ctx, store.CampaignTransitionsParams{Tenant: s.tenant, CampaignID: r.CampaignID})
	if err != nil {
		return report, fmt.Errorf("history of campaign %s: %w", r.CampaignID, err)
	}
	for _, t := range changes {
		report.Changes = append(report.Changes, ChangeReport{From: State(t.FromState), To: State(t.ToState), At: store.Time(t.At), Actor: t.Actor, Reason: t.Reason})
	}
	book, err := s.ledger(ctx, tx, r)
	if err != nil {
		return report, err
	}
	report.Totals = Totals{
		Budget: money.Micros(r.Budget).Format(c), Planned: book.everPlanned().Format(c), Authorised: book.totals[Authorised].Format(c),
		Reserved: book.totals[Reserved].Format(c), Currency: r.Currency,
	}
	rows, err := tx.Bookings(ctx, store.BookingsParams{Tenant: s.tenant, CampaignID: r.CampaignID})
	if err != nil {
		return report, fmt.Errorf("bookings of campaign %s: %w", r.CampaignID, err)
	}
	deliveries, err := tx.PackageDeliveries(ctx, store.PackageDeliveriesParams{Tenant: s.tenant, CampaignID: r.CampaignID})
	if err != nil {
		return report, fmt.Errorf("delivery of campaign %s: %w", r.CampaignID, err)
	}
	var booked, spend money.Micros
	for i, row := range rows {
		b := &booking{BuyerBooking: row, campaign: *r}
		buy, budget, err := s.buyReport(ctx, tx, b)
		if err != nil {
			return report, err
		}
		if b.state() == BookingFailed {
			// What was booked without the refused packages is told by itself.
			var later []store.BuyerBooking
			if i+1 < len(rows) && rows[i+1].Seller == b.Seller {
				later = rows[i+1 : i+2]
			}
			if err := s.withoutLater(ctx, tx, &buy, later, *r); err != nil {
				return report, err
			}
			report.NotBooked = append(report.NotBooked, buy)
			report.LeftOut = append(report.LeftOut, LeftOut{Seller: b.Seller, Reason: "did not book " + listed(productsOf(buy)) + ": " + b.Reason})
			continue
		}
		report.MediaBuys = append(report.MediaBuys, buy)
		if b.state() == BookingUnconfirmed {
			report.LeftOut = append(report.LeftOut, LeftOut{Seller: b.Seller, Reason: "did not confirm: " + b.Reason})
		}
		if b.state() != BookingBooked && b.state() != BookingClosed {
			continue
		}
		booked += budget
		total, spent := deliveryTotal(b, buy, deliveries)
		spend += spent
		report.Totals.Impressions += total.Impressions
		report.Delivery = append(report.Delivery, total)
	}
	report.Totals.Booked, report.Totals.Spend = booked.Format(c), spend.Format(c)
	sortLeftOut(report.LeftOut)
	return report, nil
}

// withoutLater takes out of a refused booking what the next attempt asked for again.
func (s *Service) withoutLater(ctx context.Context, tx *store.Tx, buy *BuyReport, later []store.BuyerBooking, r record) error {
	for _, row := range later {
		again, _, err := s.buyReport(ctx, tx, &booking{BuyerBooking: row, campaign: r})
		if err != nil {
			return err
		}
		products := productsOf(again)
		buy.Packages = slices.DeleteFunc(buy.Packages, func(p PackageReport) bool { return slices.Contains(products, p.ProductID) })
	}
	c, sum := r.currency(), money.Micros(0)
	for _, p := range buy.Packages {
		m, err := money.Parse(p.Budget)
		if err != nil {
			return err
		}
		sum += m
	}
	buy.Budget = sum.Format(c)
	return nil
}

func productsOf(buy BuyReport) (products []string) {
	for _, p := range buy.Packages {
		products = append(products, p.ProductID)
	}
	return products
}

// everPlanned is what the plan came to, wherever the money is now.
func (l *ledger) everPlanned() (sum money.Micros) {
	for _, b := range []Balance{Planned, Reserved, Committed, Delivered, Released} {
		sum += l.totals[b]
	}
	return sum
}

// buyReport tells one booking, and what its lines hold in money.
func (s *Service) buyReport(ctx context.Context, tx *store.Tx, b *booking) (BuyReport, money.Micros, error) {
	lines, err := s.lines(ctx, tx.Queries, b)
	if err != nil {
		return BuyReport{}, 0, err
	}
	c := money.Currency(b.campaign.Currency)
	report := BuyReport{
		Seller: b.Seller, MediaBuyID: b.MediaBuyID, Status: b.State, Currency: string(c), Packages: []PackageReport{},
		Reason: b.Reason,
	}
	if b.state() == BookingSubmitted {
		report.TaskID = b.TaskID
	}
	if (b.state() == BookingBooked || b.state() == BookingClosed) && b.Status != "" {
		report.Status = b.Status
	}
	work, packages := b.creativeWork(), b.packages()
	var budget money.Micros
	for _, l := range lines {
		p := PackageReport{
			ProductID: l.ProductID, PricingOptionID: l.PricingOptionID, Budget: money.Micros(l.Budget).Format(c),
			Currency: string(c), CreativeIDs: []string{},
		}
		if i := slices.IndexFunc(packages, func(p bookedPackage) bool { return p.LineID == l.LineID }); i >= 0 {
			p.PackageID = packages[i].PackageID
			p.CreativeIDs = append(p.CreativeIDs, work.ByPackage[p.PackageID]...)
		}
		budget += money.Micros(l.Budget)
		report.Packages = append(report.Packages, p)
	}
	report.Budget = budget.Format(c)
	return report, budget, nil
}

// deliveryTotal adds up what a media buy's packages delivered.
func deliveryTotal(b *booking, buy BuyReport, rows []store.BuyerDelivery) (DeliveryTotal, money.Micros) {
	c := money.Currency(b.campaign.Currency)
	total := DeliveryTotal{Seller: b.Seller, MediaBuyID: b.MediaBuyID, Currency: string(c), ByPackage: []PackageDelivery{}}
	var spend money.Micros
	for _, p := range buy.Packages {
		d := PackageDelivery{PackageID: p.PackageID, ProductID: p.ProductID, Spend: money.Micros(0).Format(c)}
		if i := slices.IndexFunc(rows, func(r store.BuyerDelivery) bool { return r.BookingID == b.BookingID && r.PackageID == p.PackageID }); i >= 0 {
			d.Impressions, d.Spend = rows[i].Impressions, money.Micros(rows[i].Spend).Format(c)
			total.Impressions += rows[i].Impressions
			spend += money.Micros(rows[i].Spend)
		}
		total.ByPackage = append(total.ByPackage, d)
	}
	total.Spend = spend.Format(c)
	return total, spend
}

// Brief is the brief that a campaign was opened with, as the document it was
// stored as.
func (s *Service) Brief(ctx context.Context, campaignID string) (json.RawMessage, error) {
	r, err := s.load(ctx, s.db.Read(), campaignID)
	if err != nil {
		return nil, err
	}
	return json.RawMessage(r.Brief), nil
}
