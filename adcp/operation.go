package adcp

import (
	"reflect"
	"strings"
)

// Access says who may call an operation.
type Access string

const (
	// AccessPublic operations answer without a credential. A bad credential is refused all the same.
	AccessPublic Access = "public"
	// AccessAccount operations need an authenticated principal.
	AccessAccount Access = "account"
	// AccessSandbox operations exist for sandbox principals only; others do not see them.
	AccessSandbox Access = "sandbox"
)

// Operation is one row of the operation table: a task of the protocol, declared
// once. Transports, clients, capability answers and documentation all read it
// from here. Schema names are relative to the published bundle.
type Operation struct {
	// Name is the task's name on the wire, such as "create_media_buy".
	Name string
	// Protocol is the protocol domain that owns the task, such as "media-buy".
	Protocol string
	// Mutating operations require an idempotency key, unless KeyOptional.
	Mutating bool
	// KeyOptional operations change something, but their requests need no key: the
	// protocol defines what it means to send them twice.
	KeyOptional bool
	// Access says who may call it.
	Access Access
	// Summary says in one line what the task is for.
	Summary string
	// RequestSchema and ResponseSchema name the task's schemas, such as
	// "media-buy/create-media-buy-request.json".
	RequestSchema, ResponseSchema string

	request, response reflect.Type
}

// NewRequest returns a pointer to an empty request of the operation's Go type.
func (o *Operation) NewRequest() any { return reflect.New(o.request).Interface() }

// NewResponse returns a pointer to an empty response of the operation's Go type.
func (o *Operation) NewResponse() any { return reflect.New(o.response).Interface() }

// Op is an [Operation] with the Go types of its request and response, so that
// handlers and calls are checked by the compiler.
type Op[Req, Resp any] struct{ *Operation }

// operations is filled while the table's variables are initialised and never changes afterwards.
var operations []*Operation

// define adds a row. A task's schemas are published under its protocol's name,
// so the row does not repeat them.
func define[Req, Resp any](o Operation) Op[Req, Resp] {
	stem := o.Protocol + "/" + strings.ReplaceAll(o.Name, "_", "-")
	o.RequestSchema, o.ResponseSchema = stem+"-request.json", stem+"-response.json"
	o.request, o.response = reflect.TypeFor[Req](), reflect.TypeFor[Resp]()
	operations = append(operations, &o)
	return Op[Req, Resp]{&o}
}

// Operations returns every operation of the protocol in the table's order.
// The rows are shared and must not be changed.
func Operations() []*Operation { return append([]*Operation(nil), operations...) }

// OperationNamed finds an operation by its wire name.
func OperationNamed(name string) (*Operation, bool) {
	for _, o := range operations {
		if o.Name == name {
			return o, true
		}
	}
	return nil, false
}
