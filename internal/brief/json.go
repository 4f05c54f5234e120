package brief

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/upfront-media/upfront/internal/money"
)

// document is the typed brief as JSON, its keys in the order they are printed.
type document struct {
	Name         string            `json:"name"`
	Advertiser   string            `json:"advertiser,omitempty"`
	Objectives   []string          `json:"objectives,omitempty"`
	Budget       string            `json:"budget"`
	Currency     string            `json:"currency"`
	StartDate    string            `json:"start_date"`
	EndDate      string            `json:"end_date"`
	Audience     *audienceDocument `json:"target_audience,omitempty"`
	KPIs         targets           `json:"kpis,omitempty"`
	Channels     []string          `json:"channels,omitempty"`
	FrequencyCap *capDocument      `json:"frequency_cap,omitempty"`
	BrandSafety  []string          `json:"brand_safety,omitempty"`
	AdLengths    []int             `json:"ad_lengths,omitempty"`
	Price        *priceDocument    `json:"price_range,omitempty"`
	Measurement  []measureDocument `json:"measurement,omitempty"`
	Notes        string            `json:"notes,omitempty"`
	Format       Format            `json:"format,omitempty"`
	Sources      map[string]source `json:"sources,omitempty"`
}

type audienceDocument struct {
	Age       []string `json:"age,omitempty"`
	Gender    string   `json:"gender,omitempty"`
	Geo       []string `json:"geo,omitempty"`
	Metros    []string `json:"metros,omitempty"`
	Interests []string `json:"interests,omitempty"`
}

type capDocument struct {
	MaxImpressions int `json:"max_impressions"`
	PeriodHours    int `json:"period_hours"`
}

type priceDocument struct {
	Model string `json:"model"`
	Min   string `json:"min,omitempty"`
	Max   string `json:"max"`
}

type measureDocument struct {
	Metric string `json:"metric,omitempty"`
	By     string `json:"by,omitempty"`
	Words  string `json:"words"`
}

type source struct {
	Words string `json:"words"`
	Start int    `json:"start,omitempty"`
	End   int    `json:"end,omitempty"`
	Path  string `json:"path,omitempty"`
}

// targets keeps the order of the KPIs, which a Go map would not.
type targets []KPI

// MarshalJSON is an object of metric to target, in order.
func (t targets) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, k := range t {
		b.WriteByte("{,"[min(i, 1)])
		metric, err := encode(k.Metric)
		if err != nil {
			return nil, err
		}
		value, err := encode(k.text())
		if err != nil {
			return nil, err
		}
		b.Write(metric)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// text is the target as the typed brief writes it: money in the currency's
// places, a share with its sign.
func (k KPI) text() string {
	switch k.Unit {
	case "%":
		return k.Target + "%"
	case "":
		return k.Target
	}
	return k.Micros().Format(money.Currency(k.Unit))
}

func (b Brief) document() document {
	c := b.Budget.Currency
	d := document{
		Name: b.Name, Advertiser: b.Advertiser, Objectives: b.Objectives,
		Budget: b.Budget.Micros.Format(c), Currency: string(c), StartDate: b.Start.String(), EndDate: b.End.String(),
		KPIs: b.KPIs, Channels: b.Channels, BrandSafety: b.BrandSafety, AdLengths: b.AdLengths, Notes: b.Notes, Format: b.Format,
	}
	a := audienceDocument{Gender: b.Audience.Gender, Geo: b.Audience.Geo, Metros: b.Audience.Metros, Interests: b.Audience.Interests}
	for _, age := range b.Audience.Ages {
		a.Age = append(a.Age, age.String())
	}
	if len(a.Age)+len(a.Gender)+len(a.Geo)+len(a.Metros)+len(a.Interests) > 0 {
		d.Audience = &a
	}
	if f := b.FrequencyCap; f != nil {
		d.FrequencyCap = &capDocument{f.MaxImpressions, f.PeriodHours}
	}
	if p := b.Price; p != nil {
		d.Price = &priceDocument{Model: p.Model, Max: p.Max.Format(c)}
		if p.Min > 0 {
			d.Price.Min = p.Min.Format(c)
		}
	}
	for _, m := range b.Measurement {
		d.Measurement = append(d.Measurement, measureDocument(m))
	}
	if len(b.Sources) > 0 {
		d.Sources = map[string]source{}
		for field, q := range b.Sources {
			d.Sources[field] = source(q)
		}
	}
	return d
}

// encode is JSON without the escapes that HTML needs: "R&B" stays "R&B".
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}

// MarshalJSON is the typed brief as a JSON document that [Parse] reads back:
// amounts as decimal strings, days as YYYY-MM-DD, keys in a fixed order, absent
// fields left out.
func (b Brief) MarshalJSON() ([]byte, error) { return encode(b.document()) }

// Digest names the brief by its content: the hex SHA-256 of its canonical
// JSON without format and sources, so the same brief in YAML and JSON has one digest.
func (b Brief) Digest() string {
	d := b.document()
	d.Format, d.Sources = "", nil
	doc, err := encode(d)
	if err != nil {
		panic("brief: " + err.Error()) // strings and numbers always encode
	}
	sum := sha256.Sum256(doc)
	return hex.EncodeToString(sum[:])
}
