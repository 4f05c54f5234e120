package signing_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/upfront-media/upfront/adcp/signing"
)

func TestPublishedPlanHashes(t *testing.T) {
	t.Parallel()
	each(t, 11, filepath.Join(vectors(t), "plan-hash"), func(t *testing.T, file string) {
		var v struct {
			Plan     json.RawMessage `json:"plan_as_supplied"`
			Expected struct {
				Preimage json.RawMessage
				Bytes    string `json:"jcs_bytes"`
				Hash     string `json:"plan_hash"`
			}
		}
		readVector(t, &v, file)
		canonical, err := signing.CanonicalPlan(v.Plan)
		if err != nil || string(canonical) != v.Expected.Bytes {
			t.Errorf("got %s, %v\nwant %s", canonical, err, v.Expected.Bytes)
		}
		for _, plan := range []json.RawMessage{v.Plan, v.Expected.Preimage} {
			if hash, err := signing.PlanHash(plan); err != nil || hash != v.Expected.Hash {
				t.Errorf("got %s, %v, want %s", hash, err, v.Expected.Hash)
			}
			if same, err := signing.CheckPlanHash(plan, v.Expected.Hash); err != nil || !same {
				t.Errorf("its own hash: got %v, %v", same, err)
			}
		}
	})
}

func TestPlanHashRefuses(t *testing.T) {
	t.Parallel()
	for _, plan := range []string{``, `[]`, `null`, `{"a":1,"a":2}`, `{"a":{"b":1,"b":1}}`, `{"a":1} x`} {
		if hash, err := signing.PlanHash([]byte(plan)); err == nil {
			t.Errorf("%s: got %s", plan, hash)
		}
	}
	hash, err := signing.PlanHash([]byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if same, err := signing.CheckPlanHash([]byte(`{"a":2}`), hash); err != nil || same {
		t.Errorf("another plan: got %v, %v", same, err)
	}
	for _, bad := range []string{"", hash + "=", hash[:42], hash + "AA"} {
		if _, err := signing.CheckPlanHash([]byte(`{"a":1}`), bad); err == nil {
			t.Errorf("the hash %q is taken", bad)
		}
	}
	if _, err := signing.CheckPlanHash([]byte(`[]`), hash); err == nil {
		t.Error("a list has a hash")
	}
}
