package signing

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of the older webhook scheme.
const (
	headerHMAC          = "X-ADCP-Signature"
	headerHMACTimestamp = "X-ADCP-Timestamp"
	hmacPrefix          = "sha256="
)

// minSecret is how long a shared secret must at least be, in bytes.
const minSecret = 32

// SharedSecretConfig is what [NewHMAC] and [NewBearer] take.
type SharedSecretConfig struct {
	// Secret is what both sides know: at least 32 bytes, used as they are.
	Secret string
	// Previous is the secret before, while a change of secrets goes on. It
	// verifies and does not sign. Empty accepts the present secret only.
	Previous string
	// Clock is the system's when nil.
	Clock Clock
}

func (c SharedSecretConfig) check() error {
	for _, secret := range []string{c.Secret, c.Previous} {
		if secret == "" && c.Secret != "" {
			continue // There is no previous one.
		}
		if len(secret) < minSecret {
			return errors.New("a shared secret must have at least 32 bytes")
		}
		if strings.Count(secret, secret[:1]) == len(secret) {
			return errors.New("a shared secret must be random: this one repeats one character")
		}
	}
	return nil
}

// HMAC signs and verifies webhooks the older way, with a shared secret
// (HMAC-SHA256 over timestamp and body). The protocol drops it in 4.0; use the
// [Webhook] profile where the receiver leaves the choice. There is no memory of
// nonces in this scheme: within five minutes a webhook can be sent again, so
// receivers de-duplicate by its idempotency key.
type HMAC struct{ cfg SharedSecretConfig }

// NewHMAC refuses secrets that are too short or plainly not random.
func NewHMAC(cfg SharedSecretConfig) (*HMAC, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg.Clock = orSystem(cfg.Clock)
	return &HMAC{cfg}, nil
}

func hmacOf(secret, timestamp string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(timestamp + "."))
	h.Write(body)
	return h.Sum(nil)
}

// Sign puts the timestamp and the signature of the body, as it goes on the
// wire, into the headers. A body that gives a member twice is refused with a
// [*DuplicateNamesError] and leaves the headers alone.
func (h *HMAC) Sign(header http.Header, body []byte) error {
	if names := DuplicateNames(body); len(names) > 0 {
		return &DuplicateNamesError{Names: names}
	}
	timestamp := strconv.FormatInt(h.cfg.Clock.Now().Unix(), 10)
	header.Set(headerHMACTimestamp, timestamp)
	header.Set(headerHMAC, hmacPrefix+hex.EncodeToString(hmacOf(h.cfg.Secret, timestamp, body)))
	return nil
}

// Verify checks the headers against the body as it came. A refusal is an
// [*Error] with the code of the [Webhook] profile for the same fault: header,
// window, signature, then members given twice. A webhook that is signed with a
// published key is refused, because it was agreed otherwise.
func (h *HMAC) Verify(header http.Header, body []byte) error {
	m := &Message{Header: header}
	if len(m.lines("Signature")) > 0 || len(m.lines("Signature-Input")) > 0 {
		return webhookRefusal("0", ReasonMode, "the webhook is signed with a published key and was agreed to be signed with HMAC")
	}
	signatures, timestamps := m.lines(headerHMAC), m.lines(headerHMACTimestamp)
	if len(signatures) != 1 || len(timestamps) != 1 {
		return webhookRefusal("1", ReasonHeader, "the webhook needs one "+headerHMAC+" and one "+headerHMACTimestamp)
	}
	digits, ok := strings.CutPrefix(signatures[0], hmacPrefix)
	if !ok || len(digits) != hex.EncodedLen(sha256.Size) {
		return webhookRefusal("1", ReasonHeader, headerHMAC+" must be sha256= and 64 hexadecimal digits")
	}
	claimed, err := hex.DecodeString(digits)
	if err != nil {
		return webhookRefusal("1", ReasonHeader, headerHMAC+" must be sha256= and 64 hexadecimal digits")
	}
	seconds, err := strconv.ParseInt(timestamps[0], 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != timestamps[0] {
		return webhookRefusal("2", ReasonHeader, headerHMACTimestamp+" must be a number of seconds")
	}
	now, window := h.cfg.Clock.Now().Unix(), int64(MaxValidity/time.Second)
	if seconds > now+window || seconds < now-window {
		return webhookRefusal("3", ReasonWindow, "the webhook was signed too long ago, or in the future")
	}
	good := hmac.Equal(claimed, hmacOf(h.cfg.Secret, timestamps[0], body))
	if h.cfg.Previous != "" {
		good = hmac.Equal(claimed, hmacOf(h.cfg.Previous, timestamps[0], body)) || good
	}
	if !good {
		return webhookRefusal("4", ReasonInvalid, "the signature is not the secret's over this body")
	}
	return wellFormed(body)
}

func webhookRefusal(step string, r Reason, detail string) *Error {
	return &Error{Code: Webhook.Code(r), Reason: r, Step: step, Detail: detail}
}

func wellFormed(body []byte) error {
	if names := DuplicateNames(body); len(names) > 0 {
		return webhookRefusal("14", ReasonBody, "the body gives these members twice: "+told(names))
	}
	return nil
}

// Bearer sends and checks a shared token with webhooks: the oldest way, which
// protects nothing of the body. The protocol drops it in 4.0.
type Bearer struct{ cfg SharedSecretConfig }

// NewBearer refuses tokens that are too short, plainly not random, or no token.
func NewBearer(cfg SharedSecretConfig) (*Bearer, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if strings.ContainsAny(cfg.Secret+cfg.Previous, " \t\r\n") {
		return nil, errors.New("a bearer token has no blanks")
	}
	return &Bearer{cfg}, nil
}

// Sign puts the token into the headers. It refuses the bodies that [HMAC.Sign] refuses.
func (b *Bearer) Sign(header http.Header, body []byte) error {
	if names := DuplicateNames(body); len(names) > 0 {
		return &DuplicateNamesError{Names: names}
	}
	header.Set("Authorization", "Bearer "+b.cfg.Secret)
	return nil
}

// Verify checks the token, in constant time, and that no other scheme was used.
func (b *Bearer) Verify(header http.Header, body []byte) error {
	m := &Message{Header: header}
	for _, name := range []string{"Signature", "Signature-Input", headerHMAC} {
		if len(m.lines(name)) > 0 {
			return webhookRefusal("0", ReasonMode, "the webhook is signed and was agreed to bring a bearer token")
		}
	}
	values := m.lines("Authorization")
	if len(values) != 1 {
		return webhookRefusal("1", ReasonHeader, "the webhook needs one bearer token")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return webhookRefusal("1", ReasonHeader, "the webhook needs a bearer token")
	}
	good := equalSecrets(token, b.cfg.Secret)
	if b.cfg.Previous != "" {
		good = equalSecrets(token, b.cfg.Previous) || good
	}
	if !good {
		return webhookRefusal("4", ReasonInvalid, "the bearer token is another one")
	}
	return wellFormed(body)
}

// equalSecrets compares without telling, by time, where or how long.
func equalSecrets(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
