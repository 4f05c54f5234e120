package a2a

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// JSON-RPC error codes: JSON-RPC's own, A2A's, and those that the protocol
// reserves for refusals before dispatch.
const (
	codeParse          = -32700
	codeInvalidRequest = -32600
	codeInvalidParams  = -32602
	codeMethod         = -32601
	codeNoPush         = -32003
	codeContentType    = -32005
	codeVersion        = -32009
	codeUnauthorized   = -32028
	codeUnavailable    = -32027
)

// Method names of A2A 1.0.
const (
	methodSend         = "SendMessage"
	methodStream       = "SendStreamingMessage"
	methodGet          = "GetTask"
	methodList         = "ListTasks"
	methodCancel       = "CancelTask"
	methodSubscribe    = "SubscribeToTask"
	methodPushSet      = "CreateTaskPushNotificationConfig"
	methodPushGet      = "GetTaskPushNotificationConfig"
	methodPushList     = "ListTaskPushNotificationConfigs"
	methodPushDelete   = "DeleteTaskPushNotificationConfig"
	methodExtendedCard = "GetExtendedAgentCard"
)

// methods10 are the methods of 1.0; all but the two that send need a principal.
var methods10 = map[string]bool{
	methodSend: true, methodStream: true, methodGet: true, methodList: true, methodCancel: true,
	methodSubscribe: true, methodPushSet: true, methodPushGet: true, methodPushList: true,
	methodPushDelete: true, methodExtendedCard: true,
}

// misfit is a message that cannot be made a call of: what JSON-RPC calls it,
// what is wrong, and what to send instead.
type misfit struct {
	code                int64
	message, suggestion string
}

func (m *misfit) refusal() *adcp.Error {
	code := adcp.CodeInvalidRequest
	if m.code == codeNoPush {
		code = adcp.CodeUnsupportedFeature
	}
	return adcp.NewError(code, "", m.message).WithSuggestion(m.suggestion)
}

// envelope is a JSON-RPC request.
type envelope struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// parse reads the JSON-RPC request, or tells why it cannot be read.
func parse(body []byte) (envelope, *misfit) {
	const send = "Send one JSON-RPC 2.0 request, such as SendMessage."
	var msg envelope
	body = bytes.TrimSpace(body)
	switch {
	case !utf8.Valid(body):
		return msg, &misfit{codeParse, "The body is not valid UTF-8.", send}
	case !json.Valid(body):
		return msg, &misfit{codeParse, "The body is not valid JSON.", send}
	case body[0] == '[':
		return msg, &misfit{codeInvalidRequest, "Batches are not served.", send}
	case body[0] != '{':
		return msg, &misfit{codeInvalidRequest, "The body is not a JSON-RPC request.", send}
	}
	if json.Unmarshal(body, &msg) != nil {
		return msg, &misfit{codeInvalidRequest, "The body is not a JSON-RPC request.", send}
	}
	return msg, nil
}

// invocation is what a message asks for: a skill and its arguments as they
// came. It is the only reading of them; what the SDK decodes is not used.
type invocation struct {
	skill string
	input json.RawMessage
	// push is the A2A push notification configuration that came with the
	// message, as it came, or nil.
	push json.RawMessage
	// task is the A2A task that the message continues, or "", and said what it says
	// to it.
	task string
	said agent.TaskInput
	// follows tells that the caller would rather have the agent's own task, where the
	// answer is one, than the answer.
	follows bool
}

// maxParts bounds the parts of a message; a call needs one.
const maxParts = 16

// sent is the part of a message's parameters that makes a call. Both
// releases of A2A read the same here.
type sent struct {
	Message struct {
		TaskID string                       `json:"taskId"`
		Parts  []map[string]json.RawMessage `json:"parts"`
	} `json:"message"`
	Configuration struct {
		// Blocking is 0.3's, ReturnImmediately 1.0's.
		Blocking          *bool `json:"blocking"`
		ReturnImmediately bool  `json:"returnImmediately"`

		Push10 json.RawMessage `json:"taskPushNotificationConfig"`
		Push03 json.RawMessage `json:"pushNotificationConfig"`
	} `json:"configuration"`
	Push json.RawMessage `json:"pushNotificationConfig"`
}

// readInvocation finds the one data part of a message. The documentation of
// 3.1 names the arguments "parameters", and graders send them so; 3.2 names them
// "input" and, where its profile is activated, nothing else is taken for them.
// Texts are for people and are passed over. A file is refused: what it should
// become would be a guess, and requests have fields for assets.
func readInvocation(params json.RawMessage, strict bool) (invocation, *misfit) {
	const send = `Send one data part {"skill": "<task>", "input": {…}}; the agent card lists the skills.`
	var inv invocation
	var s sent
	if json.Unmarshal(params, &s) != nil {
		return inv, &misfit{codeInvalidParams, "The message cannot be read.", send}
	}
	if len(s.Message.Parts) > maxParts {
		return inv, &misfit{codeInvalidParams, "The message has too many parts.", send}
	}
	inv.task = s.Message.TaskID
	inv.follows = s.Configuration.ReturnImmediately || s.Configuration.Blocking != nil && !*s.Configuration.Blocking
	var data json.RawMessage
	for _, part := range s.Message.Parts {
		switch {
		case part["data"] != nil && data != nil:
			return inv, &misfit{codeInvalidParams, "The message has more than one data part.", send}
		case part["data"] != nil:
			data = part["data"]
		case part["file"] != nil, part["url"] != nil, part["raw"] != nil:
			return inv, &misfit{
				codeContentType, "Files are not taken as parts of a message.",
				"Name the file in the request's own fields, such as a creative's assets.",
			}
		}
	}
	var fields map[string]json.RawMessage
	if inv.task != "" {
		inv.said = agent.TaskInput{Text: texts(s.Message.Parts), Data: data}
		if json.Unmarshal(data, &fields) != nil || fields["skill"] == nil {
			return inv, nil // It answers what the task asked, in no form of ours.
		}
	}
	if data == nil {
		return inv, &misfit{codeInvalidParams, "The message has no data part; text alone is not understood.", send}
	}
	if json.Unmarshal(data, &fields) != nil || json.Unmarshal(fields["skill"], &inv.skill) != nil || inv.skill == "" {
		return inv, &misfit{codeInvalidParams, "The data part names no skill.", send}
	}
	for name, value := range fields {
		switch {
		case name == "skill":
		case name == "input", name == "parameters" && !strict:
			if inv.input != nil {
				return inv, &misfit{codeInvalidParams, "The data part has both input and parameters.", send}
			}
			inv.input = value
		case strict:
			return inv, &misfit{codeInvalidParams, "The data part has more than skill and input.", send}
		}
	}
	if strict && inv.input == nil {
		return inv, &misfit{codeInvalidParams, "The data part has no input.", send}
	}
	if inv.task != "" {
		inv.said.Data = inv.input
	}
	for _, push := range []json.RawMessage{s.Configuration.Push10, s.Configuration.Push03, s.Push} {
		if len(push) > 0 && string(push) != "null" {
			inv.push = push
			break
		}
	}
	return inv, nil
}

// texts are a message's texts, a line each.
func texts(parts []map[string]json.RawMessage) string {
	var lines []string
	for _, part := range parts {
		var text string
		if json.Unmarshal(part["text"], &text) == nil && text != "" {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, "\n")
}
