package account_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/account"
)

const key = "a-key-of-more-than-twenty-characters"

func basic(user, password string) agent.Credential {
	return agent.Credential{Scheme: "basic", Value: base64.StdEncoding.EncodeToString([]byte(user + ":" + password))}
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	d, err := account.New(account.Config{Tenant: "sales", Principals: []account.Principal{{Name: "acme", KeySHA256: strings.ToUpper(account.HashKey(key))}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		rule       string
		credential agent.Credential
		want       agent.Caller
		err        error
	}{
		{"no credential is anonymous", agent.Credential{}, agent.Caller{Tenant: "sales", Anonymous: true}, nil},
		{"a bearer key names its principal", agent.Credential{Scheme: "Bearer", Value: key}, agent.Caller{Tenant: "sales", Principal: "acme"}, nil},
		{"basic carries a key as the password", basic("acme", key), agent.Caller{Tenant: "sales", Principal: "acme"}, nil},
		{"basic carries a key as the user", basic(key, ""), agent.Caller{Tenant: "sales", Principal: "acme"}, nil},
		{"the key alone says who calls", basic("other", key), agent.Caller{Tenant: "sales", Principal: "acme"}, nil},
		{"basic with a wrong password is bad", basic(key, "x"), agent.Caller{}, agent.ErrBadCredential},
		{"basic without a colon is bad", agent.Credential{Scheme: "basic", Value: base64.StdEncoding.EncodeToString([]byte(key))}, agent.Caller{}, agent.ErrBadCredential},
		{"basic with nothing in it is bad", basic("", ""), agent.Caller{}, agent.ErrBadCredential},
		{"basic is base64", agent.Credential{Scheme: "basic", Value: key}, agent.Caller{}, agent.ErrBadCredential},
		{"a credential has bounds", agent.Credential{Scheme: "bearer", Value: strings.Repeat("x", 1<<20)}, agent.Caller{}, agent.ErrBadCredential},
		{"an unknown key is bad", agent.Credential{Scheme: "bearer", Value: key + "x"}, agent.Caller{}, agent.ErrBadCredential},
		{"an empty key is bad", agent.Credential{Scheme: "bearer"}, agent.Caller{}, agent.ErrBadCredential},
		{"the digest is not the key", agent.Credential{Scheme: "bearer", Value: account.HashKey(key)}, agent.Caller{}, agent.ErrBadCredential},
		{"another scheme is bad", agent.Credential{Scheme: "digest", Value: key}, agent.Caller{}, agent.ErrBadCredential},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got, err := d.Authenticate(t.Context(), tt.credential)
			if !errors.Is(err, tt.err) || got != tt.want {
				t.Errorf("got %+v, %v; want %+v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestRefusedDirectories(t *testing.T) {
	t.Parallel()
	digest := account.HashKey(key)
	for _, tt := range []struct {
		rule       string
		principals []account.Principal
	}{
		{"a principal has a name", []account.Principal{{KeySHA256: digest}}},
		{"a digest is hex of SHA-256", []account.Principal{{Name: "acme", KeySHA256: "abc"}}},
		{"a key is never kept as given", []account.Principal{{Name: "acme", KeySHA256: key}}},
		{"names are unique", []account.Principal{{Name: "acme", KeySHA256: digest}, {Name: "acme", KeySHA256: account.HashKey("x")}}},
		{"keys are unique", []account.Principal{{Name: "acme", KeySHA256: digest}, {Name: "other", KeySHA256: digest}}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			if _, err := account.New(account.Config{Tenant: "sales", Principals: tt.principals}); err == nil {
				t.Error("accepted")
			}
		})
	}
}
