package methods_test

import (
	"context"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/internal/schemagen/methods"
)

func TestCommittedMethodsAreFresh(t *testing.T) {
	t.Parallel()
	want, err := methods.Generate()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile("../../../adcp/client/operations.gen.go"); err != nil || string(got) != string(want) {
		t.Error("adcp/client/operations.gen.go is stale: run go generate ./adcp and commit")
	}
}

func TestEveryOperationHasAMethodOfItsTypes(t *testing.T) {
	t.Parallel()
	of := reflect.TypeFor[*client.Client]()
	for _, op := range adcp.Operations() {
		request, response := reflect.TypeOf(op.NewRequest()), reflect.TypeOf(op.NewResponse())
		m, ok := of.MethodByName(strings.TrimSuffix(request.Elem().Name(), "Request"))
		if !ok {
			t.Errorf("%s has no method", op.Name)
			continue
		}
		want := reflect.FuncOf([]reflect.Type{of, reflect.TypeFor[context.Context](), request, reflect.TypeFor[[]client.Option]()},
			[]reflect.Type{response, reflect.TypeFor[error]()}, true)
		if m.Type != want {
			t.Errorf("%s is %v, want %v", op.Name, m.Type, want)
		}
	}
}
