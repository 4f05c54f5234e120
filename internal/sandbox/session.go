package sandbox

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/store"
)

// kindSession says in which test a product was seeded, and when.
const kindSession = "session"

// seededIn is what [kindSession] keeps of a product.
type seededIn struct {
	Session string `json:"session"`
	At      int64  `json:"at"`
}

// sessionOf names the test that a call belongs to: test drivers begin the
// correlation_id of each of a test's calls with it, up to "--". "" is none.
func sessionOf(callersContext json.RawMessage) string {
	var c struct {
		CorrelationID string `json:"correlation_id"`
	}
	if json.Unmarshal(callersContext, &c) != nil {
		return ""
	}
	name, _, _ := strings.Cut(c.CorrelationID, "--")
	return name
}

// noteSession writes down that the product is part of the call's test.
func (d *Controller) noteSession(ctx context.Context, r *request, productID string) error {
	document, err := json.Marshal(seededIn{Session: sessionOf(r.Context), At: store.Micros(d.Clock.Now())})
	if err != nil {
		return err
	}
	return d.put(ctx, r.call.Principal, kindSession, productID, string(document))
}

// sessions reads when and for which test the principal's products were seeded.
func (d *Controller) sessions(ctx context.Context, principal string) (map[string]seededIn, []string, error) {
	rows, err := d.Store.Read().SandboxItems(ctx, store.SandboxItemsParams{Tenant: d.Tenant, Principal: principal, Kind: kindSession})
	if err != nil {
		return nil, nil, err
	}
	seeded, ids := make(map[string]seededIn, len(rows)), make([]string, len(rows))
	for i, row := range rows {
		var in seededIn
		if err := json.Unmarshal([]byte(row.Document), &in); err != nil {
			return nil, nil, err
		}
		seeded[row.ItemID], ids[i] = in, row.ItemID
	}
	slices.SortStableFunc(ids, func(a, b string) int { return cmp.Compare(seeded[a].At, seeded[b].At) })
	return seeded, ids, nil
}

// Showcase names the products that a call is shown: those that its test has seeded,
// in that order, where it has seeded any, and everything otherwise. So no test sees
// what another has left behind.
func (d *Controller) Showcase(ctx context.Context, call *agent.Call) ([]string, error) {
	if !call.Sandbox {
		return nil, nil
	}
	var request struct {
		Context json.RawMessage `json:"context"`
	}
	if err := json.Unmarshal(call.Arguments, &request); err != nil {
		return nil, err
	}
	session := sessionOf(request.Context)
	if session == "" {
		return nil, nil
	}
	seeded, ids, err := d.sessions(ctx, call.Principal)
	if err != nil {
		return nil, err
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return seeded[id].Session != session })
	if len(ids) == 0 {
		return nil, nil
	}
	return ids, nil
}

// sortBySession puts what the latest test has seeded first, in the order in which
// it has, and what is only published last.
func (d *Controller) sortBySession(ctx context.Context, principal string, products []fixture) error {
	seeded, _, err := d.sessions(ctx, principal)
	if err != nil {
		return err
	}
	latest := map[string]int64{}
	for _, in := range seeded {
		latest[in.Session] = max(latest[in.Session], in.At)
	}
	slices.SortStableFunc(products, func(a, b fixture) int {
		x, seededA := seeded[a.ID]
		y, seededB := seeded[b.ID]
		switch {
		case seededA && seededB:
			return cmp.Or(cmp.Compare(latest[y.Session], latest[x.Session]), cmp.Compare(x.At, y.At))
		case seededA:
			return -1
		case seededB:
			return 1
		}
		return 0
	})
	return nil
}
