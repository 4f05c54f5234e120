package a2a

import (
	"encoding/json"

	sdk "github.com/a2aproject/a2a-go/v2/a2a"
)

// methodsOf03 are the methods of A2A 0.3 and what 1.0 calls them.
var methodsOf03 = map[string]string{
	"message/send":                        methodSend,
	"message/stream":                      methodStream,
	"tasks/get":                           methodGet,
	"tasks/cancel":                        methodCancel,
	"tasks/resubscribe":                   methodSubscribe,
	"tasks/pushNotificationConfig/set":    methodPushSet,
	"tasks/pushNotificationConfig/get":    methodPushGet,
	"tasks/pushNotificationConfig/list":   methodPushList,
	"tasks/pushNotificationConfig/delete": methodPushDelete,
	"agent/getAuthenticatedExtendedCard":  methodExtendedCard,
}

// to10 says a request of 0.3 in 1.0. Only what is answered from is carried
// over: the invocation itself has been read, and stands beside the message.
func to10(msg envelope, c *call) ([]byte, bool) {
	var params struct {
		ID      string          `json:"id"`
		TaskID  string          `json:"taskId"`
		PushID  string          `json:"pushNotificationConfigId"`
		Push    json.RawMessage `json:"pushNotificationConfig"`
		Message struct {
			ID        string `json:"messageId"`
			ContextID string `json:"contextId"`
			TaskID    string `json:"taskId"`
		} `json:"message"`
	}
	if len(msg.Params) > 0 && json.Unmarshal(msg.Params, &params) != nil {
		return nil, false
	}
	var up any
	switch c.method {
	case methodSend, methodStream:
		up = sdk.SendMessageRequest{Message: &sdk.Message{
			ID: params.Message.ID, ContextID: params.Message.ContextID, TaskID: sdk.TaskID(params.Message.TaskID),
			Role: sdk.MessageRoleUser, Parts: sdk.ContentParts{sdk.NewTextPart(c.invocation.skill)},
		}}
	case methodPushSet:
		set := struct {
			TaskID string `json:"taskId"`
			pushed
		}{TaskID: params.TaskID}
		if json.Unmarshal(params.Push, &set.pushed) != nil {
			return nil, false
		}
		if a := set.Authentication; a != nil && a.Scheme == "" && len(a.Schemes) > 0 {
			a.Scheme, a.Schemes = a.Schemes[0], nil
		}
		up = set
	case methodPushGet, methodPushList, methodPushDelete:
		up = map[string]string{"taskId": params.ID, "id": params.PushID}
	default:
		up = map[string]string{"id": params.ID}
	}
	body, err := json.Marshal(struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Method  string          `json:"method"`
		Params  any             `json:"params"`
	}{"2.0", replyID(msg.ID), c.method, up})
	return body, err == nil
}

// from10 says a response of 1.0 in 0.3. An error is the same in both.
func from10(doc []byte, c *call) []byte {
	var msg struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Result  json.RawMessage `json:"result,omitempty"`
		Error   json.RawMessage `json:"error,omitempty"`
	}
	if json.Unmarshal(doc, &msg) != nil || len(msg.Error) > 0 || len(msg.Result) == 0 && c.method != methodPushDelete {
		return doc
	}
	var result any
	switch c.method {
	case methodPushSet, methodPushGet, methodPushList, methodPushDelete:
		result = push03(c.method, msg.Result)
	case methodSend, methodStream, methodSubscribe:
		var event sdk.StreamResponse
		if json.Unmarshal(msg.Result, &event) != nil {
			return doc
		}
		result = event03(event.Event)
	default:
		task := new(sdk.Task)
		if json.Unmarshal(msg.Result, task) != nil {
			return doc
		}
		result = task03(task)
	}
	raw, err := json.Marshal(result)
	if err != nil {
		return doc
	}
	msg.Result = raw
	out, err := json.Marshal(msg)
	if err != nil {
		return doc
	}
	return out
}

// pushed is a push notification configuration in the words of both releases: one
// scheme in 1.0 and a list of them in 0.3.
type pushed struct {
	ID             string `json:"id,omitempty"`
	URL            string `json:"url"`
	Token          string `json:"token,omitempty"`
	Authentication *struct {
		Scheme      string   `json:"scheme,omitempty"`
		Schemes     []string `json:"schemes,omitempty"`
		Credentials string   `json:"credentials,omitempty"`
	} `json:"authentication,omitempty"`
}

// push03 says the answer of a method on configurations in 0.3, which has the task's
// identifier beside them.
func push03(method string, result json.RawMessage) any {
	type beside struct {
		TaskID string `json:"taskId"`
		Config pushed `json:"pushNotificationConfig"`
	}
	of := func(c *sdk.PushConfig) beside { return beside{string(c.TaskID), pushed{ID: c.ID, URL: c.URL}} }
	switch method {
	case methodPushDelete:
		return nil
	case methodPushList:
		list := []beside{}
		var response sdk.ListTaskPushConfigResponse
		if json.Unmarshal(result, &response) == nil {
			for _, c := range response.Configs {
				list = append(list, of(c))
			}
		}
		return list
	}
	var c sdk.PushConfig
	_ = json.Unmarshal(result, &c) // the SDK has written it
	return of(&c)
}

// part03 is a part of 0.3, told by its kind.
type part03 struct {
	Kind string `json:"kind"`
	Text string `json:"text,omitempty"`
	Data any    `json:"data,omitempty"`
}

type message03 struct {
	Kind      string   `json:"kind"`
	ID        string   `json:"messageId"`
	Role      string   `json:"role"`
	Parts     []part03 `json:"parts"`
	TaskID    string   `json:"taskId,omitempty"`
	ContextID string   `json:"contextId,omitempty"`
}

type status03 struct {
	State     string     `json:"state"`
	Message   *message03 `json:"message,omitempty"`
	Timestamp string     `json:"timestamp,omitempty"`
}

type artifact03 struct {
	ID       string         `json:"artifactId"`
	Name     string         `json:"name,omitempty"`
	Parts    []part03       `json:"parts"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

type taskEvent03 struct {
	Kind      string       `json:"kind"`
	ID        string       `json:"id,omitempty"`
	TaskID    string       `json:"taskId,omitempty"`
	ContextID string       `json:"contextId"`
	Status    *status03    `json:"status,omitempty"`
	Artifacts []artifact03 `json:"artifacts,omitempty"`
	Artifact  *artifact03  `json:"artifact,omitempty"`
	LastChunk bool         `json:"lastChunk,omitempty"`
	Final     *bool        `json:"final,omitempty"`
}

func event03(e sdk.Event) any {
	switch e := e.(type) {
	case *sdk.Task:
		return task03(e)
	case *sdk.TaskArtifactUpdateEvent:
		a := artifactOf03(e.Artifact)
		return taskEvent03{
			Kind: "artifact-update", TaskID: string(e.TaskID), ContextID: e.ContextID,
			Artifact: &a, LastChunk: e.LastChunk,
		}
	case *sdk.TaskStatusUpdateEvent:
		return taskEvent03{
			Kind: "status-update", TaskID: string(e.TaskID), ContextID: e.ContextID,
			Status: statusOf03(e.Status), Final: new(e.Status.State.Terminal()),
		}
	}
	return nil
}

func task03(t *sdk.Task) taskEvent03 {
	out := taskEvent03{Kind: "task", ID: string(t.ID), ContextID: t.ContextID, Status: statusOf03(t.Status)}
	for _, a := range t.Artifacts {
		out.Artifacts = append(out.Artifacts, artifactOf03(a))
	}
	return out
}

func artifactOf03(a *sdk.Artifact) artifact03 {
	return artifact03{ID: string(a.ID), Name: a.Name, Parts: partsOf03(a.Parts), Metadata: a.Metadata}
}

func statusOf03(s sdk.TaskStatus) *status03 {
	out := &status03{State: statusOf(string(s.State))}
	if s.Timestamp != nil {
		out.Timestamp = s.Timestamp.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if m := s.Message; m != nil {
		out.Message = &message03{
			Kind: "message", ID: m.ID, Role: "agent", Parts: partsOf03(m.Parts),
			TaskID: string(m.TaskID), ContextID: m.ContextID,
		}
	}
	return out
}

func partsOf03(parts sdk.ContentParts) []part03 {
	out := make([]part03, 0, len(parts))
	for _, p := range parts {
		switch content := p.Content.(type) {
		case sdk.Text:
			out = append(out, part03{Kind: "text", Text: string(content)})
		case sdk.Data:
			out = append(out, part03{Kind: "data", Data: content.Value})
		}
	}
	return out
}
