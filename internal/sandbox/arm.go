package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/store"
)

// kindArm are the arms that coming calls are to take, by operation and account.
const kindArm = "arm"

// arm is what the next call of an operation is to be answered with.
type arm struct {
	Arm     adcp.ComplyTestControllerRequestParamsArm `json:"arm"`
	TaskID  string                                    `json:"task_id"`
	Message string                                    `json:"message"`
}

// armKey names an arm's place.
func armKey(operation *adcp.Operation, accountID string) string {
	return operation.Name + " " + accountID
}

// forceArm sets the arm that the principal's next call of the operation takes.
func (d *Controller) forceArm(op *adcp.Operation, allowed ...adcp.ComplyTestControllerRequestParamsArm) func(context.Context, *request) (*adcp.ComplyTestControllerResponse, error) {
	return func(ctx context.Context, r *request) (*adcp.ComplyTestControllerResponse, error) {
		a, err := read[arm](r)
		if err != nil {
			return nil, err
		}
		forced := &adcp.ComplyTestControllerResponseForced{Arm: adcp.ComplyTestControllerResponseForcedArm(a.Arm)}
		message := fmt.Sprintf("the next %s is answered %s", op.Name, a.Arm)
		switch {
		case a.Arm == adcp.ComplyTestControllerRequestParamsArmSubmitted && a.TaskID != "":
			forced.TaskID = &a.TaskID
			message += " as task " + a.TaskID
		case a.Arm == adcp.ComplyTestControllerRequestParamsArmSubmitted:
			return nil, invalid("params.task_id", "The submitted arm needs a task_id.")
		case len(allowed) == 0 || a.Arm != allowed[0]:
			return nil, invalid("params.arm", "%s has no arm %q.", op.Name, a.Arm)
		default:
			a.TaskID = ""
		}
		document, err := json.Marshal(a)
		if err != nil {
			return nil, err
		}
		if err := d.put(ctx, r.call.Principal, kindArm, armKey(op, r.call.AccountID), string(document)); err != nil {
			return nil, err
		}
		return &adcp.ComplyTestControllerResponse{Success: true, Forced: forced, Message: &message}, nil
	}
}

// take takes the arm that was set for the call, once; nil where none was. One for
// the call's own account goes first. Another of the principal's does as well: the
// protocol's runner asks for arms under an account of its own.
func (d *Controller) take(ctx context.Context, call *agent.Call) (*arm, error) {
	if !call.Sandbox {
		return nil, nil
	}
	var a *arm
	err := d.Store.Tx(ctx, func(tx *store.Tx) error {
		a = nil
		rows, err := tx.SandboxItems(ctx, store.SandboxItemsParams{Tenant: d.Tenant, Principal: call.Principal, Kind: kindArm})
		if err != nil {
			return err
		}
		rows = slices.DeleteFunc(rows, func(r store.SandboxItem) bool { return !strings.HasPrefix(r.ItemID, armKey(call.Operation, "")) })
		if len(rows) == 0 {
			return nil
		}
		row := rows[len(rows)-1]
		if i := slices.IndexFunc(rows, func(r store.SandboxItem) bool { return r.ItemID == armKey(call.Operation, call.AccountID) }); i >= 0 {
			row = rows[i]
		}
		a = new(arm)
		if err := json.Unmarshal([]byte(row.Document), a); err != nil {
			return err
		}
		_, err = tx.DeleteSandboxItem(ctx, store.DeleteSandboxItemParams{Tenant: d.Tenant, Principal: row.Principal, Kind: row.Kind, ItemID: row.ItemID})
		return err
	})
	return a, err
}

// open opens the task that the arm names for the call. A task that an earlier arm
// of the same name has left is replaced: drivers use one name run after run.
func (d *Controller) open(ctx context.Context, call *agent.Call, a *arm, push *adcp.PushNotificationConfig) error {
	if _, err := d.Seller.ForgetTask(ctx, call.Principal, a.TaskID); err != nil {
		return err
	}
	return d.Seller.OpenTask(ctx, call, a.TaskID, a.Message, push)
}

// beforeCreate answers create_media_buy by the arm that was set for it.
func (d *Controller) beforeCreate(ctx context.Context, call *agent.Call, req *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
	a, err := d.take(ctx, call)
	if a == nil || err != nil {
		return nil, err
	}
	if a.Arm == adcp.ComplyTestControllerRequestParamsArmInputRequired {
		message := a.Message
		if message == "" {
			message = "The seller needs more before it can take the order."
		}
		return &adcp.CreateMediaBuyResponse{
			Status: adcp.TaskStatusInputRequired, Message: filled(a.Message),
			Errors: []adcp.Error{*adcp.NewError(adcp.CodeInvalidRequest, "", message).WithSuggestion("Send the order again with what was asked for.")},
		}, nil
	}
	if err := d.open(ctx, call, a, req.PushNotificationConfig); err != nil {
		return nil, err
	}
	return &adcp.CreateMediaBuyResponse{Status: adcp.TaskStatusSubmitted, TaskID: &a.TaskID, Message: filled(a.Message)}, nil
}

// beforeProducts answers a brief or its refinement by the arm that was set for it.
// A wholesale read is always answered at once.
func (d *Controller) beforeProducts(ctx context.Context, call *agent.Call, req *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
	if req.BuyingMode == adcp.GetProductsRequestBuyingModeWholesale {
		return nil, nil
	}
	a, err := d.take(ctx, call)
	if a == nil || err != nil {
		return nil, err
	}
	if err := d.open(ctx, call, a, req.PushNotificationConfig); err != nil {
		return nil, err
	}
	return &adcp.GetProductsResponse{Status: adcp.TaskStatusSubmitted, TaskID: &a.TaskID, Message: filled(a.Message)}, nil
}

// forceTaskCompletion ends a task that an arm has opened. A media buy that its
// result tells of is then one of the seller's.
func (d *Controller) forceTaskCompletion(ctx context.Context, r *request) (*adcp.ComplyTestControllerResponse, error) {
	p, err := read[struct {
		TaskID string          `json:"task_id"`
		Result json.RawMessage `json:"result"`
	}](r)
	if err != nil {
		return nil, err
	}
	if len(p.Result) > maxResult {
		return nil, invalid("params.result", "The result is larger than %d bytes.", maxResult)
	}
	t, from, err := d.Seller.CompleteTask(ctx, r.call.Principal, p.TaskID, p.Result, actor)
	if err != nil {
		return nil, err
	}
	if t.Type == adcp.CreateMediaBuy.Name {
		if err := d.adopt(ctx, t); err != nil {
			return nil, err
		}
	}
	return moved("task", p.TaskID, from, adcp.TaskStatusCompleted), nil
}

// maxResult is how large the result of a task may be, in bytes.
const maxResult = 256 << 10

func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
