package server

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/v2"
	"go.yaml.in/yaml/v3"

	"github.com/upfront-media/upfront/internal/account"
)

// Settings is the configuration of `upfront serve`: the config file, over which
// the environment (UPFRONT_LISTEN and so on) and then flags are laid.
// examples/upfront.yaml shows every setting with a comment.
type Settings struct {
	// Sandbox makes this an agent to test against instead of one that trades; see
	// [Settings.sandbox].
	Sandbox bool `koanf:"sandbox"`
	// Listen is the address to listen on, such as "127.0.0.1:8080".
	Listen string `koanf:"listen"`
	// PublicURL is the address under which others reach this agent; it names the
	// agent in creative formats. Default: http:// and the listening address.
	PublicURL string `koanf:"public_url"`
	// Data is the directory for the embedded database; "upfront-data" where empty,
	// "upfront-sandbox" in the sandbox.
	Data string `koanf:"data"`
	// Database is a postgres:// URL; empty means the embedded database in Data.
	Database string `koanf:"database"`
	// Log says how much is logged and in which form.
	Log LogSettings `koanf:"log"`
	// Sales is the sales agent.
	Sales SalesSettings `koanf:"sales"`
	// Principals are the buying agents that may call, with their API keys. More
	// keys are made with `upfront keys`.
	Principals []PrincipalSettings `koanf:"principals"`
	// RateLimit says how fast one principal may go.
	RateLimit RateLimitSettings `koanf:"rate_limit"`
	// OAuth, where its issuer is set, accepts an issuer's bearer tokens.
	OAuth OAuthSettings `koanf:"oauth"`
	// Identity says what the program signs with.
	Identity IdentitySettings `koanf:"identity"`
	// RequestSigning says what becomes of requests that are signed.
	RequestSigning RequestSigningSettings `koanf:"request_signing"`
	// Webhooks says how buyers are told what became of their tasks.
	Webhooks WebhookSettings `koanf:"webhooks"`
}

// LogSettings is the logging part of [Settings].
type LogSettings struct {
	// Level is debug, info, warn or error.
	Level string `koanf:"level"`
	// Format is text or json.
	Format string `koanf:"format"`
}

// SalesSettings is the sales agent's part of [Settings].
type SalesSettings struct {
	// Name is the seller's name.
	Name string `koanf:"name"`
	// Catalogue is the path of the YAML catalogue; relative paths start at the config file.
	Catalogue string `koanf:"catalogue"`
	// Approval says what becomes of orders on products that need a person's signature.
	Approval ApprovalSettings `koanf:"approval"`
	// CreativeReview is automatic, the default, or manual, which has every new or
	// changed creative wait for a person of ad operations.
	CreativeReview string `koanf:"creative_review"`
	// Tick is how often delivery and states catch up with the clock; 1m where zero,
	// 1s in the sandbox.
	Tick time.Duration `koanf:"tick"`
}

// The values of [SalesSettings.CreativeReview].
const (
	reviewAutomatic = "automatic"
	reviewManual    = "manual"
)

// PrincipalSettings is one principal: a name and how it is known, by an API key
// (exactly one of the two key fields), by its agent's signature, or by either.
type PrincipalSettings struct {
	Name string `koanf:"name"`
	// KeyEnv names the environment variable that holds the API key.
	KeyEnv string `koanf:"key_env"`
	// KeySHA256 is the key's SHA-256 digest in hex.
	KeySHA256 string `koanf:"key_sha256"`
	// AgentURL is the address of the agent whose signatures stand for the
	// principal, exactly as its operator's brand.json lists it.
	AgentURL string `koanf:"agent_url"`
	// BrandJSONURL is that brand.json; without it the agent's capabilities name it.
	BrandJSONURL string `koanf:"brand_json_url"`
	// JWKS is a file with the agent's keys, instead of looking them up; relative
	// paths start at the config file.
	JWKS string `koanf:"jwks"`
	// RevokedKeys are ids of keys that are good for nothing, whatever is published.
	RevokedKeys []string `koanf:"revoked_keys"`
	// Sandbox marks a principal that trades in the sandbox only.
	Sandbox bool `koanf:"sandbox"`
	// Operations and Accounts say what the key is good for; see [account.Scope].
	Operations []string `koanf:"operations"`
	Accounts   []string `koanf:"accounts"`
}

// OAuthSettings is the OAuth part of [Settings]; see [account.OAuthConfig].
type OAuthSettings struct {
	Issuer string `koanf:"issuer"`
	// Audience defaults to the agent's own addresses, public_url with /sales/mcp
	// and /sales/a2a.
	Audience     []string          `koanf:"audience"`
	JWKSURI      string            `koanf:"jwks_uri"`
	Algorithms   []string          `koanf:"algorithms"`
	Scopes       []ScopeSettings   `koanf:"scopes"`
	SubjectClaim string            `koanf:"subject_claim"`
	Subjects     []SubjectSettings `koanf:"subjects"`
	AdmitAll     bool              `koanf:"admit_all"`
	Skew         time.Duration     `koanf:"skew"`
}

// ScopeSettings says which operations an OAuth scope is good for.
type ScopeSettings struct {
	Scope      string   `koanf:"scope"`
	Operations []string `koanf:"operations"`
}

// SubjectSettings says who a subject of the OAuth issuer is here.
type SubjectSettings struct {
	Subject   string   `koanf:"subject"`
	Principal string   `koanf:"principal"`
	Sandbox   bool     `koanf:"sandbox"`
	Accounts  []string `koanf:"accounts"`
}

func defaults() map[string]any {
	settings := map[string]any{
		"listen":     "127.0.0.1:8080",
		"log.level":  "info",
		"log.format": "text",
	}
	rateLimitDefaults(settings)
	return settings
}

// environment names the settings that a variable may overlay.
var environment = map[string]string{
	"UPFRONT_LISTEN":     "listen",
	"UPFRONT_PUBLIC_URL": "public_url",
	"UPFRONT_DATA":       "data",
	"UPFRONT_DATABASE":   "database",
	"UPFRONT_LOG_LEVEL":  "log.level",
	"UPFRONT_LOG_FORMAT": "log.format",
}

// source is a koanf provider over a ready map.
type source map[string]any

// ReadBytes implements koanf.Provider; a map has no bytes.
func (s source) ReadBytes() ([]byte, error) { return nil, errors.New("not a file") }

// Read implements koanf.Provider.
func (s source) Read() (map[string]any, error) { return s, nil }

// LoadSettings lays defaults, the file at path (none where path is empty), the
// environment and flags over each other, in that order, and checks the outcome.
// Each error names the setting and what to do.
func LoadSettings(path string, getenv func(string) string, flags map[string]any) (Settings, error) {
	k := koanf.New(".")
	layers := []map[string]any{unflatten(defaults())}
	if path != "" {
		file, err := readConfig(path)
		if err != nil {
			return Settings{}, err
		}
		layers = append(layers, file)
	}
	env := map[string]any{}
	for name, setting := range environment {
		if v := getenv(name); v != "" {
			env[setting] = v
		}
	}
	layers = append(layers, unflatten(env), unflatten(flags))
	for _, layer := range layers {
		if err := k.Load(source(layer), nil); err != nil {
			return Settings{}, err
		}
	}
	var s Settings
	err := k.UnmarshalWithConf("", &s, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Result: &s, TagName: "koanf", ErrorUnused: true, WeaklyTypedInput: true,
		DecodeHook: mapstructure.StringToTimeDurationHookFunc(),
	}})
	if err != nil {
		return Settings{}, fmt.Errorf("configuration: %w", err)
	}
	if c := s.Sales.Catalogue; c != "" && !filepath.IsAbs(c) && path != "" {
		s.Sales.Catalogue = filepath.Join(filepath.Dir(path), c)
	}
	besides := func(file *string) {
		if *file != "" && !filepath.IsAbs(*file) && path != "" {
			*file = filepath.Join(filepath.Dir(path), *file)
		}
	}
	for i := range s.Identity.Keys {
		besides(&s.Identity.Keys[i].File)
	}
	if flags["request_signing.test_keys"] == nil {
		besides(&s.RequestSigning.TestKeys)
	}
	for i := range s.Principals {
		besides(&s.Principals[i].JWKS)
	}
	if f := s.Webhooks.SecretKeyFile; f != "" && !filepath.IsAbs(f) && path != "" {
		s.Webhooks.SecretKeyFile = filepath.Join(filepath.Dir(path), f)
	}
	s.complete()
	return s, s.validate()
}

// complete fills what is left out and whose default depends on the sandbox.
func (s *Settings) complete() {
	data, tick, approval := "upfront-data", time.Minute, time.Duration(0)
	if s.Sandbox {
		data, tick, approval = "upfront-sandbox", time.Second, time.Second
	}
	s.Data = cmp.Or(s.Data, data)
	s.Sales.Tick = cmp.Or(s.Sales.Tick, tick)
	s.Sales.Approval.After = cmp.Or(s.Sales.Approval.After, approval)
	s.Webhooks.AllowLoopback = s.Webhooks.AllowLoopback || s.Sandbox
}

func readConfig(path string) (map[string]any, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	var file map[string]any
	if err := yaml.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf("configuration %s: %w", path, err)
	}
	return file, nil
}

func unflatten(flat map[string]any) map[string]any {
	nested := map[string]any{}
	for name, v := range flat {
		at, parts := nested, strings.Split(name, ".")
		for _, p := range parts[:len(parts)-1] {
			next, ok := at[p].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[p] = next
			}
			at = next
		}
		at[parts[len(parts)-1]] = v
	}
	return nested
}

func (s Settings) validate() error {
	if _, _, err := net.SplitHostPort(s.Listen); err != nil {
		return fmt.Errorf("listen: %q is not HOST:PORT, such as 127.0.0.1:8080", s.Listen)
	}
	if s.PublicURL != "" {
		if u, err := url.Parse(s.PublicURL); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return fmt.Errorf("public_url: %q is not an http(s) address", s.PublicURL)
		}
	}
	if err := s.validateSandbox(); err != nil {
		return err
	}
	if s.Database != "" && !strings.HasPrefix(s.Database, "postgres://") && !strings.HasPrefix(s.Database, "postgresql://") {
		return fmt.Errorf("database: want a postgres:// URL, or leave it out for the embedded database")
	}
	if s.Sales.Tick < time.Second {
		return fmt.Errorf("sales.tick: %s is too short; use 1s or more", s.Sales.Tick)
	}
	if r := s.Sales.CreativeReview; r != "" && r != reviewAutomatic && r != reviewManual {
		return fmt.Errorf("sales.creative_review: %q is neither %s nor %s", r, reviewAutomatic, reviewManual)
	}
	if _, err := s.Sales.Approval.desk(); err != nil {
		return err
	}
	if err := s.validateWebhooks(); err != nil {
		return err
	}
	return s.RateLimit.validate()
}

// principals turns the settings into directory entries, reading keys from the
// environment where the settings say so.
func (s Settings) principals(getenv func(string) string) ([]account.Principal, error) {
	var list []account.Principal
	for i, p := range s.Principals {
		hash := p.KeySHA256
		switch {
		case p.KeyEnv != "" && p.KeySHA256 != "", p.KeyEnv == "" && p.KeySHA256 == "" && p.AgentURL == "":
			return nil, fmt.Errorf("principals[%d] (%s): set exactly one of key_env and key_sha256, or agent_url for one that signs", i, p.Name)
		case p.AgentURL == "" && (p.BrandJSONURL != "" || p.JWKS != "" || len(p.RevokedKeys) > 0):
			return nil, fmt.Errorf("principals[%d] (%s): brand_json_url, jwks and revoked_keys are about the agent at agent_url, which is missing", i, p.Name)
		case p.KeyEnv != "":
			key := getenv(p.KeyEnv)
			if len(key) < account.MinKeyLength {
				return nil, fmt.Errorf("principals[%d] (%s): the variable %s must hold an API key of at least %d characters", i, p.Name, p.KeyEnv, account.MinKeyLength)
			}
			hash = account.HashKey(key)
		}
		list = append(list, account.Principal{
			Name: p.Name, KeySHA256: hash, AgentURL: p.AgentURL, Sandbox: p.Sandbox,
			Scope: account.Scope{Operations: p.Operations, Accounts: p.Accounts},
		})
	}
	return list, nil
}

// config turns the settings into the issuer to trust, nil where there is none.
// Resource is the agent's own address.
func (o OAuthSettings) config(resources ...string) (*account.OAuthConfig, error) {
	if o.Issuer == "" {
		if !reflect.ValueOf(o).IsZero() {
			return nil, errors.New("oauth.issuer: name the issuer's https address, or leave out the whole section")
		}
		return nil, nil
	}
	c := &account.OAuthConfig{
		Issuer: o.Issuer, Audiences: o.Audience, JWKSURL: o.JWKSURI, Algorithms: o.Algorithms,
		SubjectClaim: o.SubjectClaim, AdmitAll: o.AdmitAll, Skew: o.Skew,
	}
	if len(c.Audiences) == 0 {
		c.Audiences = resources
	}
	for i, s := range o.Scopes {
		if c.Scopes == nil {
			c.Scopes = map[string][]string{}
		}
		if _, twice := c.Scopes[s.Scope]; twice {
			return nil, fmt.Errorf("oauth.scopes[%d]: %q is there twice", i, s.Scope)
		}
		c.Scopes[s.Scope] = s.Operations
	}
	for _, s := range o.Subjects {
		c.Subjects = append(c.Subjects, account.Subject(s))
	}
	return c, nil
}
