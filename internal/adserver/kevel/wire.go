package kevel

import (
	"encoding/json"
	"fmt"
	"time"
)

// The objects of the API, as far as the adapter uses them.

type advertiser struct {
	ID        int64  `json:"Id,omitzero"`
	Title     string `json:"Title"`
	IsActive  bool   `json:"IsActive"`
	IsDeleted bool   `json:"IsDeleted"`
}

type campaign struct {
	ID               int64  `json:"Id,omitzero"`
	AdvertiserID     int64  `json:"AdvertiserId"`
	Name             string `json:"Name"`
	StartDateISO     string `json:"StartDateISO,omitzero"` // wanted by updates, and otherwise unused
	IsActive         bool   `json:"IsActive"`
	IsDeleted        bool   `json:"IsDeleted"`
	CustomFieldsJSON string `json:"CustomFieldsJson,omitzero"`
}

type flight struct {
	ID               int64       `json:"Id,omitzero"`
	CampaignID       int64       `json:"CampaignId"`
	Name             string      `json:"Name"`
	StartDateISO     string      `json:"StartDateISO"`
	EndDateISO       string      `json:"EndDateISO"`
	PriorityID       int64       `json:"PriorityId"`
	GoalType         int         `json:"GoalType"`
	Goal             int64       `json:"Impressions"`
	IsActive         bool        `json:"IsActive"`
	IsDeleted        bool        `json:"IsDeleted"`
	RateType         int         `json:"RateType"`
	Price            json.Number `json:"Price"`
	CapType          int         `json:"CapType"`
	LifetimeCap      int64       `json:"LifetimeCapAmount"`
	IsFreqCap        bool        `json:"IsFreqCap"`
	FreqCap          *int64      `json:"FreqCap"`
	FreqCapDuration  *int64      `json:"FreqCapDuration"`
	FreqCapType      *int        `json:"FreqCapType"`
	Geo              []geo       `json:"GeoTargeting"`
	SiteZones        []siteZone  `json:"SiteZoneTargeting"`
	CustomFieldsJSON string      `json:"CustomFieldsJson,omitzero"`
}

type geo struct {
	CountryCode string `json:"CountryCode"`
	IsExclude   bool   `json:"IsExclude"`
}

type siteZone struct {
	SiteID     int64  `json:"SiteId"`
	ZoneID     *int64 `json:"ZoneId,omitzero"`
	IsExcluded bool   `json:"IsExcluded"`
}

// The API's enumerations.
const (
	goalImpressions, goalPercentage, goalRevenue = 1, 2, 8
	rateFlat, rateCPM, rateCPC                   = 1, 2, 3
	capRevenue                                   = 4
	freqHour, freqDay, freqMinute                = 1, 2, 3
)

// Limits of the API.
const (
	maxCampaignName = 200
	maxFlightName   = 300
	maxCustomFields = 2000
	maxRevenue      = 500_000_000
	maxGoal         = 1<<31 - 1
)

const isoTime = "2006-01-02T15:04:05.0000000"

func iso(t time.Time) string { return t.UTC().Format(isoTime) }

// parseISO reads a time with or without a zone; without one it is UTC.
func parseISO(s string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02T15:04:05.999999999", time.RFC3339Nano} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time", s)
}

// customFields are those that this adapter uses: one, a JSON document as a string.
type customFields struct {
	Upfront string `json:"upfront"`
}

func pack(doc any) (string, error) {
	inner, err := json.Marshal(doc)
	if err != nil {
		return "", fmt.Errorf("kevel: %w", err)
	}
	outer, err := json.Marshal(customFields{string(inner)})
	if err != nil {
		return "", fmt.Errorf("kevel: %w", err)
	}
	return string(outer), nil
}

// unpack says whether the fields are this adapter's.
func unpack(fields string, doc any) bool {
	var outer customFields
	return json.Unmarshal([]byte(fields), &outer) == nil && outer.Upfront != "" &&
		json.Unmarshal([]byte(outer.Upfront), doc) == nil
}
