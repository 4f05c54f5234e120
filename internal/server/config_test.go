package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/account"
)

const testKey = "a-key-of-more-than-twenty-characters"

func environ(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func writeConfig(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "upfront.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheExampleConfigurationLoads(t *testing.T) {
	t.Parallel()
	getenv := environ(map[string]string{"UPFRONT_KEY_ACME": testKey})
	s, err := LoadSettings("../../examples/upfront.yaml", getenv, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sales.load("northlight"); err != nil {
		t.Error(err)
	}
	principals, err := s.principals(getenv)
	if err != nil || len(principals) != 1 || principals[0].KeySHA256 != account.HashKey(testKey) {
		t.Errorf("principals = %v, %v; want acme with the key's digest", principals, err)
	}
	if l := s.RateLimit.limit(); l.Requests.PerSecond != 500 || l.Reads != agent.DefaultKeyReads || l.Writes != agent.DefaultKeyWrites {
		t.Errorf("limits of rate by default: %+v", l)
	}
	if s.Sales.Tick != time.Minute || s.Data != "upfront-data" {
		t.Errorf("defaults are not laid below the file: %+v", s)
	}
}

func TestFlagsOverrideTheEnvironmentWhichOverridesTheFile(t *testing.T) {
	t.Parallel()
	path := writeConfig(t, "listen: 127.0.0.1:1\ndata: file\ndatabase: postgres://file/x\n")
	getenv := environ(map[string]string{"UPFRONT_LISTEN": "127.0.0.1:2", "UPFRONT_DATA": "env"})
	s, err := LoadSettings(path, getenv, map[string]any{"listen": "127.0.0.1:3"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Listen != "127.0.0.1:3" || s.Data != "env" || s.Database != "postgres://file/x" {
		t.Errorf("got %s, %s, %s; want flag, environment, file", s.Listen, s.Data, s.Database)
	}
}

func TestRefusedConfigurations(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ rule, content, want string }{
		{"an unknown setting is named", "lissten: 127.0.0.1:1", "lissten"},
		{"an unknown nested setting is named", "sales: {catalog: x}", "catalog"},
		{"listen needs a port", "listen: localhost", "HOST:PORT"},
		{"the database is PostgreSQL", "database: mysql://x", "postgres://"},
		{"a tick is not too short", "sales: {tick: 1ms}", "sales.tick"},
		{"an approval is not in the past", "sales: {approval: {after: -1h}}", "negative"},
		{"an unknown setting of the issuer is named", "oauth: {isuer: x}", "isuer"},
		{"a rate is not negative", "rate_limit: {requests: {per_second: -1}}", "rate_limit.requests"},
		{"an unknown limit is named", "rate_limit: {request: {burst: 1}}", "request"},
		{"public_url is absolute", "public_url: sales.example.com", "public_url"},
		{"loopback webhooks listen on loopback", "listen: 0.0.0.0:80\nwebhooks: {allow_loopback: true}", "webhooks.allow_loopback"},
		{"loopback webhooks have no public address", "public_url: https://sales.example.com\nwebhooks: {allow_loopback: true}", "webhooks.allow_loopback"},
		{"a pause is not negative", "webhooks: {retry_after: -1s}", "webhooks.retry_after"},
		{"one secret key is enough", "webhooks: {secret_key_file: a, secret_key_env: B}", "at most one"},
		{"it is YAML", "listen: [", "yaml"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			_, err := LoadSettings(writeConfig(t, tt.content), environ(nil), nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error that has %q", err, tt.want)
			}
		})
	}
	if _, err := LoadSettings(filepath.Join(t.TempDir(), "none.yaml"), environ(nil), nil); err == nil {
		t.Error("a missing file was accepted")
	}
}

func TestRefusedPrincipals(t *testing.T) {
	t.Parallel()
	digest := strings.Repeat("ab", 32)
	for _, tt := range []struct {
		rule, want string
		principal  PrincipalSettings
	}{
		{"a key is needed", "exactly one", PrincipalSettings{Name: "acme"}},
		{"two keys are too many", "exactly one", PrincipalSettings{Name: "acme", KeyEnv: "K", KeySHA256: digest}},
		{"a short key could be guessed", "at least 20", PrincipalSettings{Name: "acme", KeyEnv: "SHORT"}},
		{"an empty variable is not a key", "at least 20", PrincipalSettings{Name: "acme", KeyEnv: "NONE"}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			_, err := Settings{Principals: []PrincipalSettings{tt.principal}}.principals(environ(map[string]string{"SHORT": "abc"}))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error that has %q", err, tt.want)
			}
		})
	}
}

func TestLogFormats(t *testing.T) {
	t.Parallel()
	for _, l := range []LogSettings{{"loud", "text"}, {"info", "xml"}} {
		if _, err := l.logger(os.Stderr); err == nil {
			t.Errorf("%+v was accepted", l)
		}
	}
}
