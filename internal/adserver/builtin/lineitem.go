package builtin

import (
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// lineItem is a line item while hours are run: what was applied, and what has come of it.
type lineItem struct {
	adserver.LineItem
	currency money.Currency
	// stopped says that it, or its order, is paused or canceled.
	stopped bool
	// liveFrom is when it became known; it does not deliver for an earlier time.
	liveFrom time.Time
	// watermark is the start of the first hour that has not been run.
	watermark time.Time
	// total is all that was delivered, and deliveredUntil the end of the last hour that did.
	total          adserver.Metrics
	deliveredUntil time.Time
	// forgone is the part of a price for time that fell to hours in which nothing
	// could be served: it is not billed later.
	forgone money.Micros

	product *product
	// reach is the part of the product's people that audiences leave.
	reach    PPM
	seed     uint64
	rotation []adserver.CreativeWeight // approved, by identifier
}

// prepare readies a line item for running: its product (nil for one that is no longer
// on sale), the audiences by identifier, and what is derived from the document.
func (li *lineItem) prepare(p *product, held audiences) *lineItem {
	li.product, li.reach = p, Whole
	if p != nil {
		li.reach = held.reach(li.Targeting, p.people())
	}
	li.Start, li.End = li.Start.UTC(), li.End.UTC()
	li.seed = hashString(li.ID)
	for _, c := range li.Creatives {
		if c.Approved {
			li.rotation = append(li.rotation, c)
		}
	}
	slices.SortFunc(li.rotation, func(a, b adserver.CreativeWeight) int { return strings.Compare(a.CreativeID, b.CreativeID) })
	return li
}

// span is a stretch of time within one hour.
type span struct{ from, to time.Time }

func (s span) length() time.Duration { return max(0, s.to.Sub(s.from)) }

// within is the part of the hour starting at h that lies in [from, to).
func within(h, from, to time.Time) span {
	s := span{h, h.Add(time.Hour)}
	if from.After(s.from) {
		s.from = from
	}
	if to.Before(s.to) {
		s.to = to
	}
	return s
}

// live is the start of the line item's own time: its flight's, or when it became known.
func (li *lineItem) live() time.Time {
	if li.liveFrom.After(li.Start) {
		return li.liveFrom
	}
	return li.Start
}

// serves says whether anything may be served in the hour that starts at h.
func (li *lineItem) serves(h time.Time) bool {
	return !li.stopped && li.product != nil && li.product.served(h) && (len(li.rotation) > 0 || !li.RequireCreative)
}

// finishedAt says whether no hour from t on can deliver.
func (li *lineItem) finishedAt(t time.Time) bool { return li.Canceled || !t.Before(li.End) }

// draw is a number that depends on the seed, the product, the hour and the line item.
func (li *lineItem) draw(h time.Time) uint64 { return mix(li.product.draw(h, "line item") ^ li.seed) }
