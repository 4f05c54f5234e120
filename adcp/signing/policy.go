package signing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/adcp"
)

// DigestPolicy says whether request signatures must cover the body's digest.
type DigestPolicy string

// The policies. An empty one is DigestEither.
const (
	DigestEither    DigestPolicy = "either"
	DigestRequired  DigestPolicy = "required"
	DigestForbidden DigestPolicy = "forbidden"
)

// Policy is what an agent advertises as request_signing in its capabilities,
// and what its verifier then holds callers to: one value for both, so that they
// cannot differ. The zero Policy supports no signatures and ignores them.
type Policy struct {
	// Supported says that signatures are verified where they are present.
	Supported bool
	// Digest is covers_content_digest.
	Digest DigestPolicy
	// RequiredFor are operations that refuse a caller who shows neither a
	// signature nor another credential.
	RequiredFor []string
	// WarnFor are operations whose failed signatures are reported and not refused.
	WarnFor []string
	// SupportedFor are further operations that callers should sign.
	SupportedFor []string
	// The same three for methods of JSON-RPC itself, such as "tasks/cancel".
	MethodsRequiredFor, MethodsWarnFor, MethodsSupportedFor []string
	// OpenWebhooks lets callers with another credential say in unsigned requests
	// how webhooks to them are authenticated, which the profile forbids. It is for
	// a sandbox, whose published storyboards do so, and is told to nobody.
	OpenWebhooks bool
}

// NewPolicy reads a capability, our own or, to know what to sign, another
// agent's. A nil capability is the zero Policy.
func NewPolicy(c *adcp.GetAdcpCapabilitiesResponseRequestSigning) (Policy, error) {
	if c == nil {
		return Policy{}, nil
	}
	p := Policy{
		Supported: c.Supported, Digest: DigestEither,
		RequiredFor: c.RequiredFor, WarnFor: c.WarnFor, SupportedFor: c.SupportedFor,
		MethodsRequiredFor:  c.ProtocolMethodsRequiredFor,
		MethodsWarnFor:      c.ProtocolMethodsWarnFor,
		MethodsSupportedFor: c.ProtocolMethodsSupportedFor,
	}
	if c.CoversContentDigest != nil {
		p.Digest = DigestPolicy(*c.CoversContentDigest)
	}
	return p, p.Validate()
}

// Capability is the policy as get_adcp_capabilities states it. What is required
// or warned about is listed as supported too, as the protocol asks.
func (p Policy) Capability() *adcp.GetAdcpCapabilitiesResponseRequestSigning {
	digest := adcp.GetAdcpCapabilitiesResponseRequestSigningCoversContentDigest(p.digest())
	return &adcp.GetAdcpCapabilitiesResponseRequestSigning{
		Supported: p.Supported, CoversContentDigest: &digest,
		RequiredFor: p.RequiredFor, WarnFor: p.WarnFor,
		SupportedFor:                union(p.SupportedFor, p.WarnFor, p.RequiredFor),
		ProtocolMethodsRequiredFor:  p.MethodsRequiredFor,
		ProtocolMethodsWarnFor:      p.MethodsWarnFor,
		ProtocolMethodsSupportedFor: union(p.MethodsSupportedFor, p.MethodsWarnFor, p.MethodsRequiredFor),
	}
}

func union(lists ...[]string) []string {
	var out []string
	for _, name := range slices.Concat(lists...) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func (p Policy) digest() DigestPolicy {
	if p.Digest == "" {
		return DigestEither
	}
	return p.Digest
}

// Validate tells what is wrong with a policy: names of one kind among the
// other, operations that the protocol does not have, a name both required and
// warned about, a digest policy there is none of.
func (p Policy) Validate() error {
	if d := p.digest(); d != DigestEither && d != DigestRequired && d != DigestForbidden {
		return fmt.Errorf("covers_content_digest is %q: it must be required, forbidden or either", d)
	}
	for _, name := range slices.Concat(p.RequiredFor, p.WarnFor, p.SupportedFor) {
		if _, ok := adcp.OperationNamed(name); !ok {
			return fmt.Errorf("%q is no operation of the protocol: list methods of JSON-RPC under protocol_methods", name)
		}
	}
	for _, name := range slices.Concat(p.MethodsRequiredFor, p.MethodsWarnFor, p.MethodsSupportedFor) {
		if !strings.Contains(name, "/") {
			return fmt.Errorf("%q is no method of JSON-RPC: list operations without protocol_methods", name)
		}
	}
	for _, name := range slices.Concat(p.RequiredFor, p.MethodsRequiredFor) {
		if slices.Contains(p.WarnFor, name) || slices.Contains(p.MethodsWarnFor, name) {
			return fmt.Errorf("%q is both required and only warned about", name)
		}
	}
	return nil
}

// Signs tells whether a caller should sign for this counterparty: whether it
// lists the operation or method in any way.
func (p Policy) Signs(i Invocation) bool {
	return p.Supported && (i.in(p.RequiredFor, p.MethodsRequiredFor) ||
		i.in(p.WarnFor, p.MethodsWarnFor) || i.in(p.SupportedFor, p.MethodsSupportedFor))
}

// Wants is [Policy.Signs] for a request with that body, which must also be signed
// where it says how webhooks are authenticated.
func (p Policy) Wants(i Invocation, body []byte) bool {
	return p.Signs(i) || p.Supported && choosesWebhookAuthentication(body) != nil
}

// Invocation is one thing that a request asks for: an operation of the
// protocol, or a method of JSON-RPC itself. Exactly one of the two is set, so
// that a name of one kind never stands for the other.
type Invocation struct{ Operation, Method string }

func (i Invocation) in(operations, methods []string) bool {
	return i.Operation != "" && slices.Contains(operations, i.Operation) ||
		i.Method != "" && slices.Contains(methods, i.Method)
}

// JSONRPCInvocations reads what a JSON-RPC body asks for, as MCP has it:
// tools/call invokes the operation that params.name says, everything else the
// method itself. A batch has several. Names are exact; a body that is no
// JSON-RPC asks for nothing.
func JSONRPCInvocations(body []byte) []Invocation {
	var calls []json.RawMessage
	if json.Unmarshal(body, &calls) != nil {
		calls = []json.RawMessage{body}
	}
	var out []Invocation
	for _, call := range calls {
		var envelope struct {
			Method string `json:"method"`
			Params struct {
				Name string `json:"name"`
			} `json:"params"`
		}
		err := adcp.Unmarshal(call, &envelope)
		switch {
		case err != nil || envelope.Method == "":
		case envelope.Method != "tools/call":
			out = append(out, Invocation{Method: envelope.Method})
		case envelope.Params.Name != "":
			out = append(out, Invocation{Operation: envelope.Params.Name})
		}
	}
	return out
}

// unsigned is the rule for a message without signature headers.
func (p Policy) unsigned(m *Message) *Error {
	required := slices.ContainsFunc(m.Invocations, func(i Invocation) bool { return i.in(p.RequiredFor, p.MethodsRequiredFor) })
	if required && !m.Authenticated {
		return refuse(ReasonRequired, "the operation needs a signature or another credential")
	}
	if p.OpenWebhooks && m.Authenticated {
		return nil
	}
	// Who may choose how webhooks are signed must not be decided by a body that
	// anyone on the way could have changed: here another credential does not help.
	switch err := choosesWebhookAuthentication(m.Body); {
	case errors.Is(err, errUncertain):
		return &Error{Reason: ReasonRequired, Detail: "what the body asks for is uncertain", Err: err}
	case err != nil:
		return &Error{Reason: ReasonRequired, Detail: "webhook authentication is set up by signed requests only", Err: err}
	}
	return nil
}

// warns tells whether a failed signature is reported and not refused.
func (p Policy) warns(m *Message) bool {
	if len(m.Invocations) == 0 {
		return false
	}
	for _, i := range m.Invocations {
		if i.in(p.RequiredFor, p.MethodsRequiredFor) || !i.in(p.WarnFor, p.MethodsWarnFor) {
			return false
		}
	}
	return true
}

var (
	errUncertain = errors.New("the body gives a member twice")
	errChooses   = errors.New("a notification configuration has a member authentication")
)

// choosesWebhookAuthentication looks for push_notification_config.authentication
// and notification_configs[].authentication, at any depth, since transports wrap
// the arguments differently, and for what A2A has in their place.
func choosesWebhookAuthentication(body []byte) error {
	// The name may be written with escapes; most bodies have neither.
	if !bytes.Contains(bytes.ToLower(body), []byte("authentication")) && !bytes.Contains(body, []byte(`\u`)) {
		return nil
	}
	if len(DuplicateNames(body)) > 0 {
		return errUncertain
	}
	var doc any
	// What is no JSON configures nothing.
	if err := json.Unmarshal(body, &doc); err == nil && findsAuthentication(doc) {
		return errChooses
	}
	return nil
}

// configurations are the members that hold one notification configuration: the
// protocol's, A2A's in both releases, and the parameters of the A2A methods that
// register one. Readers may take any case for another, so this one does.
var configurations = []string{"push_notification_config", "pushNotificationConfig", "taskPushNotificationConfig", "params"}

func findsAuthentication(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, findsAuthentication)
	case map[string]any:
		for name, inner := range v {
			if slices.ContainsFunc(configurations, func(c string) bool { return strings.EqualFold(c, name) }) && authenticates(inner) {
				return true
			}
			if list, ok := inner.([]any); ok && strings.EqualFold(name, "notification_configs") && slices.ContainsFunc(list, authenticates) {
				return true
			}
			if findsAuthentication(inner) {
				return true
			}
		}
	}
	return false
}

func authenticates(v any) bool {
	config, ok := v.(map[string]any)
	if !ok {
		return false
	}
	for name, value := range config {
		if !strings.EqualFold(name, "authentication") {
			continue
		}
		switch a := value.(type) {
		case nil:
		case map[string]any:
			if len(a) > 0 {
				return true
			}
		default:
			return true
		}
	}
	return false
}
