package kevel

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/money"
)

// campaignDoc is what a campaign's custom field says of its order.
type campaignDoc struct {
	Order        string         `json:"order"`
	Advertiser   string         `json:"advertiser"`
	AdvertiserID int64          `json:"advertiser_id"`
	Currency     money.Currency `json:"currency"`
	Canceled     bool           `json:"canceled,omitzero"`
	// Revision counts the changes that were completed; Changing says that one is not.
	Revision int  `json:"revision"`
	Changing bool `json:"changing,omitzero"`
	// Sum is over the flights as they were when the last change was completed.
	Sum string `json:"sum,omitzero"`
}

// state is what Kevel shows of an order.
type state struct {
	campaign campaign // ID zero where there is none
	doc      campaignDoc
	flights  []heldFlight // by position, one for each line item
	// spare are what a lost answer or a cut change left behind.
	spareCampaigns []campaign
	spareFlights   []flight
}

type heldFlight struct {
	flight
	doc flightDoc
}

func (st *state) flight(lineItem string) *heldFlight {
	for i := range st.flights {
		if st.flights[i].doc.Item.ID == lineItem {
			return &st.flights[i]
		}
	}
	return nil
}

// settled says whether a whole change is shown, and no part of another.
func (st *state) settled() bool {
	return st.campaign.ID != 0 && !st.doc.Changing && st.doc.Sum == sum(st.flights) && len(st.spareFlights) == 0
}

func sum(flights []heldFlight) string {
	h := sha256.New()
	for _, f := range flights {
		doc, err := json.Marshal(f.doc)
		if err != nil {
			return "unreadable"
		}
		_, _ = h.Write(append(doc, '\n'))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// load reads the campaigns that carry the order's identifier and their flights.
// Of several campaigns the one that was completed most often is it, else the oldest.
func (a *AdServer) load(ctx context.Context, orderID string) (*state, error) {
	st := new(state)
	found, err := a.find(ctx, orderID)
	if err != nil || len(found) == 0 {
		return st, err
	}
	slices.SortFunc(found, func(x, y foundCampaign) int {
		return cmp.Or(cmp.Compare(y.doc.Revision, x.doc.Revision), cmp.Compare(x.ID, y.ID))
	})
	st.campaign, st.doc = found[0].campaign, found[0].doc
	for _, f := range found[1:] {
		st.spareCampaigns = append(st.spareCampaigns, f.campaign)
	}
	flights, err := list[flight](ctx, a.api, fmt.Sprintf("/v1/campaign/%d/flight", st.campaign.ID))
	if err != nil {
		return st, passing(err)
	}
	slices.SortFunc(flights, func(x, y flight) int { return cmp.Compare(x.ID, y.ID) })
	for _, f := range flights {
		var doc flightDoc
		switch {
		case f.IsDeleted:
		case !unpack(f.CustomFieldsJSON, &doc) || st.flight(doc.Item.ID) != nil:
			st.spareFlights = append(st.spareFlights, f)
		default:
			st.flights = append(st.flights, heldFlight{f, doc})
		}
	}
	slices.SortStableFunc(st.flights, func(x, y heldFlight) int { return cmp.Compare(x.doc.Position, y.doc.Position) })
	return st, nil
}

type foundCampaign struct {
	campaign
	doc campaignDoc
}

func (a *AdServer) find(ctx context.Context, orderID string) ([]foundCampaign, error) {
	a.mu.Lock()
	known := a.campaigns[orderID]
	a.mu.Unlock()
	if known != 0 {
		if c, err := a.campaign(ctx, known); err == nil && c.doc.Order == orderID && !c.IsDeleted {
			return []foundCampaign{c}, nil
		} else if err != nil && !errors.Is(err, errGone) {
			return nil, err
		}
	}
	all, err := list[campaign](ctx, a.api, "/v1/campaign")
	if err != nil {
		return nil, passing(err)
	}
	var found []foundCampaign
	for _, c := range all {
		f := foundCampaign{campaign: c}
		if !c.IsDeleted && unpack(c.CustomFieldsJSON, &f.doc) && f.doc.Order == orderID {
			found = append(found, f)
		}
	}
	return found, nil
}

func (a *AdServer) campaign(ctx context.Context, id int64) (foundCampaign, error) {
	var f foundCampaign
	err := a.api.call(ctx, http.MethodGet, fmt.Sprintf("/v1/campaign/%d", id), nil, nil, &f.campaign)
	if err == nil {
		unpack(f.CustomFieldsJSON, &f.doc)
	}
	return f, err
}

// passing makes an object that is missing where it should be a fault that may pass:
// the API may take a while to show it.
func passing(err error) error {
	if errors.Is(err, errGone) {
		return unavailable("%w", err)
	}
	return err
}

// order is what the state shows.
func (a *AdServer) order(st *state) (adserver.Order, error) {
	o := adserver.Order{
		ID: st.doc.Order, Advertiser: st.doc.Advertiser, Name: untagged(st.campaign.Name, st.doc.Order),
		Currency: st.doc.Currency, Canceled: st.doc.Canceled && !st.campaign.IsActive,
	}
	o.Paused = !st.campaign.IsActive && !o.Canceled
	if st.campaign.AdvertiserID != st.doc.AdvertiserID {
		o.Advertiser = fmt.Sprintf("advertiser %d of Kevel", st.campaign.AdvertiserID)
	}
	for _, f := range st.flights {
		li, err := a.lineItem(f.flight, f.doc)
		if err != nil {
			return o, err
		}
		o.LineItems = append(o.LineItems, li)
	}
	return o, nil
}

// Read implements [adserver.Adapter]. Between the parts of a change it is unavailable.
func (a *AdServer) Read(ctx context.Context, orderID string) (adserver.Order, error) {
	st, err := a.load(ctx, orderID)
	switch {
	case err != nil:
		return adserver.Order{}, passing(err)
	case st.campaign.ID == 0 || st.doc.Revision == 0:
		return adserver.Order{}, fmt.Errorf("%w: %q", adserver.ErrNotFound, orderID)
	case !st.settled():
		return adserver.Order{}, unavailable("campaign %d shows a part of a change; apply the order again", st.campaign.ID)
	}
	after, err := a.campaign(ctx, st.campaign.ID)
	if err != nil {
		return adserver.Order{}, passing(err)
	}
	if after.doc != st.doc || after.IsActive != st.campaign.IsActive || after.Name != st.campaign.Name {
		return adserver.Order{}, unavailable("campaign %d was changed while it was read", st.campaign.ID)
	}
	return a.order(st)
}

// elsewhere finds the order, other than orderID, that a line item belongs to.
func (a *AdServer) elsewhere(ctx context.Context, orderID, lineItem string) (string, error) {
	query := url.Values{"nameContains": {"[" + lineItem + "]"}}
	answer, err := a.api.send(ctx, http.MethodGet, "/v1/fast/flight", query, nil)
	if err != nil {
		return "", passing(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(answer))
	lines.Buffer(nil, maxAnswer)
	for lines.Scan() {
		var f flight
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
			return "", unavailable("flight filtering: %w", err)
		}
		if f.IsDeleted || !strings.HasSuffix(f.Name, "["+lineItem+"]") {
			continue
		}
		c, err := a.campaign(ctx, f.CampaignID)
		if err != nil {
			return "", passing(err)
		}
		if !c.IsDeleted && c.doc.Order != "" && c.doc.Order != orderID {
			return c.doc.Order, nil
		}
	}
	return "", nil
}
