package sandbox

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/store"
)

// kindOutage is what an operation is to find unreachable, by the operation's name.
const kindOutage = "outage"

// outage is an upstream that is down for the next call.
type outage struct {
	Tool         string `json:"tool"`
	UpstreamName string `json:"upstream_name"`
	// Since is when it went down, in microseconds.
	Since int64 `json:"since"`
}

// forceUpstreamUnavailable has the principal's next get_products answered from what
// the seller has read of its inventory before, as when that is down.
func (d *Controller) forceUpstreamUnavailable(ctx context.Context, r *request) (*adcp.ComplyTestControllerResponse, error) {
	o, err := read[outage](r)
	if err != nil {
		return nil, err
	}
	if o.Tool != adcp.GetProducts.Name {
		return nil, invalid("params.tool", "Nothing upstream can fail %q; get_products can be answered from what was read before.", o.Tool)
	}
	o.Since, o.UpstreamName = store.Micros(d.Clock.Now()), cmp.Or(o.UpstreamName, "inventory")
	document, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	if err := d.put(ctx, r.call.Principal, kindOutage, o.Tool, string(document)); err != nil {
		return nil, err
	}
	return moved("upstream", o.UpstreamName, "available", "unavailable"), nil
}

// afterProducts says of an answer that is not empty that it is not fresh, where the
// principal has asked for that.
func (d *Controller) afterProducts(ctx context.Context, call *agent.Call, _ *adcp.GetProductsRequest, resp *adcp.GetProductsResponse) error {
	if !call.Sandbox || resp.Pagination == nil || adcp.Val(resp.Pagination.TotalCount) == 0 {
		return nil
	}
	var o *outage
	err := d.Store.Tx(ctx, func(tx *store.Tx) error {
		o = nil
		key := store.SandboxItemParams{Tenant: d.Tenant, Principal: call.Principal, Kind: kindOutage, ItemID: call.Operation.Name}
		row, err := tx.SandboxItem(ctx, key)
		if errors.Is(err, store.ErrNoRow) {
			return nil
		}
		if err != nil {
			return err
		}
		o = new(outage)
		if err := json.Unmarshal([]byte(row.Document), o); err != nil {
			return err
		}
		_, err = tx.DeleteSandboxItem(ctx, store.DeleteSandboxItemParams(key))
		return err
	})
	if o == nil || err != nil {
		return err
	}
	stale := adcp.NewError(adcp.CodeStaleResponse, "products", "The inventory could not be read; the products are as they were read before.").
		WithSuggestion("Ask again later for fresh products.").
		WithDetails(map[string]any{
			"served_from_cache": true, "cache_age_seconds": int64(d.Clock.Now().Sub(store.Time(o.Since)).Seconds()),
			"upstream": map[string]any{"name": o.UpstreamName},
		})
	resp.Errors = append(resp.Errors, *stale)
	return nil
}
