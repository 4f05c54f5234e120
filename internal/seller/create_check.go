package seller

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/money"
)

// checks collects what is wrong with a request, so that a buyer learns of
// everything at once.
type checks struct{ found []*adcp.Error }

// refusal is a protocol error about a field of the request, with a suggestion
// that may be replaced by a better one.
func refusal(code adcp.ErrorCode, field, format string, args ...any) *adcp.Error {
	e := adcp.NewError(code, field, fmt.Sprintf(format, args...))
	switch {
	case code == adcp.CodeInvalidState, code == adcp.CodeNotCancellable, code == adcp.CodeMediaBuyNotFound:
		return e.WithSuggestion("Read its state with get_media_buys.")
	case field != "":
		return e.WithSuggestion("Correct " + field + " and send the request again with a new idempotency_key.")
	}
	return e
}

// refuse notes a refusal.
func (c *checks) refuse(e *adcp.Error) { c.found = append(c.found, e) }

// add notes a refusal of field.
func (c *checks) add(code adcp.ErrorCode, field, format string, args ...any) {
	c.refuse(refusal(code, field, format, args...))
}

// err is the first refusal, with all of them in its issues where there are more.
func (c *checks) err() error {
	if len(c.found) == 0 {
		return nil
	}
	first := *c.found[0]
	if len(c.found) > 1 {
		for _, e := range c.found {
			first.Issues = append(first.Issues, adcp.ErrorIssue{
				Pointer: pointer(adcp.Val(e.Field)), Message: e.Message, Keyword: string(e.Code),
			})
		}
	}
	return &first
}

// pointer writes a field path such as packages[0].budget as a JSON pointer.
func pointer(field string) string {
	if field == "" {
		return ""
	}
	return "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(field)
}

// amount reads an exact amount of money; what six decimals cannot hold is refused.
func (c *checks) amount(field string, d adcp.Decimal) (money.Micros, bool) {
	m, err := money.Parse(string(d))
	switch {
	case err != nil:
		c.add(adcp.CodeValidationError, field, "%s: %v.", field, err)
		return 0, false
	case m < 0:
		c.add(adcp.CodeValidationError, field, "%s is below zero.", field)
		return 0, false
	}
	return m, true
}

// count reads a whole number that came as a JSON number.
func (c *checks) count(field string, d adcp.Decimal) (int64, bool) {
	m, err := money.Parse(string(d))
	if err != nil || m < 0 || m%money.Unit != 0 {
		c.add(adcp.CodeValidationError, field, "%s must be a whole number that is not below zero.", field)
		return 0, false
	}
	return int64(m / money.Unit), true
}

// unsupported refuses fields that the seller does not act on: silence would be a
// promise.
func (c *checks) unsupported(field, what, suggestion string, present bool) {
	if present {
		c.refuse(refusal(adcp.CodeUnsupportedFeature, field, "This seller does not support %s.", what).
			WithSuggestion(suggestion))
	}
}

// maxBudget and maxPackages keep the sum of a media buy far from overflow.
const (
	maxBudget   = 10_000_000_000 * money.Unit
	maxPackages = 200
)

// window reads a media buy's dates. asap is left to [MediaBuy.begin].
func (c *checks) window(b *MediaBuy, start string, end time.Time, now time.Time) {
	b.End = micro(end)
	if start == "asap" {
		b.ASAP, b.Start = true, now
	} else if t, err := time.Parse(time.RFC3339, start); err != nil {
		c.add(adcp.CodeValidationError, "start_time", "start_time is neither asap nor a date-time.")
		return
	} else if b.Start = micro(t); b.Start.Before(now) {
		c.refuse(refusal(adcp.CodeInvalidRequest, "start_time", "start_time %s has passed; it is %s.", stamp(b.Start), stamp(now)).
			WithSuggestion(`Send a later start_time, or "asap".`))
	}
	if !b.End.After(b.Start) {
		c.add(adcp.CodeValidationError, "end_time", "end_time %s is not after the start, %s.", stamp(b.End), stamp(b.Start))
	} else if b.End.Sub(b.Start) > maxFlight {
		c.add(adcp.CodeValidationError, "end_time", "The flight is longer than %d years.", int(maxFlight/(365*24*time.Hour)))
	}
}

// maxFlight guards against mistyped centuries and overflow. Buyers that mean
// "until further notice" write an end far away, such as 2099.
const maxFlight = 100 * 365 * 24 * time.Hour

// flight reads a package's dates within its media buy's.
func (c *checks) flight(at string, b *MediaBuy, p *Package, start, end *time.Time) {
	if start != nil {
		p.Start, p.OwnStart = micro(*start), true
	}
	if end != nil {
		p.End, p.OwnEnd = micro(*end), true
	}
	if p.OwnStart && p.Start.Before(b.Start) {
		c.add(adcp.CodeValidationError, at+".start_time", "The package starts before its media buy, %s.", stamp(b.Start))
	}
	if p.OwnEnd && p.End.After(b.End) {
		c.add(adcp.CodeValidationError, at+".end_time", "The package ends after its media buy, %s.", stamp(b.End))
	}
	if !p.End.After(p.Start) && (p.OwnStart || p.OwnEnd) {
		c.add(adcp.CodeValidationError, at+".end_time", "The package's end %s is not after its start, %s.", stamp(p.End), stamp(p.Start))
	}
}

// leadTime refuses a start that comes too soon for the product.
func (c *checks) leadTime(at string, b *MediaBuy, p *Package, now time.Time) {
	earliest := now.Add(p.LeadTime)
	if p.LeadTime == 0 || !p.Start.Before(earliest) || p.Start.Before(now) || b.ASAP && !p.OwnStart && b.End.After(earliest) {
		return
	}
	field := at + ".start_time"
	if !p.OwnStart {
		field = "start_time"
	}
	c.refuse(refusal(adcp.CodeValidationError, field, "Product %s needs %s between booking and start.", p.ProductID, days(p.LeadTime)).
		WithSuggestion("Start at " + stamp(earliest) + ` or later, or send "asap" with a later end.`))
}

func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return strconv.Itoa(int(d/(24*time.Hour))) + " days"
	}
	return d.String()
}

// micro drops what the books do not keep.
func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
