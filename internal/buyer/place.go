package buyer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// maxTries is how often a booking is sent and goes unanswered before the
// campaign stops waiting for it.
const maxTries = 6

// buyRequest is create_media_buy as it is written before it is sent.
type buyRequest = adcp.CreateMediaBuyRequest

// account names the advertiser's account to a seller.
func (s *Service) account(in Intent) adcp.AccountReference {
	operator := s.operator
	if operator == "" {
		operator = in.BrandDomain
	}
	return adcp.AccountReference{Brand: &adcp.BrandReference{Domain: in.BrandDomain}, Operator: &operator}
}

// buyRequest writes the request of one attempt at a seller.
func (s *Service) buyRequest(r *record, seller, key string, lines []store.BuyerLine) ([]byte, error) {
	in := r.intent
	request := buyRequest{
		IdempotencyKey: key,
		Account:        s.account(in),
		Brand:          adcp.BrandReference{Domain: in.BrandDomain},
		PONumber:       new(r.CampaignID),
		StartTime:      "asap",
		EndTime:        in.End,
	}
	later := in.Start.After(s.clock.Now())
	if later {
		request.StartTime = in.Start.Format(time.RFC3339)
	}
	for _, l := range lines {
		p := adcp.PackageRequest{
			ProductID: l.ProductID, PricingOptionID: l.PricingOptionID, Budget: decimal(l.Budget),
			TargetingOverlay: targeting(in),
		}
		if l.Bid > 0 {
			p.BidPrice = new(decimal(l.Bid))
		}
		if later {
			// Said for each package, a start that comes too soon for one product
			// is refused for that package, not for the whole.
			p.StartTime, p.EndTime = new(in.Start), new(in.End)
		}
		request.Packages = append(request.Packages, p)
	}
	body, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("request to %s: %w", seller, err)
	}
	return body, nil
}

func decimal(micros int64) adcp.Decimal { return adcp.DecimalFromMicros(micros) }

// targeting is what every package is held to. Regions and metros were asked for
// in discovery; as restrictions they are left to sellers' products, since most
// sellers refuse what they cannot narrow down to.
func targeting(in Intent) *adcp.TargetingOverlay {
	if len(in.Countries) == 0 && in.FrequencyCap == nil {
		return nil
	}
	overlay := &adcp.TargetingOverlay{GeoCountries: in.Countries}
	if c := in.FrequencyCap; c != nil && c.MaxImpressions > 0 && c.PeriodHours > 0 {
		overlay.FrequencyCap = &adcp.FrequencyCap{
			MaxImpressions: new(int64(c.MaxImpressions)), Per: new(adcp.ReachUnitIndividuals),
			Window: &adcp.Duration{Interval: int64(c.PeriodHours), Unit: adcp.DurationUnitHours},
		}
	}
	return overlay
}

// place brings one booking as far as it goes now: it opens the account and sends
// the stored request, trying again what may pass. A booking that is past this
// is left alone.
func (s *Service) place(ctx context.Context, b *booking) error {
	for b.state() == BookingReserved || b.state() == BookingUnconfirmed {
		again, err := s.send(ctx, b)
		if err != nil {
			return err
		}
		if again == nil {
			break
		}
		if err := s.wait(ctx, *again); err != nil {
			return err
		}
	}
	if b.state() == BookingMismatched {
		return s.callOff(ctx, b)
	}
	return nil
}

// send sends a booking once and acts on the answer. It returns how long to wait
// before the next try, nil where there is to be none now. The error is the
// agent's own.
func (s *Service) send(ctx context.Context, b *booking) (again *time.Duration, err error) {
	doubted := b.InDoubt
	c, err := s.client(b.Seller)
	switch {
	case err != nil && doubted:
		return nil, s.note(ctx, b, BookingUnconfirmed, func() { b.Reason = err.Error() + "; whether it has booked is not known" })
	case err != nil:
		return nil, s.lose(ctx, b, err.Error(), nil)
	}
	if doubted && !s.safeAgain(ctx, c) {
		return nil, s.note(ctx, b, BookingUnconfirmed, func() {
			b.Reason = "it did not answer, and does not promise to know a request that is sent again; whether it has booked is not known"
		})
	}
	if err := s.note(ctx, b, b.state(), func() { b.Tries++ }); err != nil {
		return nil, err
	}
	if failure := s.openAccount(ctx, c, b); failure != nil {
		return s.unanswered(ctx, b, failure, !doubted)
	}
	if err := s.step(ctx, "account open at "+b.Seller); err != nil {
		return nil, err
	}
	// That it is being sent is stored first: an agent that dies now must not
	// think that the seller cannot have booked.
	if err := s.note(ctx, b, b.state(), func() { b.InDoubt = true }); err != nil {
		return nil, err
	}
	if err := s.step(ctx, "about to book at "+b.Seller); err != nil {
		return nil, err
	}
	// What was booked is compared with the plan member by member, so an answer
	// that is not quite the schema's is no reason to leave a booking in doubt.
	body, failure := client.CallRaw(ctx, c, adcp.CreateMediaBuy.Operation, json.RawMessage(b.Request),
		client.WithoutResponseCheck())
	if err := s.step(ctx, "answered by "+b.Seller); err != nil {
		return nil, err
	}
	if failure != nil {
		return s.unanswered(ctx, b, failure, !doubted)
	}
	var answer adcp.CreateMediaBuyResponse
	err = json.Unmarshal(body, &answer)
	if err == nil && !token(adcp.Val(answer.MediaBuyID)) && !token(adcp.Val(answer.TaskID)) && len(answer.Errors) == 0 {
		err = errors.New("the answer names neither a media buy nor a task")
	}
	if err != nil {
		return s.unanswered(ctx, b, &client.Error{Kind: client.Malformed, Operation: adcp.CreateMediaBuy.Name, Err: err}, false)
	}
	return nil, s.answered(ctx, b, answer)
}

// safeAgain reports whether the seller declares that it knows a request by its
// key. One that cannot be asked now may be sent to: the call finds out.
func (s *Service) safeAgain(ctx context.Context, c *client.Client) bool {
	known, err := c.Capabilities(ctx)
	return err != nil || known.ReplayTTL > 0
}

// openAccount makes sure that the seller knows the advertiser. It may be done
// any number of times.
func (s *Service) openAccount(ctx context.Context, c *client.Client, b *booking) error {
	account := s.account(b.campaign.intent)
	answer, err := client.Call(ctx, c, adcp.SyncAccounts, &adcp.SyncAccountsRequest{
		IdempotencyKey: id.Derive("account", b.CampaignID, b.Seller),
		Accounts: []adcp.SyncAccountsRequestAccount{{
			Brand: account.Brand, Operator: account.Operator, Billing: new(adcp.BillingPartyOperator),
		}},
	})
	if err != nil {
		return err
	}
	for _, a := range answer.Accounts {
		if a.Action == adcp.SyncAccountsResponseAccountActionFailed {
			if len(a.Errors) > 0 {
				return &a.Errors[0]
			}
			return adcp.NewError(adcp.CodeInvalidRequest, "accounts", "the account was refused without a reason")
		}
		switch a.Status {
		case adcp.AccountStatusRejected, adcp.AccountStatusSuspended, adcp.AccountStatusClosed, adcp.AccountStatusPaymentRequired:
			return adcp.NewError(adcp.CodeInvalidRequest, "accounts", "the account is "+string(a.Status))
		}
	}
	return nil
}

// unanswered acts on a call that brought no booking. clean says that no try
// before it can have booked.
func (s *Service) unanswered(ctx context.Context, b *booking, failure error, clean bool) (*time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	reason := s.said(failure)
	delay := time.Duration(min(b.Tries+1, 5)) * 200 * time.Millisecond
	var refused *adcp.Error
	var failed *client.Error
	switch {
	case errors.As(failure, &refused):
		if client.Recovery(refused) != adcp.ErrorRecoveryTransient {
			if !clean && saysNothing(refused.Code) {
				break
			}
			return nil, s.lose(ctx, b, reason, refused)
		}
		delay = max(delay, min(client.RetryAfter(refused), 10*time.Second))
	case errors.As(failure, &failed) && clean && neverArrived(failed):
		if b.Tries >= maxTries {
			return nil, s.lose(ctx, b, reason, nil)
		}
		if err := s.note(ctx, b, b.state(), func() { b.InDoubt = false }); err != nil {
			return nil, err
		}
	case errors.As(failure, &failed) && clean && (failed.Kind == client.Unauthorized || failed.Kind == client.Incompatible || failed.Kind == client.Unsendable):
		return nil, s.lose(ctx, b, reason, nil)
	}
	if b.Tries%int64(s.attempts) != 0 && b.Tries < maxTries {
		return &delay, nil
	}
	to := b.state()
	if b.Tries >= maxTries {
		to = BookingUnconfirmed
	}
	return nil, s.note(ctx, b, to, func() {
		b.Reason = reason
		if b.InDoubt {
			b.Reason += "; whether it has booked is not known"
		}
	})
}

// said is what a failed call comes to, for people.
func (s *Service) said(failure error) string {
	var refused *adcp.Error
	var failed *client.Error
	switch {
	case errors.As(failure, &refused):
		text := fmt.Sprintf("refused with %s: %s", shown(string(refused.Code), 60), shown(refused.Message, maxReason))
		if f := adcp.Val(refused.Field); f != "" {
			text += " (" + shown(f, 80) + ")"
		}
		return text
	case errors.As(failure, &failed):
		return whyFailed(failed)
	}
	return shown(failure.Error(), maxReason)
}

// saysNothing reports a refusal that a seller gives before it looks at what it
// has done under the key: after a request that went unanswered, it does not say
// that nothing was booked.
func saysNothing(code adcp.ErrorCode) bool {
	return slices.Contains([]adcp.ErrorCode{
		adcp.CodeAuthMissing, adcp.CodeAuthInvalid, adcp.CodePermissionDenied, adcp.CodeVersionUnsupported, adcp.CodeAccountNotFound,
		adcp.CodeIdempotencyConflict, adcp.CodeIdempotencyExpired, adcp.CodeIdempotencyInFlight,
	}, code)
}

// neverArrived reports a call of which the seller cannot have seen a byte.
func neverArrived(e *client.Error) bool {
	var lookup *net.DNSError
	return errors.Is(e, syscall.ECONNREFUSED) || errors.As(e, &lookup)
}

// lose ends a booking that the seller has not made, and releases its money.
// Where the seller refused some packages and not others, the others are booked
// without them.
func (s *Service) lose(ctx context.Context, b *booking, reason string, refused *adcp.Error) error {
	return s.save(ctx, b, BookingFailed, func(tx *store.Tx, book *ledger) error {
		b.Reason, b.InDoubt = reason, false
		lines, err := s.lines(ctx, tx.Queries, b)
		if err != nil {
			return err
		}
		bad := packagesAtFault(refused, len(lines))
		var kept []store.BuyerLine
		for i, l := range lines {
			if len(bad) > 0 && !slices.Contains(bad, i) {
				kept = append(kept, l)
				continue
			}
			if err := book.move(ctx, l.LineID, Reserved, Released, money.Micros(l.Budget), ActorSystem, b.Seller+" "+reason); err != nil {
				return err
			}
		}
		if len(kept) == 0 {
			return nil
		}
		return s.writeBooking(ctx, tx, &b.campaign, b.Seller, b.Attempt+1, kept)
	})
}

var packageIndex = regexp.MustCompile(`^/?packages[\[/](\d{1,4})[\]/.]?`)

// packagesAtFault are the packages that a refusal names, empty where it names
// none, or something besides.
func packagesAtFault(refused *adcp.Error, packages int) (bad []int) {
	if refused == nil {
		return nil
	}
	places := []string{adcp.Val(refused.Field)}
	for _, issue := range refused.Issues {
		places = append(places, issue.Pointer)
	}
	for _, place := range places {
		match := packageIndex.FindStringSubmatch(place)
		if match == nil {
			return nil
		}
		if i, err := strconv.Atoi(match[1]); err != nil || i >= packages {
			return nil
		} else if !slices.Contains(bad, i) {
			bad = append(bad, i)
		}
	}
	return bad
}
