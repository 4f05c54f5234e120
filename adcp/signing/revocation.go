package signing

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/upfront-media/upfront/adcp"
)

// Revocations tells whether a key is still good. It must be safe for concurrent use.
type Revocations interface {
	// Check returns nil for a key that is good, and an [*Error] with
	// [ReasonKeyRevoked] for one that is revoked, or with [ReasonRevocationStale]
	// where that cannot be told for sure.
	Check(ctx context.Context, key *Key) error
}

// RevokedKeys is a fixed list of key ids that are revoked, whoever uses them.
type RevokedKeys []string

// Check implements [Revocations].
func (r RevokedKeys) Check(_ context.Context, key *Key) error {
	if slices.Contains(r, key.ID) {
		return refuse(ReasonKeyRevoked, "the key is revoked")
	}
	return nil
}

// RevocationList is what an operator publishes about its keys.
type RevocationList struct {
	Version int `json:"version,omitzero"`
	// Issuer is the origin that the list is about.
	Issuer string `json:"issuer"`
	// Updated is when the list was made, NextUpdate when to read it again.
	Updated    time.Time `json:"updated"`
	NextUpdate time.Time `json:"next_update"`
	// RevokedKeys are key ids, and make void all that was ever signed with them.
	// RevokedTokens are for governance tokens and not used here.
	RevokedKeys   []string `json:"revoked_kids"`
	RevokedTokens []string `json:"revoked_jtis"`
}

// Bounds of how often a list is read again.
const (
	minPolling = time.Minute
	maxPolling = 30 * time.Minute
)

// Interval is how long after Updated the list is to be read again, within what
// the protocol allows.
func (l *RevocationList) Interval() time.Duration {
	return min(max(l.NextUpdate.Sub(l.Updated), minPolling), maxPolling)
}

// staleAt is the instant after which the list is no longer believed: four
// polling intervals after the update that did not come.
func (l *RevocationList) staleAt() time.Time { return l.Updated.Add(5 * l.Interval()) }

// Check tells about a key, at an instant.
func (l *RevocationList) Check(key *Key, now time.Time) error {
	if slices.Contains(l.RevokedKeys, key.ID) {
		return refuse(ReasonKeyRevoked, "the key is revoked")
	}
	if now.After(l.staleAt()) {
		return refuse(ReasonRevocationStale, "the revocation list is too old")
	}
	return nil
}

// listType is the member typ of a signed list's header.
const listType = "adcp-gov-revocation+jws"

// SealRevocationList signs a list with the signer's key, as [OpenRevocationList]
// reads it: a JWS in its flattened form. A list that revokes that very key, or that
// is never due again, is refused, as its readers would.
func (s *Signer) SealRevocationList(l *RevocationList) ([]byte, error) {
	switch {
	case l.Issuer == "" || l.Updated.IsZero() || !l.NextUpdate.After(l.Updated):
		return nil, errors.New("the list needs issuer, updated and a later next_update")
	case slices.Contains(l.RevokedKeys, s.cfg.KeyID):
		return nil, errors.New("the list revokes the key that signs it")
	}
	alg := "EdDSA"
	if s.alg == ECDSAP256 {
		alg = "ES256"
	}
	header, err := json.Marshal(struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
		Type      string `json:"typ"`
	}{alg, s.cfg.KeyID, listType})
	if err != nil {
		return nil, err
	}
	own := *l
	// Readers want the members, empty or not.
	own.RevokedKeys, own.RevokedTokens = append([]string{}, l.RevokedKeys...), append([]string{}, l.RevokedTokens...)
	raw, err := json.Marshal(own)
	if err != nil {
		return nil, err
	}
	protected, payload := base64.RawURLEncoding.EncodeToString(header), base64.RawURLEncoding.EncodeToString(raw)
	made, err := s.sign([]byte(protected + "." + payload))
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Payload   string `json:"payload"`
		Protected string `json:"protected"`
		Signature string `json:"signature"`
	}{payload, protected, base64.RawURLEncoding.EncodeToString(made)})
}

// OpenRevocationList reads a signed list: a JWS with one signature, flattened,
// general or compact, made with a key of that source.
func OpenRevocationList(ctx context.Context, doc []byte, keys KeySource, agentURL string) (*RevocationList, error) {
	protected, payload, signature, err := splitJWS(doc)
	if err != nil {
		return nil, err
	}
	rawHeader, err := base64.RawURLEncoding.Strict().DecodeString(protected)
	if err != nil {
		return nil, errors.New("the list's protected header is not base64url")
	}
	var header struct {
		Algorithm string          `json:"alg"`
		KeyID     string          `json:"kid"`
		Type      string          `json:"typ"`
		Critical  json.RawMessage `json:"crit"`
	}
	if err := adcp.Unmarshal(rawHeader, &header); err != nil {
		return nil, fmt.Errorf("the list's protected header: %w", err)
	}
	if header.Type != listType || len(header.Critical) > 0 {
		return nil, errors.New("the document's header is not that of a revocation list")
	}
	key, err := keys.Key(ctx, agentURL, header.KeyID)
	if err != nil {
		return nil, err
	}
	if key.Algorithm != header.Algorithm || key.Use != "sig" || !slices.Contains(key.Operations, "verify") || key.public == nil {
		return nil, errors.New("the list's key is not one to verify it with")
	}
	made, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil || !key.verify([]byte(protected+"."+payload), made) {
		return nil, errors.New("the list's signature is not the key's")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(payload)
	if err != nil {
		return nil, errors.New("the list's payload is not base64url")
	}
	var list RevocationList
	if err := adcp.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	if list.Issuer == "" || list.Updated.IsZero() || !list.NextUpdate.After(list.Updated) {
		return nil, errors.New("the list needs issuer, updated and a later next_update")
	}
	if slices.Contains(list.RevokedKeys, header.KeyID) {
		return nil, errors.New("the list is signed with a key that it revokes")
	}
	return &list, nil
}

func splitJWS(doc []byte) (protected, payload, signature string, err error) {
	text := strings.TrimSpace(string(doc))
	if !strings.HasPrefix(text, "{") {
		text = strings.Trim(text, `"`)
		parts := strings.Split(text, ".")
		if len(parts) != 3 {
			return "", "", "", errors.New("the document is no JWS")
		}
		return parts[0], parts[1], parts[2], nil
	}
	type one struct {
		Protected string `json:"protected"`
		Signature string `json:"signature"`
	}
	var jws struct {
		Payload    string `json:"payload"`
		Protected  string `json:"protected"`
		Signature  string `json:"signature"`
		Signatures []one  `json:"signatures"`
	}
	if err := adcp.Unmarshal(doc, &jws); err != nil {
		return "", "", "", err
	}
	if len(jws.Signatures) == 1 && jws.Protected == "" && jws.Signature == "" {
		jws.Protected, jws.Signature = jws.Signatures[0].Protected, jws.Signatures[0].Signature
	} else if len(jws.Signatures) > 0 {
		return "", "", "", errors.New("the JWS must have one signature")
	}
	return jws.Protected, jws.Payload, jws.Signature, nil
}

// RemoteRevocationsConfig is what [NewRemoteRevocations] takes.
type RemoteRevocationsConfig struct {
	// Keys finds the key that a list is signed with: the agent's own key set.
	Keys KeySource
	// URL says where the list for an agent is. Nil takes the well-known place on
	// the origin of the agent's URL.
	URL func(ctx context.Context, agentURL string) (string, error)
	// Optional takes an agent that publishes no list at all (status 404 or 410)
	// to have revoked nothing. Otherwise its keys are refused as stale.
	Optional bool
	// Client reads the lists; [PublicClient] when nil.
	Client *http.Client
	// Clock is the system's when nil.
	Clock Clock
}

// RemoteRevocations are the lists that agents' operators publish, read when a
// key is checked and the list's own time for it has come. A list that cannot be
// read again is believed for four more intervals, and then its keys are refused.
type RemoteRevocations struct {
	cfg   RemoteRevocationsConfig
	mu    sync.Mutex
	lists map[string]*document[*RevocationList] // by agent
}

// NewRemoteRevocations checks the configuration and reads nothing yet.
func NewRemoteRevocations(cfg RemoteRevocationsConfig) (*RemoteRevocations, error) {
	if cfg.Keys == nil {
		return nil, errors.New("revocation lists are signed: a source of keys is needed")
	}
	if cfg.URL == nil {
		cfg.URL = func(_ context.Context, agentURL string) (string, error) {
			at, err := httpsOrigin(agentURL)
			return at + "/.well-known/governance-revocations.json", err
		}
	}
	if cfg.Client == nil {
		cfg.Client = PublicClient()
	}
	cfg.Clock = orSystem(cfg.Clock)
	return &RemoteRevocations{cfg: cfg, lists: map[string]*document[*RevocationList]{}}, nil
}

// Check implements [Revocations].
func (r *RemoteRevocations) Check(ctx context.Context, key *Key) error {
	r.mu.Lock()
	doc := r.lists[key.AgentURL]
	if doc == nil {
		doc = &document[*RevocationList]{}
		r.lists[key.AgentURL] = doc
	}
	r.mu.Unlock()
	list, err := doc.get(ctx, r.cfg.Clock, func(list *RevocationList, at time.Time) bool {
		now := r.cfg.Clock.Now()
		if list == nil {
			return now.Sub(at) < minPolling
		}
		return now.Sub(at) < minPolling || now.Before(list.Updated.Add(list.Interval()))
	}, func(ctx context.Context) (*RevocationList, error) {
		before, _ := doc.last()
		return r.read(ctx, key.AgentURL, before)
	})
	if err != nil {
		var have bool
		if list, have = doc.last(); !have {
			return &Error{Reason: ReasonRevocationStale, Detail: "the revocation list", Err: err}
		}
	}
	if list == nil {
		return nil
	}
	return list.Check(key, r.cfg.Clock.Now())
}

// read takes the place of before only with a list that is at least as new, and
// that no key signed which was revoked: whoever has such a key would lift its
// revocation.
func (r *RemoteRevocations) read(ctx context.Context, agentURL string, before *RevocationList) (*RevocationList, error) {
	at, err := r.cfg.URL(ctx, agentURL)
	if err != nil {
		return nil, err
	}
	raw, err := fetch(ctx, r.cfg.Client, at, maxRevocationBytes)
	if errors.Is(err, errNotPublished) && r.cfg.Optional && before == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	keys := r.cfg.Keys
	if before != nil {
		keys = unrevoked{keys, before}
	}
	list, err := OpenRevocationList(ctx, raw, keys, agentURL)
	if err != nil {
		return nil, err
	}
	issuer, err := origin(list.Issuer)
	if err != nil {
		return nil, err
	}
	if own, err := origin(at); err != nil || own != issuer {
		return nil, errors.New("the revocation list is about another origin")
	}
	if before != nil && list.Updated.Before(before.Updated) {
		return nil, errors.New("the revocation list is older than the one before")
	}
	return list, nil
}

// unrevoked hides the keys that a list revokes.
type unrevoked struct {
	KeySource
	list *RevocationList
}

// Key implements [KeySource].
func (u unrevoked) Key(ctx context.Context, agentURL, keyID string) (*Key, error) {
	if slices.Contains(u.list.RevokedKeys, keyID) {
		return nil, refuse(ReasonKeyRevoked, "the key is revoked")
	}
	return u.KeySource.Key(ctx, agentURL, keyID)
}
