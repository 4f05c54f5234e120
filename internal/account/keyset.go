package account

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/upfront-media/upfront/internal/clock"
)

const (
	// keySetAge is how old a key set may be before it is fetched again.
	keySetAge = time.Hour
	// keySetStale is how long a key set is used while its issuer does not answer.
	keySetStale = 24 * time.Hour
	// keySetPause is the least time between two fetches, whatever tokens name.
	keySetPause = 30 * time.Second
	// keySetRetry is the same while there is no set at all and nobody gets in.
	keySetRetry = 5 * time.Second

	keySetTimeout = 5 * time.Second
	keySetBytes   = 512 << 10
	keySetKeys    = 100
	minRSABits    = 2048
)

// issuerKey is one public key of an issuer.
type issuerKey struct {
	algorithm string // the only one it is for, or ""
	public    any
}

// keySet holds an issuer's keys. They are fetched when first needed, when they
// are old, and when a token names a key that is not there, because issuers
// change keys; but never more often than keySetPause, because anybody can send
// tokens that name keys.
type keySet struct {
	issuer, address string
	client          *http.Client
	clock           clock.Clock
	log             *slog.Logger

	fetching sync.Mutex // held by the one who fetches
	mu       sync.RWMutex
	byID     map[string][]issuerKey
	count    int
	fetched  time.Time // when the set came
	tried    time.Time // when it was last asked for
}

func newKeySet(o OAuthConfig, clk clock.Clock, log *slog.Logger) *keySet {
	var client http.Client
	if o.HTTPClient != nil {
		client = *o.HTTPClient
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Timeout = keySetTimeout
	client.Jar = nil
	return &keySet{issuer: o.Issuer, address: o.JWKSURL, client: &client, clock: clk, log: log}
}

// find returns the issuer's keys of that ID: none where it has no such key. A
// token that names no key is only for an issuer that has just one. An error says
// that the issuer's keys cannot be had.
func (s *keySet) find(ctx context.Context, id string) ([]issuerKey, error) {
	keys, age := s.look(id)
	switch {
	case age < keySetAge && len(keys) > 0:
		return keys, nil
	case age < keySetStale && len(keys) > 0:
		// Old, but good enough for everybody but the one who fetches the next.
		if s.fetching.TryLock() {
			s.refresh(ctx, func(_ []issuerKey, age time.Duration) bool { return age >= keySetAge }, id)
			s.fetching.Unlock()
		}
	default:
		s.fetching.Lock()
		s.refresh(ctx, func(keys []issuerKey, age time.Duration) bool { return len(keys) == 0 || age >= keySetStale }, id)
		s.fetching.Unlock()
	}
	keys, age = s.look(id)
	if age >= keySetStale {
		return nil, errors.New("the OAuth issuer's keys cannot be had")
	}
	if len(keys) == 0 {
		return nil, refusedToken("the issuer has no such key")
	}
	return keys, nil
}

// look returns the keys of that ID and the age of the set.
func (s *keySet) look(id string) ([]issuerKey, time.Duration) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	age := keySetStale
	if !s.fetched.IsZero() {
		age = s.clock.Now().Sub(s.fetched)
	}
	if id == "" && s.count == 1 {
		for _, keys := range s.byID {
			return keys, age
		}
	}
	return s.byID[id], age
}

// refresh fetches the set where it is still needed and not too soon.
func (s *keySet) refresh(ctx context.Context, needed func([]issuerKey, time.Duration) bool, id string) {
	if !needed(s.look(id)) {
		return // somebody else fetched it while we waited
	}
	now := s.clock.Now()
	s.mu.Lock()
	since, pause := now.Sub(s.tried), keySetPause
	if s.fetched.IsZero() {
		pause = keySetRetry
	}
	soon := !s.tried.IsZero() && since >= 0 && since < pause
	if !soon {
		s.tried = now
	}
	s.mu.Unlock()
	if soon {
		return
	}
	// The set is for everybody: it does not end with the caller who happened to ask.
	byID, count, err := s.fetch(context.WithoutCancel(ctx))
	if err != nil {
		s.log.WarnContext(ctx, "the OAuth issuer's keys were not had", "issuer", s.issuer, "err", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID, s.count, s.fetched = byID, count, now
}

func (s *keySet) fetch(ctx context.Context) (map[string][]issuerKey, int, error) {
	ctx, cancel := context.WithTimeout(ctx, keySetTimeout)
	defer cancel()
	address := s.address
	if address == "" {
		var err error
		if address, err = s.discover(ctx); err != nil {
			return nil, 0, err
		}
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := s.get(ctx, address, &set); err != nil {
		return nil, 0, err
	}
	if len(set.Keys) > keySetKeys {
		return nil, 0, fmt.Errorf("%s has more than %d keys", address, keySetKeys)
	}
	byID, count := map[string][]issuerKey{}, 0
	for _, raw := range set.Keys {
		// A key of a kind or a use that is not ours does not spoil the others.
		if id, k, ok := usable(raw); ok {
			byID[id] = append(byID[id], k)
			count++
		}
	}
	if count == 0 {
		return nil, 0, fmt.Errorf("%s has no key that signs", address)
	}
	return byID, count, nil
}

// usable reads a public key that verifies signatures.
func usable(raw json.RawMessage) (string, issuerKey, bool) {
	key, err := jwk.ParseKey(raw)
	if err != nil {
		return "", issuerKey{}, false
	}
	if use, ok := key.KeyUsage(); ok && use != "sig" {
		return "", issuerKey{}, false
	}
	public, err := key.PublicKey()
	if err != nil {
		return "", issuerKey{}, false
	}
	var k issuerKey
	if err := jwk.Export(public, &k.public); err != nil {
		return "", issuerKey{}, false
	}
	switch p := k.public.(type) {
	case []byte: // symmetric
		return "", issuerKey{}, false
	case *rsa.PublicKey:
		if p.N.BitLen() < minRSABits {
			return "", issuerKey{}, false
		}
	}
	if alg, ok := key.Algorithm(); ok {
		k.algorithm = alg.String()
	}
	id, _ := key.KeyID()
	return id, k, true
}

// discover asks the issuer's metadata where its keys are.
func (s *keySet) discover(ctx context.Context) (string, error) {
	u, err := url.Parse(s.issuer)
	if err != nil {
		return "", err
	}
	path := strings.TrimSuffix(u.Path, "/")
	origin := u.Scheme + "://" + u.Host
	var errs []error
	for _, address := range []string{
		origin + "/.well-known/oauth-authorization-server" + path, // RFC 8414, section 3
		origin + path + "/.well-known/openid-configuration",
	} {
		var metadata struct {
			Issuer  string `json:"issuer"`
			JWKSURI string `json:"jwks_uri"`
		}
		err := s.get(ctx, address, &metadata)
		switch {
		case err != nil:
		case metadata.Issuer != s.issuer:
			err = fmt.Errorf("%s is another issuer's", address)
		default:
			if err = secureURL("jwks_uri", metadata.JWKSURI); err == nil {
				return metadata.JWKSURI, nil
			}
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}

// get reads a JSON document: no redirects, bounded in time and size.
func (s *keySet) get(ctx context.Context, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d", address, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, keySetBytes+1))
	if err != nil {
		return err
	}
	if len(body) > keySetBytes {
		return fmt.Errorf("%s is larger than %d bytes", address, keySetBytes)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	return nil
}
