package account_test

import (
	"errors"
	"testing"

	"github.com/upfront-media/upfront/adcp/agent"
)

// FuzzAuthenticate presents anything as a credential to a directory that knows
// keys and tokens: nothing but those gets in, and nothing breaks it.
func FuzzAuthenticate(f *testing.F) {
	i := newIDP(f)
	i.add(f, "ed", ed(f), nil)
	d, _ := trusting(f, i.config())
	good := i.token(f, nil)
	for _, seed := range []struct{ scheme, value string }{
		{"", ""},
		{"bearer", key},
		{"Basic", basic("acme", key).Value},
		{"basic", "Og=="},
		{"bearer", good},
		{"bearer", good[:len(good)-1]},
		{"bearer", "eyJhbGciOiJub25lIiwia2lkIjoiZWQifQ.e30.x"},
		{"bearer", "upf_live_00000000000000000000000000000000000000000"},
		{"digest", "x"},
	} {
		f.Add(seed.scheme, seed.value)
	}
	f.Fuzz(func(t *testing.T, scheme, value string) {
		caller, err := d.Authenticate(t.Context(), agent.Credential{Scheme: scheme, Value: value})
		switch {
		case err != nil && !errors.Is(err, agent.ErrBadCredential):
			t.Errorf("%q %q: %v", scheme, value, err)
		case err != nil && caller != (agent.Caller{}):
			t.Errorf("%q %q: refused as %+v", scheme, value, caller)
		case err == nil && scheme == "" && !caller.Anonymous:
			t.Errorf("no scheme with %q is %+v", value, caller)
		case err == nil && scheme != "" && caller.Principal != "configured" && value != good:
			t.Errorf("%q %q got in as %+v", scheme, value, caller)
		}
	})
}
