package mcp

import (
	"context"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

type callerKey struct{}

// callerFrom gives the caller that the HTTP layer established.
func callerFrom(ctx context.Context) agent.Caller {
	caller, ok := ctx.Value(callerKey{}).(agent.Caller)
	if !ok {
		return agent.Caller{Anonymous: true}
	}
	return caller
}

// heldFrom gives the place where the HTTP layer looks for the answer's bytes.
func heldFrom(ctx context.Context) *held {
	if h, ok := ctx.Value(heldKey{}).(*held); ok {
		return h
	}
	return new(held)
}

// newServer declares each operation that the agent serves as a tool. The
// schemas are permissive: they name every field of the protocol, so that
// callers strip none, and leave the judgement to the agent's full schemas.
func newServer(a *agent.Agent, o Options, m mark) *sdk.Server {
	server := sdk.NewServer(&sdk.Implementation{Name: a.Name(), Version: a.Version()}, &sdk.ServerOptions{
		Instructions: o.Instructions,
		PageSize:     1000,
		Capabilities: &sdk.ServerCapabilities{Tools: &sdk.ToolCapabilities{}},
	})
	for _, op := range adcp.Operations() {
		if _, served := a.Serves(op.Name); served {
			server.AddTool(tool(op), serveTool(a, m, op.Name))
		}
	}
	server.AddReceivingMiddleware(visible(a), known(a, m))
	return server
}

func tool(op *adcp.Operation) *sdk.Tool {
	return &sdk.Tool{
		Name:        op.Name,
		Description: op.Summary,
		InputSchema: adcp.InputSchema(op),
		Annotations: &sdk.ToolAnnotations{ReadOnlyHint: !op.Mutating, IdempotentHint: true},
	}
}

// serveTool hands a call to the agent and its answer back, untouched.
func serveTool(a *agent.Agent, m mark, name string) sdk.ToolHandler {
	return func(ctx context.Context, req *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		return m.result(heldFrom(ctx), a.DoAs(ctx, callerFrom(ctx), agent.Request{Operation: name, Arguments: req.Params.Arguments})), nil
	}
}

// visible takes out of a list of tools what its caller may not call.
func visible(a *agent.Agent) sdk.Middleware {
	return func(next sdk.MethodHandler) sdk.MethodHandler {
		return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
			res, err := next(ctx, method, req)
			list, ok := res.(*sdk.ListToolsResult)
			if err != nil || !ok {
				return res, err
			}
			may := map[string]bool{}
			for _, op := range a.Operations(callerFrom(ctx)) {
				may[op.Name] = true
			}
			shown := *list
			shown.CacheScope = "private" // another caller sees other tools
			shown.Tools = make([]*sdk.Tool, 0, len(list.Tools))
			for _, op := range adcp.Operations() {
				for _, t := range list.Tools {
					if t.Name == op.Name && may[t.Name] {
						shown.Tools = append(shown.Tools, t)
					}
				}
			}
			return &shown, nil
		}
	}
}

// known answers a call of a tool that is not served in the protocol's form,
// where the SDK would answer with a JSON-RPC error that says nothing of recovery.
func known(a *agent.Agent, m mark) sdk.Middleware {
	return func(next sdk.MethodHandler) sdk.MethodHandler {
		return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
			call, ok := req.(*sdk.CallToolRequest)
			if !ok || call.Params == nil {
				return next(ctx, method, req)
			}
			if _, served := a.Serves(call.Params.Name); served {
				return next(ctx, method, req)
			}
			h := heldFrom(ctx)
			version, _ := call.Params.Meta[metaVersion].(string)
			h.typed.Store(version >= typedResults)
			return m.result(h, a.DoAs(ctx, callerFrom(ctx), agent.Request{
				Operation: call.Params.Name,
				Arguments: call.Params.Arguments,
			})), nil
		}
	}
}

// Callers of typedResults and later, who name their revision in each request, take
// no result that does not say whether it is complete. The SDK says so of the tools
// that it knows, and of no other.
const (
	metaVersion  = "io.modelcontextprotocol/protocolVersion"
	typedResults = "2026-07-28"
	complete     = `,"resultType":"complete"`
)
