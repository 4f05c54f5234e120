package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/upfront-media/upfront/adcp"
)

// ListHandler is a [Handler] for an operation whose answers are mostly a list of
// documents that seldom change, such as the products of a catalogue. It answers
// the response without the list, and the list as items that were encoded and
// checked before, so that a call costs little more than copying them. A nil list
// leaves the response as it is, for an answer that has none.
type ListHandler[Req, Resp any] func(ctx context.Context, call *Call, req *Req) (*Resp, []adcp.Item, error)

// HandleList registers h for op, whose responses carry the items in the member
// of that name, such as "products". Everything else is as with [Handle]; of a
// checked response, only what is not an item is checked at each call.
//
// It panics when op already has a handler, and when the items and the rest of a
// response cannot be judged one by one (see [adcp.ItemSchema]). Items of another
// schema are an error of the handler.
func HandleList[Req, Resp any](a *Agent, op adcp.Op[Req, Resp], list string, h ListHandler[Req, Resp]) {
	schema, err := adcp.ItemSchema(op.Operation, list)
	if err != nil {
		panic(fmt.Sprintf("agent: %s cannot be answered by items: %v", op.Name, err))
	}
	register(a, op, func(ctx context.Context, call *Call, req *Req) (answer, error) {
		resp, items, err := h(ctx, call, req)
		if err != nil {
			return answer{}, err
		}
		for _, item := range items {
			if item.Schema() != schema {
				return answer{}, fmt.Errorf("an item of %s is of the schema %q instead of %s", list, item.Schema(), schema)
			}
		}
		rest, err := encode(op.Operation, resp)
		return answer{rest: rest, list: list, items: items}, err
	})
}

// answer is what a handler answered: its response, and the list that goes into
// it where there are items.
type answer struct {
	rest  json.RawMessage
	list  string
	items []adcp.Item
}

// seal is sealInner with the response check between the rest and the items. It
// writes in the buffer where it can, and leaves room for so many bytes more.
func (a *Agent) seal(op *adcp.Operation, ans answer, version string, buffer []byte, room int) (served, error) {
	list := ans.list
	if ans.items == nil {
		list = ""
	}
	sealed, err := sealInner(ans.rest, version, list)
	if err != nil {
		return served{}, err
	}
	body, at := sealed.body, sealed.at
	if a.cfg.Responses == CheckResponses {
		if err := a.checked.response(op, body); err != nil {
			// Not wrapped: it is our mistake, and no refusal of the caller.
			return served{}, errors.New("the answer breaks the response schema: " + err.Error())
		}
	}
	out := served{inner: body, message: sealed.message, list: list, items: len(ans.items)}
	if len(ans.items) == 0 {
		return out, nil
	}
	size := len(body) + room
	for _, item := range ans.items {
		size += item.Size() + 1
	}
	whole := append(slices.Grow(buffer[:0], size), body[:at]...)
	for i, item := range ans.items {
		if i > 0 {
			whole = append(whole, ',')
		}
		whole = item.AppendJSON(whole)
	}
	whole = append(whole, body[at:]...)
	out.inner = whole
	return out, nil
}
