package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/account"
)

// Prefix is where every resource is.
const Prefix = "/api/v1"

// maxBody bounds a request's body; imports of catalogues are the largest.
const maxBody = 64 << 20

// Desk knows the people who work here; [account.Desk] does.
type Desk interface {
	// Admit finds whom a key belongs to, or returns [account.ErrNotStaff].
	Admit(ctx context.Context, key string) (account.Staff, error)
}

// Config is what an [API] is made of.
type Config struct {
	// Title names the API in its OpenAPI document, Version the program.
	Title, Version string
	// Desk says who may come in. Required.
	Desk Desk
	// Open lets everybody in without a key, as an admin. It is for the sandbox on
	// loopback only.
	Open bool
	// Hosts are the names under which the API may be reached: a page of somebody
	// else's that has its own name resolved to this machine is not let in.
	Hosts []string
	// Logger is told of faults; nothing is logged where nil.
	Logger *slog.Logger
}

// API serves the resources that [Handle] puts on it.
type API struct {
	cfg  Config
	mux  *http.ServeMux
	huma huma.API
}

// New returns an API without resources.
func New(cfg Config) *API {
	if cfg.Desk == nil {
		panic("api: Config needs a Desk")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	a := &API{cfg: cfg, mux: http.NewServeMux()}
	h := huma.DefaultConfig(cfg.Title, cfg.Version)
	h.OpenAPIPath, h.DocsPath, h.SchemasPath = Prefix+"/openapi", "", ""
	h.CreateHooks = nil // no $schema links in documents
	h.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"staff": {Type: "http", Scheme: "bearer", Description: "A key made by: upfront staff add"},
	}
	a.huma = humago.New(a.mux, h)
	return a
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if h, _, err := net.SplitHostPort(r.Host); err == nil {
		host = h
	}
	if !slices.Contains(a.cfg.Hosts, strings.ToLower(strings.Trim(host, "[]"))) {
		http.Error(w, "this host is not served here", http.StatusMisdirectedRequest)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// Operation is one row of the API's table.
type Operation struct {
	// Method and Path, which is below [Prefix], such as GET /approvals/{id}.
	Method, Path string
	// ID names the operation in clients made from the OpenAPI document, such as
	// "list-approvals".
	ID string
	// Summary says in a line what it does, Description more where that is needed.
	Summary, Description string
	// Tag groups it with others, such as "approvals".
	Tag string
	// Roles may call it; every role where empty.
	Roles []account.Role
	// Status of a success where it is not 200 or 204.
	Status int
	// Raw bodies reach the operation as they are, whatever their content type.
	Raw bool
}

// Handle puts an operation on the API. The input is a struct by huma's rules: path,
// query and header parameters and a Body; so is the output. An error that is or
// wraps an [*adcp.Error] is told to the caller with its code; anything else is
// logged and told as a fault.
func Handle[In, Out any](a *API, op Operation, do func(ctx context.Context, staff account.Staff, in *In) (*Out, error)) {
	o := huma.Operation{
		OperationID: op.ID, Method: op.Method, Path: Prefix + op.Path, Summary: op.Summary, Description: op.Description,
		Tags: []string{op.Tag}, DefaultStatus: op.Status, MaxBodyBytes: maxBody, RejectUnknownQueryParameters: true,
		SkipValidateBody: op.Raw,
		Security:         []map[string][]string{{"staff": {}}},
		Middlewares:      huma.Middlewares{a.admit(op.Roles)},
	}
	huma.Register(a.huma, o, func(ctx context.Context, in *In) (*Out, error) {
		staff, _ := ctx.Value(staffKey{}).(account.Staff)
		out, err := do(ctx, staff, in)
		if err != nil {
			return nil, a.problem(ctx, op.ID, err)
		}
		return out, nil
	})
}

type staffKey struct{}

// anybody is who calls an open API.
var anybody = account.Staff{Name: "sandbox", Roles: []account.Role{account.RoleAdmin}}

// admit lets people of the roles in.
func (a *API) admit(roles []account.Role) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		staff, p := a.whoCalls(c, roles)
		if p != nil {
			p.write(c)
			return
		}
		next(huma.WithValue(c, staffKey{}, staff))
	}
}

func (a *API) whoCalls(c huma.Context, roles []account.Role) (account.Staff, *Problem) {
	scheme, key, _ := strings.Cut(c.Header("Authorization"), " ")
	switch {
	case scheme == "" && a.cfg.Open:
		return anybody, nil
	case scheme == "":
		return account.Staff{}, unauthorized(adcp.CodeAuthMissing, "This needs a key. Send it as: Authorization: Bearer upf_desk_…", "Ask whoever runs this agent to make one: upfront staff add NAME --role ROLE")
	case !strings.EqualFold(scheme, "bearer"):
		return account.Staff{}, unauthorized(adcp.CodeAuthInvalid, "The Authorization header is not Bearer.", "Send: Authorization: Bearer upf_desk_…")
	}
	staff, err := a.cfg.Desk.Admit(c.Context(), strings.TrimSpace(key))
	switch {
	case errors.Is(err, account.ErrNotStaff):
		return account.Staff{}, unauthorized(adcp.CodeAuthInvalid, "The key lets nobody in.", "It is unknown, has ended, or its owner was removed: upfront staff list")
	case err != nil:
		return account.Staff{}, a.problem(c.Context(), c.Operation().OperationID, err)
	case len(roles) > 0 && !staff.May(roles...):
		return account.Staff{}, forbidden(staff, roles)
	}
	return staff, nil
}
