package signing

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// VerifierConfig is what a [Verifier] is made of.
type VerifierConfig struct {
	Profile Profile
	// Keys finds the key that a signature names.
	Keys KeySource
	// Revocations tells whether a key is still good. It has no default: say
	// [RevokedKeys](nil) where none is ever revoked.
	Revocations Revocations
	// Replays remembers nonces; a [MemoryReplays] of the profile's cap when nil.
	Replays ReplayGuard
	// Policy is what the agent advertises; requests only.
	Policy Policy
	// Clock is the system's when nil.
	Clock Clock
}

// Verifier holds messages to one profile. It is safe for concurrent use.
type Verifier struct{ cfg VerifierConfig }

// NewVerifier checks the configuration and makes a verifier.
func NewVerifier(cfg VerifierConfig) (*Verifier, error) {
	if !cfg.Profile.valid() {
		return nil, errors.New("the verifier needs a profile")
	}
	if cfg.Keys == nil {
		return nil, errors.New("the verifier needs a source of keys")
	}
	if cfg.Revocations == nil {
		return nil, errors.New("the verifier needs revocations: RevokedKeys(nil) where there are none")
	}
	if err := cfg.Policy.Validate(); err != nil {
		return nil, err
	}
	if cfg.Profile == Request32 && cfg.Policy.Supported && cfg.Policy.digest() != DigestRequired {
		return nil, errors.New("release 3.2 advertises covers_content_digest as required")
	}
	cfg.Clock = orSystem(cfg.Clock)
	if cfg.Replays == nil {
		perKey := DefaultRequestCap
		if cfg.Profile == Webhook {
			perKey = DefaultWebhookCap
		}
		var err error
		if cfg.Replays, err = NewMemoryReplays(MemoryReplaysConfig{PerKey: perKey, Clock: cfg.Clock}); err != nil {
			return nil, err
		}
	}
	return &Verifier{cfg: cfg}, nil
}

// Profile is the profile that the verifier holds messages to.
func (v *Verifier) Profile() Profile { return v.cfg.Profile }

// Identity is who signed. It says which agent, and nothing of what the agent
// may do: whether its operator may act for a brand is another question.
type Identity struct {
	// AgentURL is the agent that published the key, from where the key was found.
	AgentURL string
	KeyID    string
	Nonce    string
	// Created and Expires are the signature's; VerifiedAt is ours.
	Created, Expires, VerifiedAt time.Time
	// Components are what the signature covers, in its order.
	Components []string
}

// Verdict is the outcome for a message that is not refused.
type Verdict struct {
	// Identity is who signed, nil for a message that policy lets come unsigned,
	// or whose failed signature it only warns about.
	Identity *Identity
	// Warning is why a signature failed that policy only warns about.
	Warning *Error
}

// Verify applies the protocol's checklist in its order. A refusal is an
// [*Error]; any other error is a fault on our side, such as a replay guard that
// does not answer, and the message must not be acted on either. An accepted
// nonce is used up.
func (v *Verifier) Verify(ctx context.Context, m *Message) (Verdict, error) {
	c := &check{Verifier: v, ctx: ctx, m: m, now: v.cfg.Clock.Now()}
	done, err := c.before()
	if err != nil || done {
		return Verdict{}, v.named(err, "0")
	}
	for _, s := range checklist {
		if err := s.check(c); err != nil {
			err = v.named(err, s.number)
			var refused *Error
			if errors.As(err, &refused) && v.warns(m, refused) {
				return Verdict{Warning: refused}, nil
			}
			return Verdict{}, err
		}
	}
	return Verdict{Identity: &Identity{
		AgentURL: c.key.AgentURL, KeyID: c.sig.keyid, Nonce: c.sig.nonce,
		Created: time.Unix(c.sig.created, 0).UTC(), Expires: time.Unix(c.sig.expires, 0).UTC(),
		VerifiedAt: c.now.UTC(), Components: c.sig.components,
	}}, nil
}

// VerifyRequest is [Verifier.Verify] for an HTTP request whose body was read
// before. Origins are as for [NewMessage]; complete, where given, adds what only
// the server knows of the message. An unsigned request is asked for no origin.
func (v *Verifier) VerifyRequest(r *http.Request, body []byte, origins []string, complete func(*Message)) (Verdict, error) {
	m, err := messageOf(r, body, origins)
	if err != nil {
		if m = (&Message{Method: r.Method, Authority: r.Host, Header: r.Header, Body: body}); m.signed() {
			return Verdict{}, v.named(err, "10")
		}
	}
	if complete != nil {
		complete(m)
	}
	return v.Verify(r.Context(), m)
}

// warns leaves malformed headers refused: they must never read as unsigned.
func (v *Verifier) warns(m *Message, refused *Error) bool {
	return v.cfg.Profile != Webhook && refused.Reason != ReasonHeader && v.cfg.Policy.warns(m)
}

// named gives a refusal its published code and, where it has none, its step.
func (v *Verifier) named(err error, step string) error {
	var refused *Error
	if !errors.As(err, &refused) {
		return err
	}
	out := *refused
	out.Code = v.cfg.Profile.Code(out.Reason)
	if out.Step == "" {
		out.Step = step
	}
	return &out
}

// checklist is the protocol's, in its order and with its numbers. Cheap
// refusals stand before the cryptography, and the nonce is used up before the
// body is looked into, both on purpose.
var checklist = []struct {
	number string
	check  func(*check) error
}{
	{"1", (*check).headers},
	{"2", (*check).parameters},
	{"3", (*check).tag},
	{"4", (*check).algorithm},
	{"5", (*check).window},
	{"6", (*check).components},
	{"7", (*check).findKey},
	{"8", (*check).keyPurpose},
	{"9", (*check).revocation},
	{"9a", (*check).cap},
	{"10", (*check).signature},
	{"11", (*check).digest},
	{"12", (*check).nonce}, // and 13, in one step
	{"14", (*check).body},
}

// check is one message on its way through the list.
type check struct {
	*Verifier
	ctx context.Context
	m   *Message
	now time.Time
	sig *signature
	key *Key
}

// before decides whether there is a signature to check at all.
func (c *check) before() (done bool, err error) {
	signed := c.m.signed()
	if c.cfg.Profile == Webhook {
		if len(c.m.lines(headerHMAC)) > 0 {
			return false, refuse(ReasonMode, "the webhook is signed with HMAC and was agreed to be signed with a published key")
		}
		return false, nil
	}
	if !c.cfg.Policy.Supported {
		return true, nil
	}
	if signed {
		return false, nil
	}
	if refused := c.cfg.Policy.unsigned(c.m); refused != nil {
		return false, refused
	}
	return true, nil
}

func (c *check) headers() error {
	sig, refused := readSignature(c.cfg.Profile, c.m)
	if refused != nil {
		return refused
	}
	c.sig = sig
	if refused := sig.singleValued(c.cfg.Profile, c.m); refused != nil {
		return refused
	}
	// The published vectors give this code, where the text gives target_uri_malformed.
	hosts := append(slices.Clone(c.m.lines("Host")), c.m.Authority)
	if u, err := split(c.m.URL); err == nil {
		hosts = append(hosts, u.authority)
	}
	if !ascii(strings.Join(hosts, "")) {
		return refuse(ReasonHeader, "the host must be sent in its ASCII form")
	}
	return nil
}

func (c *check) parameters() error {
	if name := c.sig.missing(); name != "" {
		return refuse(ReasonParams, "the parameter %s is absent", name)
	}
	// A nonce that is too short or not base64url is as good as none.
	nonce, err := base64.RawURLEncoding.DecodeString(c.sig.nonce)
	if err != nil || len(nonce) < nonceBytes {
		return refuse(ReasonParams, "the nonce must be base64url without padding, of at least %d bytes", nonceBytes)
	}
	return nil
}

func (c *check) tag() error {
	if c.sig.tag != c.cfg.Profile.Tag() {
		return refuse(ReasonTag, "the tag is not %s", c.cfg.Profile.Tag())
	}
	return nil
}

func (c *check) algorithm() error {
	if c.sig.alg != Ed25519 && c.sig.alg != ECDSAP256 {
		return refuse(ReasonAlgorithm, "the algorithm must be %s or %s", Ed25519, ECDSAP256)
	}
	return nil
}

func (c *check) window() error {
	now, skew := c.now.Unix(), int64(Skew/time.Second)
	switch {
	case c.sig.expires <= c.sig.created:
		return refuse(ReasonWindow, "the signature expires before it is created")
	case c.sig.created > now+skew:
		return refuse(ReasonWindow, "the signature was created in the future")
	case c.sig.expires < now-skew:
		return refuse(ReasonWindow, "the signature has expired")
	case c.sig.expires-c.sig.created > int64(MaxValidity/time.Second):
		return refuse(ReasonWindow, "the signature is good for longer than %s", MaxValidity)
	}
	return nil
}

func (c *check) components() error {
	needed := []string{componentMethod, componentTarget, componentAuthority}
	if len(c.m.Body) > 0 || c.cfg.Profile == Webhook {
		needed = append(needed, componentType)
	}
	// Without a body there is nothing to bind: one that was added on the way
	// would need content-type to be covered.
	if c.cfg.Profile == Webhook || len(c.m.Body) > 0 && c.cfg.Policy.digest() == DigestRequired {
		needed = append(needed, componentDigest)
	}
	for _, name := range needed {
		if !c.sig.covers(name) {
			return refuse(ReasonIncomplete, "%s is not covered", name)
		}
	}
	for _, name := range c.sig.components {
		if strings.HasPrefix(name, "@") {
			if !slices.Contains(needed, name) {
				return refuse(ReasonUnexpected, "the profile has no such derived component")
			}
			continue
		}
		if name != strings.ToLower(name) {
			return refuse(ReasonHeader, "a covered header must be named in small letters")
		}
		if _, ok := c.m.field(name); !ok {
			return refuse(ReasonIncomplete, "a covered header is absent")
		}
	}
	if c.cfg.Profile != Webhook && c.cfg.Policy.digest() == DigestForbidden && c.sig.covers(componentDigest) {
		return refuse(ReasonUnexpected, "content-digest must not be covered here")
	}
	// A signature that leaves the body open protects the choice of how webhooks
	// are signed no better than none.
	if c.cfg.Profile != Webhook && !c.sig.covers(componentDigest) {
		if err := choosesWebhookAuthentication(c.m.Body); errors.Is(err, errChooses) {
			return &Error{Reason: ReasonIncomplete, Detail: "content-digest is not covered", Err: err}
		}
	}
	return nil
}

func (c *check) findKey() (err error) {
	c.key, err = c.cfg.Keys.Key(c.ctx, c.m.AgentURL, c.sig.keyid)
	if err == nil && (c.key == nil || c.key.ID != c.sig.keyid) {
		return refuse(ReasonKeyUnknown, "the source of keys found another key")
	}
	return err
}

func (c *check) keyPurpose() error {
	if refused := c.key.usable(c.cfg.Profile, c.sig.alg); refused != nil {
		return refused
	}
	return nil
}

func (c *check) revocation() error { return c.cfg.Revocations.Check(c.ctx, c.key) }

func (c *check) ref() KeyRef { return KeyRef{c.key.AgentURL, c.key.ID} }

func (c *check) cap() error {
	full, err := c.cfg.Replays.Full(c.ctx, c.ref())
	if err == nil && full {
		return refuse(ReasonRateAbuse, "the key has too many signatures in use")
	}
	return err
}

func (c *check) signature() error {
	target, authority, err := Canonicalize(c.m.URL)
	if err != nil {
		return &Error{Reason: ReasonTargetURI, Detail: "the target", Err: err}
	}
	scheme, _, _ := strings.Cut(target, ":")
	// Whatever says where the message was sent must say the same.
	for _, host := range append(slices.Clone(c.m.lines("Host")), c.m.Authority) {
		if host == "" {
			continue
		}
		own, err := canonicalAuthority(scheme, host)
		if err != nil {
			return &Error{Reason: ReasonTargetURI, Detail: "the Host header", Err: err}
		}
		if own != authority {
			return refuse(ReasonTargetURI, "the Host header and the target differ")
		}
	}
	base, refused := c.sig.base(c.m, target, authority)
	if refused != nil {
		return refused
	}
	if !c.key.verify(base, c.sig.value) {
		return refuse(ReasonInvalid, "the signature is not the key's over this message")
	}
	return nil
}

func (c *check) digest() error {
	if !c.sig.covers(componentDigest) {
		return nil
	}
	if value, _ := c.m.field("Content-Digest"); !digestMatches(c.cfg.Profile, value, c.m.Body) {
		return refuse(ReasonDigest, "the body is not the one that was signed")
	}
	return nil
}

// nonce looks and takes in one atomic step, so that of two equal messages that
// come together one is refused.
func (c *check) nonce() error {
	until := time.Unix(c.sig.expires, 0).Add(Skew)
	claim, err := c.cfg.Replays.Claim(c.ctx, c.ref(), c.sig.nonce, until)
	if err != nil {
		return err
	}
	switch claim {
	case Claimed:
		return nil
	case Replayed:
		return refuse(ReasonReplayed, "the nonce was used before")
	default:
		out := refuse(ReasonRateAbuse, "the key has too many signatures in use")
		out.Step = "13"
		return out
	}
}

func (c *check) body() error {
	if names := DuplicateNames(c.m.Body); len(names) > 0 {
		return refuse(ReasonBody, "the body gives these members twice: %s", told(names))
	}
	return nil
}
