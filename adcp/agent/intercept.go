package agent

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/upfront-media/upfront/adcp"
)

// Before has h look at each request of op before its handler does. A response
// that is not nil, or an error, is the answer, and the handler is not run. It is
// for what a program around an agent knows and the handler need not, such as a
// test driver's orders. Whatever idempotency promises holds: h is not asked about
// a request that is answered from memory.
//
// It panics when op has no handler yet.
func Before[Req, Resp any](a *Agent, op adcp.Op[Req, Resp], h Handler[Req, Resp]) {
	r := a.registered(op.Operation)
	run := r.run
	r.run = func(ctx context.Context, call *Call, arguments json.RawMessage) (answer, error) {
		req := new(Req)
		if err := adcp.Unmarshal(arguments, req); err != nil {
			return answer{}, undecodable(err)
		}
		resp, err := h(ctx, call, req)
		if err != nil {
			return answer{}, err
		}
		if resp == nil {
			return run(ctx, call, arguments)
		}
		rest, err := encode(op.Operation, resp)
		return answer{rest: rest}, err
	}
}

// After has h complete what the handler of op answers, before it is checked and
// sent. Of a response that carries a list of items ([HandleList]) h sees the rest.
//
// It panics when op has no handler yet.
func After[Req, Resp any](a *Agent, op adcp.Op[Req, Resp], h func(ctx context.Context, call *Call, req *Req, resp *Resp) error) {
	r := a.registered(op.Operation)
	run := r.run
	r.run = func(ctx context.Context, call *Call, arguments json.RawMessage) (answer, error) {
		ans, err := run(ctx, call, arguments)
		if err != nil {
			return answer{}, err
		}
		req, resp := new(Req), new(Resp)
		if err := adcp.Unmarshal(arguments, req); err != nil {
			return answer{}, undecodable(err)
		}
		if err := adcp.Unmarshal(ans.rest, resp); err != nil {
			return answer{}, fmt.Errorf("read the answer of %s: %w", op.Name, err)
		}
		if err := h(ctx, call, req, resp); err != nil {
			return answer{}, err
		}
		ans.rest, err = encode(op.Operation, resp)
		return ans, err
	}
}

// RefuseAs adds members to every refusal of op, also to those made before its
// handler is asked: for an operation whose schema has a form of error of its own.
//
// It panics when op has no handler yet.
func RefuseAs(a *Agent, op *adcp.Operation, members func(*adcp.Error) map[string]any) {
	a.registered(op).refusal = members
}

func (a *Agent) registered(op *adcp.Operation) *registration {
	r, ok := a.handlers[op.Name]
	if !ok {
		panic(fmt.Sprintf("agent: %s has no handler yet", op.Name))
	}
	return r
}
