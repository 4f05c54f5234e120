package signing_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp/signing"
)

// vectors is the directory of the protocol's published test vectors:
// ADCP_SPEC, or beside the module. Where it is absent the test is skipped,
// unless ADCP_SPEC_REQUIRED says that it must be there.
func vectors(t testing.TB) string {
	t.Helper()
	spec := os.Getenv("ADCP_SPEC")
	if spec == "" {
		spec = filepath.Join("..", "..", "..", "shared", "adcp")
	}
	dir := filepath.Join(spec, "3.1.19", "test-vectors")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("ADCP_SPEC_REQUIRED") == "1" {
			t.Fatalf("ADCP_SPEC_REQUIRED=1 and the published vectors are not here: %v", err)
		}
		t.Skipf("the published vectors are not here (set ADCP_SPEC): %v", err)
	}
	return dir
}

func readVector(t testing.TB, into any, elem ...string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", elem[len(elem)-1], err)
	}
}

// each runs a sub-test for every file of a directory and holds their number.
func each(t *testing.T, want int, dir string, run func(t *testing.T, file string)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != want {
		t.Fatalf("%s has %d vectors (%v), want %d", dir, len(files), err, want)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			run(t, file)
		})
	}
}

// vector is one published message.
type vector struct {
	Now     int64 `json:"reference_now"`
	Request struct {
		Method, URL, Body string
		Headers           map[string]string
	}
	Capability struct {
		Supported       bool                 `json:"supported"`
		Digest          signing.DigestPolicy `json:"covers_content_digest"`
		RequiredFor     []string             `json:"required_for"`
		MethodsRequired []string             `json:"protocol_methods_required_for"`
	} `json:"verifier_capability"`
	Keys         []string        `json:"jwks_ref"`
	KeysOverride json.RawMessage `json:"jwks_override"`
	State        struct {
		Replayed []struct{ Keyid, Nonce string } `json:"replay_cache_entries"`
		CapHit   *struct{ Keyid string }         `json:"replay_cache_per_keyid_cap_hit"`
		CapFor   string                          `json:"per_keyid_cap_filled_for"`
		Revoked  []string                        `json:"revoked_kids"`
		List     *signing.RevocationList         `json:"revocation_list"`
		Stale    int64                           `json:"revocation_list_stale_seconds"`
	} `json:"test_harness_state"`
	Base    string `json:"expected_signature_base"`
	Outcome struct {
		Success bool   `json:"success"`
		Code    string `json:"error_code"`
		Step    any    `json:"failed_step"`
		SubStep string `json:"sub_step"`
	} `json:"expected_outcome"`
}

const vectorAgent = "https://agent.example/mcp"

type at int64

func (s at) Now() time.Time { return time.Unix(int64(s), 0) }

func (v *vector) message() *signing.Message {
	m := &signing.Message{
		Method: v.Request.Method, URL: v.Request.URL, Body: []byte(v.Request.Body), Header: http.Header{},
		Invocations: signing.JSONRPCInvocations([]byte(v.Request.Body)),
	}
	for name, value := range v.Request.Headers {
		m.Header.Set(name, value)
	}
	if len(m.Invocations) == 0 { // The vectors name the operation in the path.
		target, _, _ := strings.Cut(v.Request.URL, "?")
		m.Invocations = []signing.Invocation{{Operation: path.Base(target)}}
	}
	// Vector 027 shows another credential, which must not help.
	m.Authenticated = m.Header.Get("Authorization") != ""
	return m
}

// keys is the signer's key set as the vector wants it seen.
func (v *vector) keys(t *testing.T, dir string) *signing.KeySet {
	t.Helper()
	var published struct{ Keys []map[string]any }
	readVector(t, &published, dir, "keys.json")
	var override map[string]json.RawMessage
	if len(v.KeysOverride) > 0 {
		if err := json.Unmarshal(v.KeysOverride, &override); err != nil {
			t.Fatal(err)
		}
	}
	var shown []any
	if keys, ok := override["keys"]; ok {
		if err := json.Unmarshal(keys, &shown); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range published.Keys {
		for _, id := range v.Keys {
			if key["kid"] != id {
				continue
			}
			if other, ok := override[id]; ok {
				shown = append(shown, other)
			} else {
				shown = append(shown, key)
			}
		}
	}
	doc, err := json.Marshal(map[string]any{"keys": shown})
	if err != nil {
		t.Fatal(err)
	}
	set, err := signing.ParseKeySet(vectorAgent, doc)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

type listed struct {
	list *signing.RevocationList
	now  time.Time
}

func (l listed) Check(_ context.Context, key *signing.Key) error { return l.list.Check(key, l.now) }

func (v *vector) verifier(t *testing.T, profile signing.Profile, dir string) *signing.Verifier {
	t.Helper()
	clock := at(v.Now)
	perKey := 0
	key := func(id string) signing.KeyRef { return signing.KeyRef{AgentURL: vectorAgent, KeyID: id} }
	full := v.State.CapFor
	if v.State.CapHit != nil {
		full = v.State.CapHit.Keyid
	}
	if full != "" {
		perKey = 3
	}
	replays, err := signing.NewMemoryReplays(signing.MemoryReplaysConfig{PerKey: perKey, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	until := clock.Now().Add(6 * time.Minute)
	for _, e := range v.State.Replayed {
		if _, err := replays.Claim(t.Context(), key(e.Keyid), e.Nonce, until); err != nil {
			t.Fatal(err)
		}
	}
	for i := range perKey {
		if _, err := replays.Claim(t.Context(), key(full), strconv.Itoa(i), until); err != nil {
			t.Fatal(err)
		}
	}
	var revocations signing.Revocations = signing.RevokedKeys(v.State.Revoked)
	if v.State.List != nil {
		revocations = listed{v.State.List, clock.Now()}
	}
	if v.State.Stale > 0 {
		// A list of a quarter of an hour that was due that long ago.
		updated := clock.Now().Add(-time.Duration(v.State.Stale) * time.Second)
		revocations = listed{&signing.RevocationList{Updated: updated, NextUpdate: updated.Add(15 * time.Minute)}, clock.Now()}
	}
	verifier, err := signing.NewVerifier(signing.VerifierConfig{
		Profile: profile, Keys: v.keys(t, dir), Revocations: revocations, Replays: replays, Clock: clock,
		Policy: signing.Policy{
			Supported: v.Capability.Supported, Digest: v.Capability.Digest,
			RequiredFor: v.Capability.RequiredFor, MethodsRequiredFor: v.Capability.MethodsRequired,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

func (v *vector) step() string {
	if s, ok := v.Outcome.Step.(string); ok {
		return s
	}
	n, _ := v.Outcome.Step.(float64)
	return strconv.Itoa(int(n)) + v.Outcome.SubStep
}

func testAccepted(t *testing.T, profile signing.Profile, dir, file string) {
	t.Helper()
	var v vector
	readVector(t, &v, file)
	verdict, err := v.verifier(t, profile, dir).Verify(t.Context(), v.message())
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	if verdict.Identity == nil || verdict.Identity.AgentURL != vectorAgent || verdict.Identity.KeyID != v.Keys[0] {
		t.Fatalf("got identity %+v, want key %s of the agent", verdict.Identity, v.Keys[0])
	}
	if v.Base == "" {
		return // Vector 004 states no base.
	}
	base, err := signing.BaseOf(profile, v.message())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(v.Base, base); diff != "" {
		t.Errorf("the signature base differs (-want +got):\n%s", diff)
	}
}

func testRefused(t *testing.T, profile signing.Profile, dir, file string) {
	t.Helper()
	var v vector
	readVector(t, &v, file)
	verdict, err := v.verifier(t, profile, dir).Verify(t.Context(), v.message())
	var refused *signing.Error
	if !errors.As(err, &refused) {
		t.Fatalf("got %+v, %v; want refusal %s", verdict, err, v.Outcome.Code)
	}
	if refused.Code != v.Outcome.Code {
		t.Errorf("got %v, want %s", refused, v.Outcome.Code)
	}
	if refused.Step != v.step() {
		t.Errorf("got step %s, want %s (%v)", refused.Step, v.step(), refused)
	}
}

func TestPublishedRequestSigning(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(vectors(t), "request-signing")
	t.Run("positive", func(t *testing.T) {
		t.Parallel()
		each(t, 12, filepath.Join(dir, "positive"), func(t *testing.T, file string) { testAccepted(t, signing.Request31, dir, file) })
	})
	t.Run("negative", func(t *testing.T) {
		t.Parallel()
		each(t, 28, filepath.Join(dir, "negative"), func(t *testing.T, file string) { testRefused(t, signing.Request31, dir, file) })
	})
}

func TestPublishedWebhookSigning(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(vectors(t), "webhook-signing")
	t.Run("positive", func(t *testing.T) {
		t.Parallel()
		each(t, 8, filepath.Join(dir, "positive"), func(t *testing.T, file string) { testAccepted(t, signing.Webhook, dir, file) })
	})
	t.Run("negative", func(t *testing.T) {
		t.Parallel()
		each(t, 21, filepath.Join(dir, "negative"), func(t *testing.T, file string) { testRefused(t, signing.Webhook, dir, file) })
	})
}

// The 3.1 vectors read under 3.2: a signature in base64url must be refused as
// malformed, whatever else is right or wrong with it after that.
func TestPublishedRequestVectorsReadBy32(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(vectors(t), "request-signing")
	each(t, 12, filepath.Join(dir, "positive"), func(t *testing.T, file string) {
		var v vector
		readVector(t, &v, file)
		v.Capability.Digest = signing.DigestRequired
		_, err := v.verifier(t, signing.Request32, dir).Verify(t.Context(), v.message())
		var refused *signing.Error
		if !errors.As(err, &refused) || refused.Code != "request_signature_header_malformed" {
			t.Errorf("got %v, want request_signature_header_malformed", err)
		}
	})
}

func TestPublishedCanonicalization(t *testing.T) {
	t.Parallel()
	var doc struct {
		Cases []struct {
			Name      string `json:"name"`
			Input     string `json:"input_url"`
			Target    string `json:"expected_target_uri"`
			Authority string `json:"expected_authority"`
			Reject    bool   `json:"reject"`
			Code      string `json:"expected_error_code"`
		}
	}
	readVector(t, &doc, vectors(t), "request-signing", "canonicalization.json")
	if len(doc.Cases) != 31 {
		t.Fatalf("got %d cases, want 31", len(doc.Cases))
	}
	for _, c := range doc.Cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			target, authority, err := signing.Canonicalize(c.Input)
			if c.Reject {
				if err == nil {
					t.Fatalf("got %q, want a refusal", target)
				}
				if got := signing.Request31.Code(signing.ReasonTargetURI); got != c.Code {
					t.Errorf("got code %s, want %s", got, c.Code)
				}
				return
			}
			if err != nil || target != c.Target || authority != c.Authority {
				t.Errorf("got %q %q %v, want %q %q", target, authority, err, c.Target, c.Authority)
			}
		})
	}
}

// privateKeys are the published private halves.
func privateKeys(t *testing.T, dir string) map[string]crypto.Signer {
	t.Helper()
	var doc struct {
		Keys []struct {
			ID   string `json:"kid"`
			Type string `json:"kty"`
			X, Y string
			D    string `json:"_private_d_for_test_only"`
		}
	}
	readVector(t, &doc, dir, "keys.json")
	out := map[string]crypto.Signer{}
	for _, k := range doc.Keys {
		d, err := base64.RawURLEncoding.DecodeString(k.D)
		if err != nil {
			t.Fatal(err)
		}
		if k.Type == "OKP" {
			out[k.ID] = ed25519.NewKeyFromSeed(d)
			continue
		}
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
		if err != nil {
			t.Fatal(err)
		}
		out[k.ID] = key
	}
	return out
}

// What we sign with the published keys is, for Ed25519, the published signature.
func TestPublishedSignaturesAreReproduced(t *testing.T) {
	t.Parallel()
	nonce, _ := base64.RawURLEncoding.DecodeString("KXYnfEfJ0PBRZXQyVXfVQA")
	for name, profile := range map[string]signing.Profile{"request-signing": signing.Request31, "webhook-signing": signing.Webhook} {
		dir := filepath.Join(vectors(t), name)
		keys := privateKeys(t, dir)
		each(t, map[string]int{"request-signing": 12, "webhook-signing": 8}[name], filepath.Join(dir, "positive"), func(t *testing.T, file string) {
			var v vector
			readVector(t, &v, file)
			digest := signing.DigestForbidden
			if strings.Contains(v.Request.Headers["Signature-Input"], "content-digest") {
				digest = signing.DigestRequired
			}
			signer, err := signing.NewSigner(signing.SignerConfig{
				Profile: profile, KeyID: v.Keys[0], Key: keys[v.Keys[0]], Digest: digest,
				Clock: at(v.Now), Random: strings.NewReader(string(nonce)),
			})
			if err != nil {
				t.Fatal(err)
			}
			m := v.message()
			if err := signer.Sign(m); err != nil {
				t.Fatal(err)
			}
			if _, err := v.verifier(t, profile, dir).Verify(t.Context(), m); err != nil {
				t.Errorf("our own signature is refused: %v", err)
			}
			want, _, _ := strings.Cut(v.Request.Headers["Signature"], ", ")
			wantInput, _, _ := strings.Cut(v.Request.Headers["Signature-Input"], ", ")
			if got := m.Header.Get("Signature-Input"); got != wantInput {
				t.Errorf("got %s\nwant %s", got, wantInput)
			}
			if strings.HasPrefix(v.Keys[0], "test-es256") {
				return // ECDSA signatures differ each time.
			}
			if strings.HasSuffix(v.Request.Headers["Content-Digest"], "=:") {
				return // Signed over a digest in padded base64, which signers of 3.1 do not write.
			}
			if got := m.Header.Get("Signature"); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}
