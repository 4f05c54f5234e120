package signing_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/adcp/signing"
)

var profiles = []signing.Profile{signing.Request31, signing.Request32, signing.Webhook}

func TestWhatSignMakesVerifyAccepts(t *testing.T) {
	t.Parallel()
	bundles := map[string]*bundle{}
	for _, p := range profiles {
		for _, alg := range []string{signing.Ed25519, signing.ECDSAP256} {
			bundles[p.String()+" "+alg] = setupWith(t, p, newPrivate(t, alg))
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		names := make([]string, 0, len(bundles))
		for name := range bundles {
			names = append(names, name)
		}
		slices.Sort(names)
		b := bundles[rapid.SampledFrom(names).Draw(rt, "bundle")]
		m := message(rapid.SampledFrom([]string{`{}`, `{"a":[1,{"b":"\u00e9"}]}`, "plain", ""}).Draw(rt, "body"))
		m.Header.Set("Content-Type", "application/json")
		m.Method = rapid.SampledFrom([]string{"POST", "PUT", "GET"}).Draw(rt, "method")
		m.URL = "https://" + rapid.StringMatching(`[A-Za-z][a-z0-9]{0,8}\.[a-z]{2,3}(:[1-9][0-9]{0,3})?`).Draw(rt, "host") +
			rapid.StringMatching(`(/[a-zA-Z0-9._~%-]{0,0}(%[0-9a-fA-F]{2}|[a-z.]){0,4}){0,4}(\?[a-z=&%+]{0,8})?`).Draw(rt, "rest")
		if err := b.signer.Sign(m); err != nil {
			rt.Fatalf("%s is not signed: %v", m.URL, err)
		}
		verdict, err := b.verifier.Verify(t.Context(), m)
		if err != nil || verdict.Identity == nil || verdict.Identity.AgentURL != buyer || verdict.Identity.KeyID != "k1" {
			rt.Fatalf("got %+v, %v", verdict, err)
		}
		if _, err := b.verifier.Verify(t.Context(), m); !errors.Is(err, &signing.Error{Reason: signing.ReasonReplayed}) {
			rt.Fatalf("a second time: got %v", err)
		}
	})
}

func TestAnyByteChangedIsRefused(t *testing.T) {
	t.Parallel()
	for _, p := range profiles {
		b := setup(t, p)
		rapid.Check(t, func(rt *rapid.T) {
			m := b.signed(t, `{"a":"some text"}`)
			flip := func(s string) string {
				raw := []byte(s)
				i := rapid.IntRange(0, len(raw)-1).Draw(rt, "at")
				raw[i] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
				return string(raw)
			}
			part := rapid.SampledFrom([]string{"method", "url", "body", "Content-Type", "Content-Digest", "Signature", "Signature-Input"}).Draw(rt, "part")
			switch part {
			case "method":
				m.Method = flip(m.Method)
			case "url":
				was, _, _ := signing.Canonicalize(m.URL)
				m.URL = flip(m.URL)
				if now, _, err := signing.Canonicalize(m.URL); err == nil && now == was {
					rt.Skip("another spelling of the same target")
				}
			case "body":
				m.Body = []byte(flip(string(m.Body)))
			default:
				m.Header.Set(part, flip(m.Header.Get(part)))
			}
			if verdict, err := b.verifier.Verify(t.Context(), m); err == nil {
				rt.Fatalf("%s: a change in %s is accepted: %+v", p, part, verdict)
			}
		})
	}
}

// Each step of the checklist refuses on its own, in both kinds of profile.
func TestRefusals(t *testing.T) {
	t.Parallel()
	replace := func(header, old, now string) func(*signing.Message) {
		return func(m *signing.Message) {
			m.Header.Set(header, strings.Replace(m.Header.Get(header), old, now, 1))
		}
	}
	input := func(old, now string) func(*signing.Message) { return replace("Signature-Input", old, now) }
	short := base64.RawURLEncoding.EncodeToString(make([]byte, 15))
	for name, c := range map[string]struct {
		change func(*signing.Message)
		reason signing.Reason
		step   string
	}{
		"No Signature":                  {func(m *signing.Message) { m.Header.Del("Signature") }, signing.ReasonHeader, "1"},
		"No Signature-Input":            {func(m *signing.Message) { m.Header.Del("Signature-Input") }, signing.ReasonHeader, "1"},
		"A signature of another label":  {replace("Signature", "sig1=", "sig2="), signing.ReasonHeader, "1"},
		"Two labels and none is sig1":   {func(m *signing.Message) { m.Header.Set("Signature-Input", `a=("@method");tag="x", b=("@method")`) }, signing.ReasonHeader, "1"},
		"A label twice over two lines":  {func(m *signing.Message) { m.Header.Add("Signature-Input", m.Header.Get("Signature-Input")) }, signing.ReasonHeader, "1"},
		"A parameter twice":             {input(";tag=", `;tag="x";tag=`), signing.ReasonHeader, "1"},
		"A component twice":             {input(`"@method"`, `"@method" "@method"`), signing.ReasonHeader, "1"},
		"A component with parameters":   {input(`"@method"`, `"@method";req`), signing.ReasonHeader, "1"},
		"A token where a string is due": {input(`keyid="k1"`, `keyid=k1`), signing.ReasonHeader, "1"},
		"A string where a number is":    {input(`created=`, `created="1";x=`), signing.ReasonHeader, "1"},
		"Content-Type twice":            {func(m *signing.Message) { m.Header.Add("Content-Type", "text/plain") }, signing.ReasonHeader, "1"},
		"Content-Digest twice":          {func(m *signing.Message) { m.Header.Add("Content-Digest", "sha-512=:AAAA:") }, signing.ReasonHeader, "1"},
		"A host outside ASCII":          {func(m *signing.Message) { m.Authority = "bücher.example" }, signing.ReasonHeader, "1"},
		"A Host line outside ASCII":     {func(m *signing.Message) { m.Header.Set("Host", "bücher.example") }, signing.ReasonHeader, "1"},
		"A nonce that is short":         {func(m *signing.Message) { setParam(m, "nonce", short) }, signing.ReasonParams, "2"},
		"A nonce with padding":          {func(m *signing.Message) { setParam(m, "nonce", "AAAAAAAAAAAAAAAAAAAAAA==") }, signing.ReasonParams, "2"},
		"No keyid":                      {input(`;keyid="k1"`, ``), signing.ReasonParams, "2"},
		"A tag in capitals":             {input(`signing/v1`, `SIGNING/v1`), signing.ReasonTag, "3"},
		"Another algorithm":             {input(`"ed25519"`, `"hmac-sha256"`), signing.ReasonAlgorithm, "4"},
		"A header that is absent":       {input(`"@method"`, `"@method" "x-other"`), signing.ReasonIncomplete, "6"},
		"A header in capitals":          {input(`"@method"`, `"@method" "Content-Length"`), signing.ReasonHeader, "6"},
		"Another derived component":     {input(`"@method"`, `"@method" "@query"`), signing.ReasonUnexpected, "6"},
		"An unknown key":                {input(`keyid="k1"`, `keyid="k2"`), signing.ReasonKeyUnknown, "7"},
		"A key of another agent":        {func(m *signing.Message) { m.AgentURL = "https://other.example" }, signing.ReasonKeyUnknown, "7"},
		"The wrong kind of key":         {input(`"ed25519"`, `"ecdsa-p256-sha256"`), signing.ReasonKeyPurpose, "8"},
		"A malformed target":            {func(m *signing.Message) { m.URL = "https://:443/mcp" }, signing.ReasonTargetURI, "10"},
		"Another Host":                  {func(m *signing.Message) { m.Authority = "other.example" }, signing.ReasonTargetURI, "10"},
		"A Host line that differs":      {func(m *signing.Message) { m.Authority = "seller.example"; m.Header.Set("Host", "other.example") }, signing.ReasonTargetURI, "10"},
		"Another target":                {func(m *signing.Message) { m.URL += "2" }, signing.ReasonInvalid, "10"},
		"Another body":                  {func(m *signing.Message) { m.Body = []byte(`{"x":2}`) }, signing.ReasonDigest, "11"},
	} {
		for _, p := range profiles {
			t.Run(p.String()+"/"+name, func(t *testing.T) {
				t.Parallel()
				b := setup(t, p)
				m := b.signed(t, `{"x":1}`)
				c.change(m)
				_, err := b.verifier.Verify(t.Context(), m)
				wantReason(t, err, c.reason, c.step)
				var refused *signing.Error
				if errors.As(err, &refused) && refused.Code != p.Code(c.reason) {
					t.Errorf("got code %s, want %s", refused.Code, p.Code(c.reason))
				}
			})
		}
	}
}

// setParam puts another value into a string parameter.
func setParam(m *signing.Message, name, value string) {
	in := m.Header.Get("Signature-Input")
	before, rest, _ := strings.Cut(in, ";"+name+`="`)
	_, after, _ := strings.Cut(rest, `"`)
	m.Header.Set("Signature-Input", before+";"+name+`="`+value+`"`+after)
}

func TestWindow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		move time.Duration
		ok   bool
	}{
		"Created a minute ahead of us":          {-60 * time.Second, true},
		"Created more than a minute ahead":      {-61 * time.Second, false},
		"Expired a minute ago":                  {360 * time.Second, true},
		"Expired more than a minute ago":        {361 * time.Second, false},
		"In the middle, by a fast clock of one": {150 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, signing.Webhook)
			m := b.signed(t, `{}`)
			b.clock.move(c.move)
			_, err := b.verifier.Verify(t.Context(), m)
			if c.ok && err != nil {
				t.Fatalf("refused: %v", err)
			}
			if !c.ok {
				wantReason(t, err, signing.ReasonWindow, "5")
			}
			if c.ok {
				_, err = b.verifier.Verify(t.Context(), m)
				wantReason(t, err, signing.ReasonReplayed, "12")
			}
		})
	}
}

func TestOneOfManyEqualMessagesIsAccepted(t *testing.T) {
	t.Parallel()
	b := setup(t, signing.Request31)
	m := b.signed(t, `{}`)
	var accepted atomic.Int32
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			if _, err := b.verifier.Verify(t.Context(), m); err == nil {
				accepted.Add(1)
			}
		})
	}
	wait.Wait()
	if accepted.Load() != 1 {
		t.Errorf("%d were accepted, want 1", accepted.Load())
	}
}

func TestABodyThatGivesAMemberTwiceUsesItsNonceUp(t *testing.T) {
	t.Parallel()
	b := setup(t, signing.Request31)
	m := forged(t, b, `{"a":1,"b":{"status":1,"\u0073tatus":2}}`)
	_, err := b.verifier.Verify(t.Context(), m)
	wantReason(t, err, signing.ReasonBody, "14")
	if !strings.Contains(err.Error(), "status") {
		t.Errorf("the error does not name the member: %v", err)
	}
	_, err = b.verifier.Verify(t.Context(), m)
	wantReason(t, err, signing.ReasonReplayed, "12")
}

// forged is a signed message whose body our signer would not sign: the digest
// of the body that is sent is put under the signature as if it were another's.
func forged(t *testing.T, b *bundle, body string) *signing.Message {
	t.Helper()
	policyForbids := signing.SignerConfig{
		Profile: signing.Request31, KeyID: "k1", Key: b.private, Clock: b.clock, Digest: signing.DigestForbidden,
	}
	signer, err := signing.NewSigner(policyForbids)
	if err != nil {
		t.Fatal(err)
	}
	m := message(`{}`)
	if err := signer.Sign(m); err != nil {
		t.Fatal(err)
	}
	m.Body = []byte(body) // Not covered, so still good.
	return m
}

type brokenGuard struct{ signing.ReplayGuard }

func (brokenGuard) Full(context.Context, signing.KeyRef) (bool, error) { return false, nil }

func (brokenGuard) Claim(context.Context, signing.KeyRef, string, time.Time) (signing.Claim, error) {
	return 0, errors.New("the database is away")
}

type lateGuard struct{ brokenGuard }

func (lateGuard) Claim(context.Context, signing.KeyRef, string, time.Time) (signing.Claim, error) {
	return signing.OverCap, nil
}

func TestReplayGuardDecides(t *testing.T) {
	t.Parallel()
	with := func(g signing.ReplayGuard) option {
		return func(_ *signing.SignerConfig, v *signing.VerifierConfig) { v.Replays = g }
	}
	b := setup(t, signing.Request31, with(brokenGuard{}))
	_, err := b.verifier.Verify(t.Context(), b.signed(t, `{}`))
	var refused *signing.Error
	if err == nil || errors.As(err, &refused) {
		t.Errorf("a guard that fails: got %v, want an error that is no refusal", err)
	}
	b = setup(t, signing.Request31, with(lateGuard{}))
	_, err = b.verifier.Verify(t.Context(), b.signed(t, `{}`))
	wantReason(t, err, signing.ReasonRateAbuse, "13")
}

func TestWebhookModeIsWhatWasAgreed(t *testing.T) {
	t.Parallel()
	b := setup(t, signing.Webhook)
	m := b.signed(t, `{}`)
	m.Header.Set("X-ADCP-Signature", "sha256=00")
	_, err := b.verifier.Verify(t.Context(), m)
	wantReason(t, err, signing.ReasonMode, "0")
	_, err = b.verifier.Verify(t.Context(), message(`{}`))
	wantReason(t, err, signing.ReasonHeader, "1")
}

func TestVerifierConfig(t *testing.T) {
	t.Parallel()
	good := signing.VerifierConfig{Profile: signing.Request31, Keys: &signing.KeySet{}, Revocations: signing.RevokedKeys(nil)}
	if _, err := signing.NewVerifier(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*signing.VerifierConfig){
		"Without a profile":        func(c *signing.VerifierConfig) { c.Profile = 0 },
		"Without keys":             func(c *signing.VerifierConfig) { c.Keys = nil },
		"Without revocations":      func(c *signing.VerifierConfig) { c.Revocations = nil },
		"With a policy that is no": func(c *signing.VerifierConfig) { c.Policy.RequiredFor = []string{"tasks/cancel"} },
		"3.2 leaving bodies open": func(c *signing.VerifierConfig) {
			c.Profile, c.Policy = signing.Request32, signing.Policy{Supported: true}
		},
	} {
		c := good
		spoil(&c)
		if _, err := signing.NewVerifier(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSignerRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, signing.Request31)
	other := setup(t, signing.Request31)
	good := signing.SignerConfig{Profile: signing.Request31, KeyID: "k1", Key: b.private}
	for name, spoil := range map[string]func(*signing.SignerConfig){
		"Without a profile":        func(c *signing.SignerConfig) { c.Profile = 9 },
		"Without a key id":         func(c *signing.SignerConfig) { c.KeyID = "" },
		"Without a key":            func(c *signing.SignerConfig) { c.Key = nil },
		"A validity that is long":  func(c *signing.SignerConfig) { c.Validity = 301 * time.Second },
		"A validity that is short": func(c *signing.SignerConfig) { c.Validity = time.Millisecond },
		"Another published key":    func(c *signing.SignerConfig) { c.Published = other.key },
		"An open webhook": func(c *signing.SignerConfig) {
			c.Profile, c.Digest = signing.Webhook, signing.DigestForbidden
		},
		"A digest policy there is none of": func(c *signing.SignerConfig) { c.Digest = "sometimes" },
	} {
		c := good
		spoil(&c)
		if _, err := signing.NewSigner(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	c := good
	c.Published = b.key
	if _, err := signing.NewSigner(c); err != nil {
		t.Errorf("with its own published key: %v", err)
	}
	for name, m := range map[string]*signing.Message{
		"A target without a host": {Method: "POST", URL: "https:///x", Header: http.Header{}},
		"A body of no type":       {Method: "POST", URL: "https://a.example/", Header: http.Header{}, Body: []byte("{}")},
		"No headers":              {Method: "POST", URL: "https://a.example/"},
	} {
		if err := b.signer.Sign(m); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
	var twice *signing.DuplicateNamesError
	if err := b.signer.Sign(message(`{"a":1,"a":2}`)); !errors.As(err, &twice) || twice.Code() != "duplicate_key_input" {
		t.Errorf("a member twice: got %v", err)
	}
}

func TestEncodingsStayApart(t *testing.T) {
	t.Parallel()
	b31 := setup(t, signing.Request31)
	b32 := setupWith(t, signing.Request32, b31.private)
	m := b32.signed(t, `{"x":1}`)
	if s := m.Header.Get("Signature"); !strings.HasSuffix(s, "=:") {
		t.Errorf("3.2 writes %s, want padding", s)
	}
	// 3.1 reads pure standard base64 of older counterparties too.
	if _, err := b31.verifier.Verify(t.Context(), m); err != nil {
		t.Errorf("3.1 refuses standard base64: %v", err)
	}
	m = b31.signed(t, `{"x":1}`)
	if s := m.Header.Get("Signature") + m.Header.Get("Content-Digest"); strings.ContainsAny(s, "+/") || strings.HasSuffix(s, "=:") {
		t.Errorf("3.1 writes %s, want base64url without padding", s)
	}
	_, err := b32.verifier.Verify(t.Context(), m)
	wantReason(t, err, signing.ReasonHeader, "1")
}

func BenchmarkVerify(b *testing.B) {
	for _, alg := range []string{signing.Ed25519, signing.ECDSAP256} {
		b.Run(alg, func(b *testing.B) {
			s := setupWith(b, signing.Request31, newPrivate(b, alg))
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				m := s.signed(b, `{"a":1}`)
				b.StartTimer()
				if _, err := s.verifier.Verify(b.Context(), m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
