package adserver

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Step is the length of time that one row of delivery covers.
type Step string

// The steps. A day is one of UTC.
const (
	StepHour  Step = ""
	StepDay   Step = "day"
	StepWhole Step = "whole" // all that the query asks for
)

// Fold adds rows up to a longer step, for an ad server that cannot: a row for each
// step and line item, sorted as [Adapter] promises. A day begins at midnight;
// a row for the whole begins with the first hour or day in it.
func Fold(rows []HourlyDelivery, step Step) []HourlyDelivery {
	type slot struct {
		from     time.Time
		lineItem string
	}
	sums := map[slot]*fold{}
	for _, row := range rows {
		at := slot{lineItem: row.LineItemID}
		switch step {
		case StepHour:
			at.from = row.Hour
		case StepDay:
			row.Hour = row.Hour.UTC().Truncate(24 * time.Hour)
			at.from = row.Hour
		}
		if sums[at] == nil {
			sums[at] = &fold{row: HourlyDelivery{LineItemID: row.LineItemID, Hour: row.Hour, Currency: row.Currency}, creatives: map[string]Metrics{}}
		}
		sums[at].add(row)
	}
	list := make([]HourlyDelivery, 0, len(sums))
	for _, f := range sums {
		for _, id := range slices.Sorted(maps.Keys(f.creatives)) {
			if m := f.creatives[id]; m != (Metrics{}) {
				f.row.Creatives = append(f.row.Creatives, CreativeDelivery{CreativeID: id, Metrics: m})
			}
		}
		list = append(list, f.row)
	}
	slices.SortFunc(list, func(a, b HourlyDelivery) int {
		return cmp.Or(a.Hour.Compare(b.Hour), cmp.Compare(a.LineItemID, b.LineItemID))
	})
	return list
}

type fold struct {
	row       HourlyDelivery
	creatives map[string]Metrics
}

func (f *fold) add(row HourlyDelivery) {
	if row.Hour.Before(f.row.Hour) {
		f.row.Hour = row.Hour
	}
	f.row.Metrics = f.row.Plus(row.Metrics)
	for _, c := range row.Creatives {
		f.creatives[c.CreativeID] = f.creatives[c.CreativeID].Plus(c.Metrics)
	}
}
