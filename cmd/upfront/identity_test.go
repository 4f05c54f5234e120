package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp/signing"
)

// keyNames are the keys of a list, in its order.
func keyNames(t *testing.T, list string) (names []string, signs string) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(list), "\n")[1:] {
		fields := strings.Fields(line)
		names = append(names, fields[0])
		if fields[len(fields)-1] == "signs" {
			signs = fields[0]
		}
	}
	return names, signs
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	identity := func(args ...string) outcome {
		return inProcess(t, "", append([]string{"identity", "--data", data}, args...)...)
	}
	first := identity("list")
	names, signs := keyNames(t, first.out)
	if first.code != exitOK || len(names) != 1 || signs != names[0] {
		t.Fatalf("got %+v", first)
	}
	if again := identity("list"); again.out != first.out {
		t.Errorf("the second list differs: %s", again.out)
	}
	rotated := identity("rotate")
	after, still := keyNames(t, rotated.out)
	if rotated.code != exitOK || len(after) != 2 || still != signs || !strings.Contains(rotated.err, after[1]) {
		t.Errorf("got %+v", rotated)
	}
	published := identity("list", "--json")
	set, err := signing.ParseKeySet("", []byte(published.out))
	if err != nil || len(set.Keys) != 2 || strings.Contains(published.out, `"d"`) {
		t.Errorf("got %s, %v", published.out, err)
	}
	if removed := identity("remove", names[0]); removed.code != exitOK || strings.Contains(removed.out, names[0]) {
		t.Errorf("got %+v", removed)
	}
	if last := identity("remove", after[1]); last.code != exitFailed || !strings.Contains(last.err, "only signing key") {
		t.Errorf("got %+v", last)
	}
	config := filepath.Join(t.TempDir(), "upfront.yaml")
	if err := os.WriteFile(config, []byte("identity: {keys: [{env: SIGNING_KEY}]}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if own := identity("rotate", "--config", config); own.code != exitFailed || !strings.Contains(own.err, "identity.keys") {
		t.Errorf("keys that are the operator's: %+v", own)
	}
}

// TestCallSigns makes a key, has a sandbox trust it, and calls with nothing else.
func TestCallSigns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if made := inProcess(t, "", "identity", "--data", dir, "list"); made.code != exitOK {
		t.Fatal(made.err)
	}
	published := inProcess(t, "", "identity", "--data", dir, "list", "--json")
	trusted := filepath.Join(dir, "keys.json")
	if err := os.WriteFile(trusted, []byte(published.out), 0o600); err != nil {
		t.Fatal(err)
	}
	pem := filepath.Join(dir, "identity", "key-0001.pem")
	address, said := serving(t, "--sandbox", "--data", t.TempDir(), "--test-keys", trusted)
	if !regexp.MustCompile(`(?m)^brand\.json and keys at https://127\.0\.0\.1:\d+/\.well-known/brand\.json,$`).MatchString(said.String()) {
		t.Errorf("the sandbox says: %s", said)
	}
	for endpoint, protocol := range map[string]string{"/sales/mcp": "mcp", "/sales/a2a": "a2a"} {
		signed := inProcess(t, "", "call", "--protocol", protocol, "--sign", pem, address+endpoint, "list_accounts")
		var answer struct {
			Status string `json:"status"`
		}
		if err := json.Unmarshal([]byte(signed.out), &answer); signed.code != exitOK || err != nil || answer.Status != "completed" {
			t.Errorf("%s: got %+v", protocol, signed)
		}
		if unsigned := inProcess(t, "", "call", "--protocol", protocol, address+endpoint, "list_accounts"); unsigned.code != exitFailed || !strings.Contains(unsigned.out, "AUTH_MISSING") {
			t.Errorf("%s unsigned: got %+v", protocol, unsigned)
		}
	}
	if bad := inProcess(t, "", "call", "--sign", trusted, address+"/sales/mcp", "list_accounts"); bad.code != exitFailed || !strings.Contains(bad.err, "no private key in PEM") {
		t.Errorf("got %+v", bad)
	}
}
