package signing_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp/signing"
)

// hmacVectors is wire/webhook-hmac-sha256.json.
type hmacVectors struct {
	Secret  string
	Vectors []struct {
		ID        string `json:"id"`
		Timestamp int64
		Body      string `json:"raw_body"`
		Signature string `json:"expected_signature"`
		Action    string `json:"expected_verifier_action"`
		Code      string `json:"rfc9421_error_code"`
	}
	Rejections []struct {
		ID        string          `json:"id"`
		Timestamp json.RawMessage `json:"timestamp"`
		Body      string          `json:"raw_body"`
		Signature *string         `json:"signature"`
		Now       int64           `json:"current_time"`
	} `json:"rejection_vectors"`
	Secrets []struct{ Description, Secret string } `json:"secret_rejection_vectors"`
	Signer  struct {
		Rejections []signerVector `json:"rejection_vectors"`
		Accepted   []signerVector `json:"positive_vectors"`
	} `json:"signer_side"`
}

type signerVector struct {
	ID   string `json:"id"`
	Body string `json:"signer_input_body"`
}

func newHMAC(t *testing.T, secret, previous string, now int64) *signing.HMAC {
	t.Helper()
	h, err := signing.NewHMAC(signing.SharedSecretConfig{Secret: secret, Previous: previous, Clock: at(now)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func hmacHeader(timestamp, signature string) http.Header {
	return http.Header{"X-Adcp-Timestamp": {timestamp}, "X-Adcp-Signature": {signature}}
}

func TestPublishedWebhookHMAC(t *testing.T) {
	t.Parallel()
	var doc hmacVectors
	readVector(t, &doc, vectors(t), "wire", "webhook-hmac-sha256.json")
	if len(doc.Vectors) != 15 || len(doc.Rejections) != 10 || len(doc.Secrets) != 4 || len(doc.Signer.Rejections) != 4 || len(doc.Signer.Accepted) != 1 {
		t.Fatalf("got %d, %d, %d, %d, %d vectors, want 15, 10, 4, 4, 1", len(doc.Vectors), len(doc.Rejections), len(doc.Secrets), len(doc.Signer.Rejections), len(doc.Signer.Accepted))
	}
	for _, v := range doc.Vectors {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			h := newHMAC(t, doc.Secret, "", v.Timestamp)
			err := h.Verify(hmacHeader(strconv.FormatInt(v.Timestamp, 10), v.Signature), []byte(v.Body))
			header := http.Header{}
			signed := h.Sign(header, []byte(v.Body))
			if v.Action == "reject-malformed" {
				var refused *signing.Error
				if !errors.As(err, &refused) || refused.Code != v.Code {
					t.Errorf("got %v, want %s", err, v.Code)
				}
				if signed == nil || len(header) > 0 {
					t.Errorf("it is signed: %v", header)
				}
				return
			}
			if err != nil || signed != nil || header.Get("X-ADCP-Signature") != v.Signature {
				t.Errorf("got %v, %v, %v, want %s", err, signed, header, v.Signature)
			}
		})
	}
	for _, v := range doc.Rejections {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			now := v.Now
			if now == 0 {
				now = 1_700_000_000
			}
			header := http.Header{}
			timestamp := string(v.Timestamp)
			var text string
			if json.Unmarshal(v.Timestamp, &text) == nil {
				timestamp = text
			}
			header.Set("X-ADCP-Timestamp", timestamp)
			if v.Signature != nil {
				header.Set("X-ADCP-Signature", *v.Signature)
			}
			if err := newHMAC(t, doc.Secret, "", now).Verify(header, []byte(v.Body)); err == nil {
				t.Error("accepted")
			}
		})
	}
	for _, v := range doc.Secrets {
		t.Run(v.Description, func(t *testing.T) {
			t.Parallel()
			if _, err := signing.NewHMAC(signing.SharedSecretConfig{Secret: v.Secret}); err == nil {
				t.Error("accepted")
			}
		})
	}
	for _, v := range doc.Signer.Rejections {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			err := newHMAC(t, doc.Secret, "", 0).Sign(header, []byte(v.Body))
			var twice *signing.DuplicateNamesError
			if !errors.As(err, &twice) || twice.Code() != "duplicate_key_input" || len(header) > 0 {
				t.Errorf("got %v and %v, want duplicate_key_input", err, header)
			}
		})
	}
	for _, v := range doc.Signer.Accepted {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			if err := newHMAC(t, doc.Secret, "", 0).Sign(header, []byte(v.Body)); err != nil || len(header) != 2 {
				t.Errorf("got %v and %v", err, header)
			}
		})
	}
}

const (
	secretOne = "first-secret-0123456789-abcdefghi"
	secretTwo = "other-secret-0123456789-abcdefghi"
)

func TestHMACRefuses(t *testing.T) {
	t.Parallel()
	const now = 1_700_000_000
	body := []byte(`{"a":1}`)
	for name, c := range map[string]struct {
		change func(http.Header)
		now    int64
		reason signing.Reason
	}{
		"NoTimestamp":         {func(h http.Header) { h.Del("X-ADCP-Timestamp") }, now, signing.ReasonHeader},
		"TwoTimestamps":       {func(h http.Header) { h.Add("X-ADCP-Timestamp", "1") }, now, signing.ReasonHeader},
		"TwoSignatures":       {func(h http.Header) { h.Add("X-ADCP-Signature", "1") }, now, signing.ReasonHeader},
		"ATimestampWithAPlus": {func(h http.Header) { h.Set("X-ADCP-Timestamp", "+1700000000") }, now, signing.ReasonHeader},
		"NoHex":               {func(h http.Header) { h.Set("X-ADCP-Signature", "sha256="+string(make([]byte, 64))) }, now, signing.ReasonHeader},
		"AnotherTimestamp":    {func(h http.Header) { h.Set("X-ADCP-Timestamp", "1700000001") }, now, signing.ReasonInvalid},
		"FiveMinutesLater":    {func(http.Header) {}, now + 301, signing.ReasonWindow},
		"FiveMinutesBefore":   {func(http.Header) {}, now - 301, signing.ReasonWindow},
		"ATimestampFarAway":   {func(h http.Header) { h.Set("X-ADCP-Timestamp", "-9223372036854775808") }, now, signing.ReasonWindow},
		"AnRFC9421Signature":  {func(h http.Header) { h.Set("Signature-Input", "x") }, now, signing.ReasonMode},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			if err := newHMAC(t, secretOne, "", now).Sign(header, body); err != nil {
				t.Fatal(err)
			}
			c.change(header)
			wantReason(t, newHMAC(t, secretOne, "", c.now).Verify(header, body), c.reason, "")
		})
	}
}

func TestSharedSecretsRotate(t *testing.T) {
	t.Parallel()
	now := time.Now().Unix()
	body := []byte(`{}`)
	header := http.Header{}
	if err := newHMAC(t, secretOne, "", now).Sign(header, body); err != nil {
		t.Fatal(err)
	}
	if err := newHMAC(t, secretTwo, secretOne, now).Verify(header, body); err != nil {
		t.Errorf("the previous secret: %v", err)
	}
	wantReason(t, newHMAC(t, secretTwo, "", now).Verify(header, body), signing.ReasonInvalid, "4")

	bearer := func(secret, previous string) *signing.Bearer {
		b, err := signing.NewBearer(signing.SharedSecretConfig{Secret: secret, Previous: previous})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	header = http.Header{}
	if err := bearer(secretOne, "").Sign(header, body); err != nil {
		t.Fatal(err)
	}
	for _, b := range []*signing.Bearer{bearer(secretOne, ""), bearer(secretTwo, secretOne)} {
		if err := b.Verify(header, body); err != nil {
			t.Errorf("the bearer token: %v", err)
		}
	}
	wantReason(t, bearer(secretTwo, "").Verify(header, body), signing.ReasonInvalid, "4")
	wantReason(t, bearer(secretOne, "").Verify(header, []byte(`{"a":1,"a":1}`)), signing.ReasonBody, "14")
	wantReason(t, bearer(secretOne, "").Verify(http.Header{}, body), signing.ReasonHeader, "1")
	wantReason(t, bearer(secretOne, "").Verify(http.Header{"Authorization": {"Basic " + secretOne}}, body), signing.ReasonHeader, "1")
	header.Set("X-ADCP-Signature", "x")
	wantReason(t, bearer(secretOne, "").Verify(header, body), signing.ReasonMode, "0")
	if err := bearer(secretOne, "").Sign(http.Header{}, []byte(`{"a":1,"a":1}`)); err == nil {
		t.Error("a body that gives a member twice is sent")
	}
	for _, cfg := range []signing.SharedSecretConfig{{}, {Secret: "short"}, {Secret: secretOne, Previous: "short"}, {Secret: secretOne + " x"}} {
		if _, err := signing.NewBearer(cfg); err == nil {
			t.Errorf("a bearer token %q, %q", cfg.Secret, cfg.Previous)
		}
	}
}
