package a2a

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	sdk "github.com/a2aproject/a2a-go/v2/a2a"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// cardName is where the agent card is; oldCardName is where callers of early
// releases, and the protocol's graders, look first.
const (
	cardName    = "/.well-known/agent-card.json"
	oldCardName = "/.well-known/agent.json"
)

// cardPath tells whether a path is that of the card, and of which endpoint.
func cardPath(path string) (endpoint string, ok bool) {
	for _, name := range []string{cardName, oldCardName} {
		if endpoint, ok := strings.CutSuffix(path, name); ok {
			return endpoint, true
		}
	}
	return "", false
}

// serveCard answers with the card as the caller may see it: without a
// credential, the skills that need none.
func (h *handler) serveCard(w http.ResponseWriter, r *http.Request, endpoint string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "The agent card is read with GET.", http.StatusMethodNotAllowed)
		return
	}
	sender := h.agent.Identify(r, nil)
	if status, challenge := sender.HTTPRefusal("", sender.Refusal, h.opts.ResourceMetadata); status != http.StatusOK {
		if challenge != "" {
			w.Header().Set("WWW-Authenticate", challenge)
		}
		writeJSON(w, status, h.agent.Refuse(sender.Refusal, nil).Body)
		return
	}
	card, err := json.Marshal(h.card(r, sender.Caller, endpoint))
	if err != nil {
		h.log.ErrorContext(r.Context(), "agent card could not be encoded", "error", err)
		http.Error(w, "The agent card is not available.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Vary", "Authorization")
	writeJSON(w, http.StatusOK, card)
}

// answerCard is the card as the result of a method.
func (h *handler) answerCard(w http.ResponseWriter, r *http.Request, id json.RawMessage, caller agent.Caller) {
	card, err := json.Marshal(h.card(r, caller, strings.TrimSuffix(r.URL.Path, "/")))
	if err != nil {
		h.log.ErrorContext(r.Context(), "agent card could not be encoded", "error", err)
		http.Error(w, "The agent card is not available.", http.StatusInternalServerError)
		return
	}
	var b bytes.Buffer
	b.WriteString(`{"jsonrpc":"2.0","id":`)
	b.Write(replyID(id))
	b.WriteString(`,"result":`)
	b.Write(card)
	b.WriteByte('}')
	writeJSON(w, http.StatusOK, b.Bytes())
}

// card is the agent card of 1.0 with the fields that readers of 0.3 look for.
type card struct {
	sdk.AgentCard
	URL                string                  `json:"url"`
	ProtocolVersion    string                  `json:"protocolVersion"`
	PreferredTransport sdk.TransportProtocol   `json:"preferredTransport"`
	Additional         []additional            `json:"additionalInterfaces"`
	ExtendedCard       bool                    `json:"supportsAuthenticatedExtendedCard"`
	Schemes            map[string]schemeOfBoth `json:"securitySchemes"`
	Skills             []skill                 `json:"skills"`
}

type additional struct {
	URL       string                `json:"url"`
	Transport sdk.TransportProtocol `json:"transport"`
}

// skill is a skill with the requirement as 0.3 has it.
type skill struct {
	sdk.AgentSkill
	Security []map[string][]string `json:"security,omitempty"`
}

// schemeOfBoth is an HTTP scheme as 0.3 has it, and as 1.0 does.
type schemeOfBoth struct {
	Type   string                     `json:"type"`
	Scheme string                     `json:"scheme"`
	HTTP   sdk.HTTPAuthSecurityScheme `json:"httpAuthSecurityScheme"`
}

func (h *handler) card(r *http.Request, caller agent.Caller, endpoint string) card {
	url := h.opts.URL
	if url == "" {
		url = endpoint
	}
	if url == "" || url[0] == '/' {
		scheme := "http://"
		if r.TLS != nil {
			scheme = "https://"
		}
		url = scheme + r.Host + url
	}
	c := card{
		AgentCard: sdk.AgentCard{
			Name: h.agent.Name(), Version: h.agent.Version(), Description: h.opts.Description,
			DefaultInputModes: []string{"application/json"}, DefaultOutputModes: []string{"application/json"},
			Capabilities: sdk.AgentCapabilities{
				Streaming: true, PushNotifications: h.opts.PushNotifications, ExtendedAgentCard: true,
				Extensions: []sdk.AgentExtension{{URI: extension, Description: "Skills are tasks of the Ad Context Protocol: one data part with skill and input."}},
			},
			SupportedInterfaces: []*sdk.AgentInterface{
				{URL: url, ProtocolBinding: sdk.TransportProtocolJSONRPC, ProtocolVersion: "1.0"},
				{URL: url, ProtocolBinding: sdk.TransportProtocolJSONRPC, ProtocolVersion: "0.3"},
			},
		},
		URL: url, ProtocolVersion: "0.3.0", PreferredTransport: sdk.TransportProtocolJSONRPC,
		Additional: []additional{{URL: url, Transport: sdk.TransportProtocolJSONRPC}}, ExtendedCard: true,
		Schemes: map[string]schemeOfBoth{
			"bearer": {Type: "http", Scheme: "bearer", HTTP: sdk.HTTPAuthSecurityScheme{Scheme: "Bearer"}},
			"basic":  {Type: "http", Scheme: "basic", HTTP: sdk.HTTPAuthSecurityScheme{Scheme: "Basic"}},
		},
		Skills: []skill{},
	}
	for _, op := range h.agent.Operations(caller) {
		s := skill{AgentSkill: sdk.AgentSkill{ID: op.Name, Name: op.Name, Description: op.Summary, Tags: []string{"adcp", op.Protocol}}}
		if op.Access != adcp.AccessPublic {
			s.SecurityRequirements = sdk.SecurityRequirementsOptions{{"bearer": {}}, {"basic": {}}}
			s.Security = []map[string][]string{{"bearer": {}}, {"basic": {}}}
		}
		c.Skills = append(c.Skills, s)
	}
	return c
}
