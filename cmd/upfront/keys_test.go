package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// keys runs `upfront keys` over a data directory.
func keys(t *testing.T, data string, args ...string) outcome {
	t.Helper()
	return inProcess(t, "", append([]string{"keys", "--data", data}, args...)...)
}

// createKey makes a key and returns it.
func createKey(t *testing.T, data string, args ...string) string {
	t.Helper()
	got := keys(t, data, append([]string{"create"}, args...)...)
	if got.code != exitOK {
		t.Fatalf("code %d: %s", got.code, got.err)
	}
	return strings.TrimSpace(got.out)
}

var keyForm = regexp.MustCompile(`^upf_(live|test)_[0-9a-hjkmnp-tv-z]{41}$`)

// nameOf is what lists call a key.
func nameOf(key string) string { return key[:len("upf_live_")+8] }

func TestKeysCreate(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	t.Run("prints the key and nothing else", func(t *testing.T) {
		got := keys(t, data, "create", "--principal", "acme")
		if key := strings.TrimSuffix(got.out, "\n"); got.code != exitOK || !keyForm.MatchString(key) || !strings.HasPrefix(key, "upf_live_") {
			t.Errorf("code %d, out %q, err %q", got.code, got.out, got.err)
		}
		if strings.Contains(got.err, strings.TrimSpace(got.out)) || !strings.Contains(got.err, "acme") {
			t.Errorf("err %q", got.err)
		}
	})
	t.Run("prints JSON with the key in it", func(t *testing.T) {
		got := keys(t, data, "create", "--json", "--principal", "tester", "--sandbox", "--operation", "read,sync_creatives", "--account", "acct_1", "--expires", "30d")
		var k keyDocument
		if err := json.Unmarshal([]byte(got.out), &k); err != nil {
			t.Fatalf("%v: %s%s", err, got.out, got.err)
		}
		if !strings.HasPrefix(k.Key, "upf_test_") || k.ID != nameOf(k.Key) || !k.Sandbox || k.Status != "active" ||
			strings.Join(k.Operations, " ") != "read sync_creatives" || strings.Join(k.Accounts, " ") != "acct_1" ||
			k.ExpiresAt.Sub(k.CreatedAt) != 30*24*time.Hour {
			t.Errorf("got %+v", k)
		}
	})
	t.Run("a key may live for ever", func(t *testing.T) {
		got := keys(t, data, "create", "--json", "--principal", "acme", "--expires", "never")
		if got.code != exitOK || strings.Contains(got.out, "expires_at") {
			t.Errorf("code %d, out %q", got.code, got.out)
		}
	})
}

func TestKeysList(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := createKey(t, data, "--principal", "acme", "--operation", "read")
	second := createKey(t, data, "--principal", "nova", "--account", "acct_1", "--expires", "never")
	got := keys(t, data, "list")
	if got.code != exitOK {
		t.Fatal(got.err)
	}
	rows := strings.Split(strings.TrimSpace(got.out), "\n")
	if len(rows) != 3 {
		t.Fatalf("got %q", got.out)
	}
	for i, want := range [][]string{
		{"KEY", "PRINCIPAL", "GOOD FOR", "STATUS", "CREATED", "EXPIRES", "LAST USED"},
		{nameOf(first), "acme", "read", "active", "never"},
		{nameOf(second), "nova", "everything on acct_1", "active", "never"},
	} {
		for _, cell := range want {
			if !strings.Contains(rows[i], cell) {
				t.Errorf("row %d has no %q: %s", i, cell, rows[i])
			}
		}
	}
	document := keys(t, data, "list", "--json").out
	var list []keyDocument
	if err := json.Unmarshal([]byte(document), &list); err != nil || len(list) != 2 || list[0].Principal != "acme" {
		t.Errorf("%v: %s", err, document)
	}
	for _, key := range []string{first, second} {
		if strings.Contains(got.out+document, key) {
			t.Error("the list shows a key")
		}
	}
}

// TestKeysWhileServing makes, rotates and revokes keys while serve runs.
func TestKeysWhileServing(t *testing.T) {
	t.Parallel()
	data, config := t.TempDir(), filepath.Join(t.TempDir(), "upfront.yaml")
	if err := os.WriteFile(config, []byte("log: {level: debug}\nprincipals:\n  - {name: acme, key_env: UPFRONT_KEY_ACME}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	address, said := serving(t, "--data", data, "--config", config)
	accepted := func(key string) bool {
		t.Helper()
		got := inProcess(t, "", "call", "--token", key, address+"/sales/mcp", "list_accounts")
		said := got.out + got.err
		if got.code != exitOK && !strings.Contains(said, "AUTH_INVALID") && !strings.Contains(said, "refused the credential") {
			t.Fatalf("code %d, %s%s", got.code, got.out, got.err)
		}
		return got.code == exitOK
	}
	key := createKey(t, data, "--principal", "nova")
	if !accepted(key) {
		t.Fatal("a new key is not taken up")
	}
	if !accepted(serveKey) {
		t.Error("the key of the configuration does not work beside the store's")
	}
	rotated := keys(t, data, "rotate", nameOf(key))
	successor := strings.TrimSpace(rotated.out)
	if rotated.code != exitOK || !keyForm.MatchString(successor) || !strings.Contains(rotated.err, nameOf(key)+" ends at") {
		t.Fatalf("code %d, out %q, err %q", rotated.code, rotated.out, rotated.err)
	}
	if !accepted(key) || !accepted(successor) {
		t.Error("both keys are good during the overlap")
	}
	revoked := keys(t, data, "revoke", nameOf(successor))
	if revoked.code != exitOK || !strings.Contains(revoked.out, "revoked") {
		t.Fatalf("code %d, out %q, err %q", revoked.code, revoked.out, revoked.err)
	}
	// serve is a process of its own, by its own clock: it is asked until it knows.
	for deadline := time.Now().Add(20 * time.Second); accepted(successor); {
		if time.Now().After(deadline) {
			t.Fatal("a revoked key is still accepted")
		}
	}
	if !accepted(key) {
		t.Error("another key was revoked with it")
	}
	reading := createKey(t, data, "--principal", "nova", "--operation", "read")
	got := inProcess(t, "", "call", "--token", reading, address+"/sales/mcp", "sync_accounts", `{"accounts":[{"brand":{"domain":"nova.example"},"operator":"nova.example","billing":"operator"}]}`)
	if got.code != exitFailed || !strings.Contains(got.out, "READ_ONLY_SCOPE") {
		t.Errorf("code %d, %s%s", got.code, got.out, got.err)
	}
	t.Run("no secret is in the log or in the database", func(t *testing.T) {
		secrets := []string{key, successor, reading, serveKey}
		for _, s := range secrets {
			if strings.Contains(said.String(), s) || strings.Contains(said.String(), s[len(nameOf(key)):]) {
				t.Error("a key is in the log")
			}
		}
		err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			for _, s := range secrets {
				if strings.Contains(string(content), s) || strings.Contains(string(content), s[len("upf_live_")+8:]) {
					t.Errorf("a key is in %s", filepath.Base(path))
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestKeysOnPostgreSQL(t *testing.T) {
	t.Parallel()
	database := storetest.Config(t, store.PostgreSQL).URL
	on := func(args ...string) outcome {
		return inProcess(t, "", append([]string{"keys", "--database", database}, args...)...)
	}
	key := strings.TrimSpace(on("create", "--principal", "acme").out)
	if !keyForm.MatchString(key) {
		t.Fatalf("got %q", key)
	}
	if got := on("revoke", key); got.code != exitOK || strings.Contains(got.out, key) {
		t.Errorf("by the key itself: %+v", got)
	}
	if got := on("list"); got.code != exitOK || !strings.Contains(got.out, nameOf(key)) || !strings.Contains(got.out, "revoked") {
		t.Errorf("got %+v", got)
	}
}

func TestRefusedKeys(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	key := createKey(t, data, "--principal", "acme")
	name := nameOf(key)
	config := filepath.Join(t.TempDir(), "upfront.yaml")
	if err := os.WriteFile(config, []byte("principals:\n  - {name: tester, key_env: X, sandbox: true}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		rule string
		args []string
		want string
	}{
		{"a key stands for somebody", []string{"create"}, "principal"},
		{"an operation is the protocol's", []string{"create", "--principal", "x", "--operation", "get_rich"}, "get_rich"},
		{"a principal is in the sandbox or live", []string{"create", "--principal", "acme", "--sandbox"}, "not both"},
		{"the configuration's principals too", []string{"create", "--principal", "tester", "--config", config}, "not both"},
		{"a lifetime is a duration", []string{"create", "--principal", "x", "--expires", "soon"}, "--expires"},
		{"a lifetime is ahead", []string{"create", "--principal", "x", "--expires", "0d"}, "--expires"},
		{"days are whole", []string{"create", "--principal", "x", "--expires", "1.5d"}, "--expires"},
		{"an overlap is a duration", []string{"rotate", name, "--overlap", "-1h"}, "--overlap"},
		{"a key to revoke is there", []string{"revoke", "upf_live_00000000"}, "no such key"},
		{"a key to rotate is there", []string{"rotate", "upf_live_00000000"}, "no such key"},
		{"a key to revoke is named", []string{"revoke"}, "arg"},
		{"a directory without a database has no keys", []string{"list", "--data", filepath.Join(data, "none")}, "there is no database"},
		{"nor keys to revoke", []string{"revoke", name, "--data", filepath.Join(data, "none")}, "there is no database"},
		{"a database is PostgreSQL", []string{"list", "--database", "mysql://x"}, "postgres://"},
		{"a configuration must be there", []string{"list", "--config", "none.yaml"}, "none.yaml"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got := keys(t, data, tt.args...)
			if got.code != exitFailed || !strings.Contains(got.err, tt.want) || got.out != "" {
				t.Errorf("code %d, err %q, out %q; want %q", got.code, got.err, got.out, tt.want)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(data, "none")); err == nil {
		t.Error("a mistyped directory was made")
	}
}
