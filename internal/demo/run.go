package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/upfront-media/upfront/internal/brief"
	"github.com/upfront-media/upfront/internal/buyer"
	"github.com/upfront-media/upfront/internal/id"
)

// ErrNotApproved reports that nobody signed the plan; nothing was booked.
var ErrNotApproved = errors.New("the plan was not approved; nothing was booked")

// Progress is told what happens while a campaign runs. Its methods are called
// from one goroutine.
type Progress interface {
	// Say tells of one thing that happened.
	Say(format string, args ...any)
	// Bar tells how far a longer stretch has come.
	Bar(label string, done, total int)
}

// Config is one demonstration.
type Config struct {
	// Brief is what to buy, checked against Today.
	Brief brief.Brief
	// Seed makes the sellers' supply repeatable.
	Seed int64
	// Today is where the simulated clock starts.
	Today time.Time
	// Data is the directory for databases.
	Data string
	// Database is a postgres:// URL to use instead of files, or empty.
	Database string
	// Also are other agents to ask beside the market's own sellers.
	Also []buyer.Seller
	// Deadline is how long the buyer waits for one seller's offer; 10 seconds where zero.
	Deadline time.Duration
	Progress Progress
	// Approve asks a person to sign the plan.
	Approve func(context.Context, brief.Brief, buyer.Plan) (bool, error)
	Logger  *slog.Logger
}

// Key names the market that a brief and a seed play in. Running both again with
// the same data finds the same market, wherever it was left.
func Key(b brief.Brief, seed int64) string {
	return strings.ToLower(id.Derive("demo", b.Digest(), strconv.FormatInt(seed, 10)))
}

// Run plays a campaign from brief to report. A run that was interrupted, however
// abruptly, is picked up where it stood; one that had ended is told again.
func Run(ctx context.Context, c Config) (doc Document, err error) {
	w, err := openWorld(ctx, Key(c.Brief, c.Seed), c)
	if err != nil {
		return Document{}, err
	}
	defer func() { err = errors.Join(err, w.close(context.WithoutCancel(ctx))) }()

	campaign, err := w.buyer.Open(ctx, c.Brief, "demo")
	if err != nil {
		return Document{}, err
	}
	if campaign.State != buyer.StateBriefed {
		c.Progress.Say("going on where an earlier run stood: campaign %s is %s", campaign.ID, campaign.State)
	}
	if err := w.sign(ctx, c, campaign); err != nil {
		return Document{}, err
	}
	if err := w.book(ctx, c, campaign.ID); err != nil {
		return Document{}, err
	}
	if err := w.fly(ctx, c, campaign.ID); err != nil {
		return Document{}, err
	}
	report, err := w.buyer.Report(ctx, campaign.ID)
	if err != nil {
		return Document{}, err
	}
	return newDocument(c.Brief, report), nil
}

// sign plans the campaign and has the plan approved.
func (w *world) sign(ctx context.Context, c Config, campaign buyer.Campaign) error {
	if campaign.State == buyer.StateBriefed {
		c.Progress.Say("asking %d sellers: %s", len(sellers)+len(c.Also), strings.Join(sellers, ", "))
		if _, err := w.buyer.Plan(ctx, campaign.ID); err != nil {
			return err
		}
	}
	report, err := w.buyer.Report(ctx, campaign.ID)
	if err != nil {
		return err
	}
	switch report.State {
	case buyer.StatePlanned, buyer.StateAwaitingApproval:
	case buyer.StateRejected, buyer.StateCanceled:
		return fmt.Errorf("%w (an earlier run: %s)", ErrNotApproved, report.Reason)
	case buyer.StateFailed:
		return errors.New(report.Reason)
	default:
		return nil
	}
	plan := *report.Plan
	c.Progress.Say("planned %s %s over %d lines; %d products not taken", plan.Planned, plan.Currency, len(plan.Lines), len(plan.Rejected))
	approved, err := c.Approve(ctx, c.Brief, plan)
	if err != nil {
		return err
	}
	if !approved {
		return errors.Join(ErrNotApproved, w.buyer.Reject(ctx, campaign.ID, "human:demo", "declined at the prompt"))
	}
	return w.buyer.Approve(ctx, campaign.ID, buyer.Approval{Actor: "human:demo", Limit: c.Brief.Budget})
}

// book sends the orders, and moves the clock by hours until every seller has
// decided and holds its creatives.
func (w *world) book(ctx context.Context, c Config, campaignID string) error {
	const patience = 48 // hours
	for hour := range patience {
		if err := w.buyer.Book(ctx, campaignID); err != nil {
			return err
		}
		report, err := w.follow(ctx, campaignID)
		if err != nil {
			return err
		}
		switch report.State {
		case buyer.StateLive, buyer.StateCompleted:
			for _, b := range report.MediaBuys {
				c.Progress.Say("%s: media buy %s, %s %s in %d packages", b.Seller, b.MediaBuyID, b.Budget, b.Currency, len(b.Packages))
			}
			return nil
		case buyer.StateFailed, buyer.StateRejected, buyer.StateCanceled:
			return fmt.Errorf("nothing was booked: %s", report.Reason)
		}
		for _, b := range report.MediaBuys {
			if hour == 0 && b.MediaBuyID == "" && b.TaskID != "" {
				c.Progress.Say("%s: submitted as task %s, waiting for the seller's people", b.Seller, b.TaskID)
			}
		}
		if err := w.advance(ctx, w.clock.Now().Add(time.Hour)); err != nil {
			return err
		}
		if err := w.saveClock(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("sellers did not decide within %d hours", patience)
}

// A seller that does not confirm an order is asked again every askAgain of real
// time, for confirmWithin at most, before the simulated clock moves on.
const (
	askAgain      = 250 * time.Millisecond
	confirmWithin = 30 * time.Second
)

// follow lets the buyer look at its sellers and tells how the campaign stands.
// An order whose answer was lost is asked for until its seller confirms it: where
// an earlier process was killed in the middle of a call, its claim on the order's
// key runs out in real time, which a simulated month would outrun.
func (w *world) follow(ctx context.Context, campaignID string) (buyer.Report, error) {
	for began := time.Now(); ; {
		if err := w.buyer.Follow(ctx, campaignID); err != nil {
			return buyer.Report{}, err
		}
		report, err := w.buyer.Report(ctx, campaignID)
		if err != nil {
			return buyer.Report{}, err
		}
		waits := slices.ContainsFunc(report.MediaBuys, func(b buyer.BuyReport) bool {
			return b.Status == string(buyer.BookingUnconfirmed)
		})
		if !waits || time.Since(began) > confirmWithin {
			return report, nil
		}
		select {
		case <-ctx.Done():
			return buyer.Report{}, ctx.Err()
		case <-time.After(askAgain):
		}
	}
}

// looks is how often at most the buyer reads status and delivery during a flight;
// it does not look more than weekly.
const looks = 6

// fly lets the flight pass day by day until every media buy has ended.
func (w *world) fly(ctx context.Context, c Config, campaignID string) error {
	start, end, days := c.Brief.StartTime(), c.Brief.EndTime(), c.Brief.Days()
	// Sellers may report the last hours late: they get a few days more.
	for last := end.AddDate(0, 0, 5); ; {
		report, err := w.buyer.Report(ctx, campaignID)
		if err != nil {
			return err
		}
		if report.State.Terminal() {
			return nil
		}
		now := w.clock.Now()
		if now.After(last) {
			return fmt.Errorf("the flight has ended, but the campaign is still %s: %s", report.State, report.Reason)
		}
		next := start
		if !now.Before(start) {
			next = now.Truncate(24*time.Hour).AddDate(0, 0, 1)
		}
		if err := w.advance(ctx, next); err != nil {
			return err
		}
		day := int(next.Sub(start) / (24 * time.Hour))
		if day%max(7, days/looks) == 0 || !next.Before(end) {
			if _, err := w.follow(ctx, campaignID); err != nil {
				return err
			}
		}
		if err := w.saveClock(ctx); err != nil {
			return err
		}
		c.Progress.Bar("days delivered", min(day, days), days)
	}
}
