package signing_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp/signing"
)

// What is read of a structured field and written again reads the same.
func FuzzField(f *testing.F) {
	for _, seed := range []string{
		`sig1=("@method" "@target-uri" "@authority" "content-type");created=1776520800;expires=1776521100;nonce="KXYnfEfJ0PBRZXQyVXfVQA";keyid="k1";alg="ed25519";tag="adcp/request-signing/v1"`,
		`a=( "x"  "y;z" );b;c=?0;d=tok/en;e=:AA==:, *b=:A-_A:`, `a=("q\"\\");n=-12;z=007`, `sig1=("@method");x=1.5`, `a=(), a=()`, ``,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		once, err := signing.Field(in)
		if err != nil {
			return
		}
		twice, err := signing.Field(once)
		if err != nil || twice != once {
			t.Errorf("%q is written as %q and then as %q, %v", in, once, twice, err)
		}
	})
}

// What is canonical stays so, but for escaped dots, which the protocol decodes
// after it has resolved the segments.
func FuzzCanonicalize(f *testing.F) {
	for _, seed := range []string{
		"https://Seller.Example:443/a/./b/../c//d?x=%7e#f", "https://[2001:DB8::1]:8443/%2f%41", "https://bücher.example/p",
		"https://user:pass@a.example?x", "https://[fe80::1%25eth0]/p", "http://a.example.:80/", "https://a.example/%2e%2E/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		target, authority, err := signing.Canonicalize(in)
		if err != nil {
			return
		}
		again, same, err := signing.Canonicalize(target)
		if err != nil || same != authority {
			t.Fatalf("%q becomes %q, then %q %q, %v", in, target, again, same, err)
		}
		if again != target && !strings.Contains(strings.ToLower(in), "%2e") {
			t.Errorf("%q becomes %q and then %q", in, target, again)
		}
		if strings.ContainsAny(target, " \n\r\t#") {
			t.Errorf("%q becomes %q", in, target)
		}
	})
}

// The verifier takes anything, and accepts only what was signed.
func FuzzVerifier(f *testing.F) {
	type profiled struct {
		*bundle
		good *signing.Message
	}
	var all []profiled
	for _, p := range profiles {
		b := setup(f, p)
		m := b.signed(f, `{"a":[1,{"b":"\u0061"}]}`)
		all = append(all, profiled{b, m})
		f.Add(m.Method, m.URL, "", m.Header.Get("Signature-Input"), m.Header.Get("Signature"), m.Header.Get("Content-Type"), m.Header.Get("Content-Digest"), m.Body)
	}
	f.Add("GET", "https://[::1]:443/x?y", "bücher.example", `sig1=("@method" "@target-uri" "@authority");created=1;expires=2;nonce="AAAAAAAAAAAAAAAAAAAAAA";keyid="k1";alg="ed25519";tag="adcp/request-signing/v1", b=()`, "sig1=:A+B-:, sig2=:AA:", "a, b", "sha-256=:AA:, sha-512=::", []byte(`{"a":1,"\u0061":{}}`))
	f.Add("POST", "https:///", "a:b:c", "sig1=", ":", "", "", []byte(`{"push_notification_config":{"authentication":{"x":1}}}`))
	f.Fuzz(func(t *testing.T, method, url, host, input, signature, contentType, digest string, body []byte) {
		for _, p := range all {
			m := &signing.Message{Method: method, URL: url, Authority: host, Body: body, Header: http.Header{}, Invocations: signing.JSONRPCInvocations(body)}
			for name, value := range map[string]string{"Signature-Input": input, "Signature": signature, "Content-Type": contentType, "Content-Digest": digest} {
				if value != "" {
					m.Header.Set(name, value)
				}
			}
			verdict, err := p.verifier.Verify(t.Context(), m)
			if err != nil || verdict.Identity == nil {
				continue
			}
			got, _, _ := signing.Canonicalize(url)
			want, _, _ := signing.Canonicalize(p.good.URL)
			if method != p.good.Method || got != want || string(body) != string(p.good.Body) || strings.Trim(contentType, " \t") != "application/json" {
				t.Errorf("accepted as signed: %s %s %q", method, url, body)
			}
		}
	})
}

// Whoever reads a document may read each member once.
func FuzzDuplicateNames(f *testing.F) {
	for _, seed := range []string{`{"a":1,"a":2}`, `{"\ud83d\ude00":1,"b":[{"c":"\"}"}]}`, `]}{"a":{"b"`, `{"a\`, `{"\u00`, `"\`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		names := signing.DuplicateNames(doc)
		if text := signing.Told(names); strings.ContainsAny(text, "\n\r\x00\x1b") {
			t.Errorf("the log would read %q", text)
		}
	})
}
