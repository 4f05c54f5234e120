package buyer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// bookedPackage is a package as the seller booked it, kept with the booking.
type bookedPackage struct {
	PackageID string `json:"package_id"`
	LineID    string `json:"line_id"`
	// Formats are those that the seller says it still needs creatives in.
	Formats []FormatID `json:"formats,omitempty"`
}

func (b *booking) packages() (packages []bookedPackage) {
	// What this package wrote itself: absent before the booking is made.
	_ = json.Unmarshal([]byte(b.Packages), &packages)
	return packages
}

// answered takes over what a seller answered to create_media_buy, at once or as
// the result of its task.
func (s *Service) answered(ctx context.Context, b *booking, answer adcp.CreateMediaBuyResponse) error {
	mediaBuyID, taskID := adcp.Val(answer.MediaBuyID), adcp.Val(answer.TaskID)
	switch {
	case mediaBuyID == "" && token(taskID) && b.state() != BookingSubmitted:
		return s.note(ctx, b, BookingSubmitted, func() { b.TaskID, b.Reason = taskID, "the seller decides later" })
	case len(answer.Errors) > 0 && mediaBuyID == "":
		refused := &answer.Errors[0]
		return s.lose(ctx, b, s.said(refused), refused)
	case !token(mediaBuyID):
		// A task that is done and names no media buy: there is nothing to follow,
		// so it stays as it is until the seller says more or the flight is over.
		return s.note(ctx, b, b.state(), func() { b.Reason = "the seller's task is done and names no media buy" })
	}
	return s.confirm(ctx, b, mediaBuyID, answer)
}

// confirm holds what a seller booked against the plan: the agreed terms are the
// booked terms, or the media buy is cancelled.
func (s *Service) confirm(ctx context.Context, b *booking, mediaBuyID string, answer adcp.CreateMediaBuyResponse) error {
	lines, err := s.lines(ctx, s.db.Read(), b)
	if err != nil {
		return err
	}
	packages, difference := compareBooked(lines, b.campaign.Currency, answer)
	status := string(adcp.Val(answer.MediaBuyStatus))
	if difference != "" {
		if err := s.note(ctx, b, BookingMismatched, func() {
			b.MediaBuyID, b.Status, b.Reason, b.InDoubt = mediaBuyID, shown(status, 40), "booked on other terms than agreed: "+difference, false
		}); err != nil {
			return err
		}
		return s.callOff(ctx, b)
	}
	kept, err := json.Marshal(packages)
	if err != nil {
		return fmt.Errorf("booking %s: %w", b.BookingID, err)
	}
	return s.save(ctx, b, BookingBooked, func(tx *store.Tx, book *ledger) error {
		b.MediaBuyID, b.Status, b.Reason, b.InDoubt, b.Packages = mediaBuyID, shown(status, 40), "", false, string(kept)
		for i, l := range lines {
			if err := book.move(ctx, l.LineID, Reserved, Committed, money.Micros(l.Budget), ActorSystem, mediaBuyID); err != nil {
				return err
			}
			if _, err := tx.SetPlanLinePackage(ctx, store.SetPlanLinePackageParams{
				PackageID: packages[i].PackageID, Tenant: s.tenant, LineID: l.LineID,
			}); err != nil {
				return fmt.Errorf("line %s: %w", l.LineID, err)
			}
		}
		return nil
	})
}

// compareBooked matches the booked packages with the planned lines and says what
// differs. A member that the seller leaves out is as it was asked for.
func compareBooked(lines []store.BuyerLine, currency string, answer adcp.CreateMediaBuyResponse) ([]bookedPackage, string) {
	if c := adcp.Val(answer.Currency); c != "" && c != currency {
		return nil, fmt.Sprintf("in %s, not %s", shown(c, 10), currency)
	}
	var total int64
	for _, l := range lines {
		total += l.Budget
	}
	if answer.TotalBudget != nil && answer.TotalBudget.Cmp(decimal(total)) != 0 {
		return nil, fmt.Sprintf("%s %s in all, not %s", answer.TotalBudget, currency, decimal(total))
	}
	if len(answer.Packages) != len(lines) {
		return nil, fmt.Sprintf("%d packages, not %d", len(answer.Packages), len(lines))
	}
	free := slices.Clone(answer.Packages)
	var packages []bookedPackage
	for _, l := range lines {
		i := slices.IndexFunc(free, func(p adcp.Package) bool { return adcp.Val(p.ProductID) == l.ProductID })
		if i < 0 {
			// A seller that does not name products keeps the order of the request.
			i = slices.IndexFunc(free, func(p adcp.Package) bool { return p.ProductID == nil })
		}
		if i < 0 {
			return nil, fmt.Sprintf("no package of product %s", l.ProductID)
		}
		p := free[i]
		free = slices.Delete(free, i, i+1)
		if difference := differs(l, p); difference != "" {
			return nil, fmt.Sprintf("product %s %s", l.ProductID, difference)
		}
		packages = append(packages, bookedPackage{PackageID: p.PackageID, LineID: l.LineID, Formats: formatsOf(p.FormatIDsToProvide)})
	}
	return packages, ""
}

func differs(l store.BuyerLine, p adcp.Package) string {
	same := func(got *adcp.Decimal, want int64) bool { return got == nil || got.Cmp(decimal(want)) == 0 }
	switch {
	case !token(p.PackageID):
		return "has a package_id that cannot be used"
	case p.PricingOptionID != nil && *p.PricingOptionID != l.PricingOptionID:
		return fmt.Sprintf("at price %s, not %s", shown(*p.PricingOptionID, 60), l.PricingOptionID)
	case !same(p.Budget, l.Budget):
		return fmt.Sprintf("with a budget of %s, not %s", p.Budget, decimal(l.Budget))
	case !same(p.BidPrice, l.Bid):
		return fmt.Sprintf("with a bid of %s, not %s", p.BidPrice, decimal(l.Bid))
	case adcp.Val(p.Canceled):
		return "canceled"
	}
	return ""
}

// callOff cancels a media buy that was booked on other terms than agreed. Its
// money stays reserved until the seller has confirmed that it is off.
func (s *Service) callOff(ctx context.Context, b *booking) error {
	if err := s.step(ctx, "about to cancel at "+b.Seller); err != nil {
		return err
	}
	c, err := s.client(b.Seller)
	if err != nil {
		return s.note(ctx, b, b.state(), func() {})
	}
	_, err = client.Call(ctx, c, adcp.UpdateMediaBuy, &adcp.UpdateMediaBuyRequest{
		IdempotencyKey: id.Derive("cancel", b.CampaignID, b.Seller, b.MediaBuyID), Account: s.account(b.campaign.intent),
		MediaBuyID: b.MediaBuyID, Canceled: new(true), CancellationReason: new(cut(b.Reason, 500)),
	}, s.retries())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		s.log.WarnContext(ctx, "a media buy on other terms than agreed was not cancelled", "seller", b.Seller, "error", s.said(err))
	}
	// What the seller holds decides, not what it answered: it may cancel later.
	buy, err := s.readBuy(ctx, c, b)
	if err != nil || !ended(buy.Status) {
		return ctx.Err()
	}
	return s.save(ctx, b, BookingFailed, func(tx *store.Tx, book *ledger) error {
		lines, err := s.lines(ctx, tx.Queries, b)
		if err != nil {
			return err
		}
		b.Status, b.Reason = string(adcp.MediaBuyStatusCanceled), b.Reason+"; cancelled"
		for _, l := range lines {
			if err := book.move(ctx, l.LineID, Reserved, Released, money.Micros(l.Budget), ActorSystem, b.Reason); err != nil {
				return err
			}
		}
		return nil
	})
}
