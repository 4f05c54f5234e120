package account_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/account"
)

func TestTestKits(t *testing.T) {
	t.Parallel()
	sandbox, err := account.New(account.Config{Tenant: "sandbox", TestKits: account.TestKits()})
	if err != nil {
		t.Fatal(err)
	}
	trading, err := account.New(account.Config{Tenant: "sales"})
	if err != nil {
		t.Fatal(err)
	}
	bearer := func(key string) agent.Credential { return agent.Credential{Scheme: "bearer", Value: key} }
	acme := agent.Caller{Tenant: "sandbox", Principal: "demo-acme-outdoor", Sandbox: true}
	for _, tt := range []struct {
		rule       string
		directory  *account.Directory
		credential agent.Credential
		want       agent.Caller
		err        error
	}{
		{"a kit's key names its principal", sandbox, bearer("demo-acme-outdoor-v1"), acme, nil},
		{"of whichever version", sandbox, bearer("demo-acme-outdoor-v27"), acme, nil},
		{"through basic as well", sandbox, basic("anybody", "demo-acme-outdoor-v1"), acme, nil},
		{"a live kit is not of the sandbox", sandbox, bearer("demo-acme-outdoor-live-v1"), agent.Caller{Tenant: "sandbox", Principal: "demo-acme-outdoor-live"}, nil},
		{"no version is no key", sandbox, bearer("demo-acme-outdoor"), agent.Caller{}, agent.ErrBadCredential},
		{"a version is a number", sandbox, bearer("demo-acme-outdoor-vx"), agent.Caller{}, agent.ErrBadCredential},
		{"an empty version is none", sandbox, bearer("demo-acme-outdoor-v"), agent.Caller{}, agent.ErrBadCredential},
		{"nothing follows the version", sandbox, bearer("demo-acme-outdoor-v1-"), agent.Caller{}, agent.ErrBadCredential},
		{"a kit that is not published is unknown", sandbox, bearer("demo-nobody-v1"), agent.Caller{}, agent.ErrBadCredential},
		{"an agent that trades knows no kit", trading, bearer("demo-acme-outdoor-v1"), agent.Caller{}, agent.ErrBadCredential},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got, err := tt.directory.Authenticate(t.Context(), tt.credential)
			if !errors.Is(err, tt.err) || got != tt.want {
				t.Errorf("got %+v, %v; want %+v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestAKitsPrincipalIsNobodyElse(t *testing.T) {
	t.Parallel()
	_, err := account.New(account.Config{
		Tenant: "sandbox", TestKits: account.TestKits(),
		Principals: []account.Principal{{Name: "demo-acme-outdoor", KeySHA256: account.HashKey(key)}},
	})
	if err == nil || !strings.Contains(err.Error(), "demo-acme-outdoor") {
		t.Errorf("got %v, want an error that names the principal", err)
	}
}
