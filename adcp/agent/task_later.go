package agent

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"

	"github.com/upfront-media/upfront/adcp"
)

// later is what a handler returns in the place of an error to answer later.
type later struct {
	status  adcp.TaskStatus
	message string
}

// Error implements error, for handlers that are called by no agent.
func (l *later) Error() string { return "the answer comes later: " + string(l.status) }

// Submitted is returned by a handler in the place of an error: the work is accepted
// and waits for somebody or something outside, for minutes or days. The caller gets
// status "submitted" and the identifier of a task, which [Tasks.Complete] and its
// like end. The message tells people what is waited for; "" is none.
//
//	return nil, agent.Submitted("The sales desk signs orders by hand.")
//
// The task has the identifier of [Call.TaskID] and is there before the caller is
// answered. A handler that is run again for its idempotency key finds the task that
// its first run made: the caller then gets what has become of it.
func Submitted(message string) error { return &later{adcp.TaskStatusSubmitted, message} }

// Working is [Submitted] for work that the agent is doing now and expects to end
// within two minutes.
func Working(message string) error { return &later{adcp.TaskStatusWorking, message} }

// InputRequired is [Submitted] for work that needs an answer of the caller's first,
// which [TasksConfig].Answered gets.
func InputRequired(question string) error {
	return &later{adcp.TaskStatusInputRequired, question}
}

// TaskID is the identifier that the call's task has, if it gets one. It is the same
// for every run of one request under its idempotency key, and made up for a request
// without a key.
func (c *Call) TaskID() string {
	if c.taskID == "" && c.IdempotencyKey == "" {
		c.taskID = "task_" + strings.ToLower(rand.Text())
	}
	if c.taskID == "" {
		sum := sha256.Sum256([]byte(strings.Join([]string{c.Tenant, c.Principal, c.scope, c.Operation.Name, c.IdempotencyKey}, "\x00")))
		c.taskID = "task_" + hex.EncodeToString(sum[:16])
	}
	return c.taskID
}

// pushMember is the request's field that says whom to tell.
const pushMember = "push_notification_config"

// readPush reads whom to tell of the call's task, and refuses what the agent could
// not honor before there is a task. Where the agent's tasks are not the kit's, the
// field is the handlers' to read.
func (a *Agent) readPush(call *Call, doc *document) *adcp.Error {
	if a.tasks == nil {
		return nil
	}
	for _, m := range doc.members {
		if m.name != pushMember || string(m.value) == "null" {
			continue
		}
		if a.tasks.cfg.Notifier == nil {
			return adcp.NewError(adcp.CodeUnsupportedFeature, pushMember, "This agent sends no push notifications.").
				WithSuggestion("Follow the task with get_task_status.")
		}
		push := new(adcp.PushNotificationConfig)
		if err := adcp.Unmarshal(m.value, push); err != nil {
			return undecodable(err)
		}
		if refusal := a.tasks.cfg.Notifier.CheckPush(push); refusal != nil {
			return refusal
		}
		call.push = push
	}
	return nil
}

// answerLater makes the call's task and answers with it.
func (a *Agent) answerLater(ctx context.Context, call *Call, l *later) (served, error) {
	if a.tasks == nil {
		return served{}, errors.New("a handler answers later and the agent has no Tasks; see HandleTasks")
	}
	if call.Anonymous {
		// A task needs an owner who can ask for it.
		return served{}, adcp.NewError(adcp.CodeAuthMissing, "", "This request is answered later, to callers with a credential.").
			WithSuggestion("Send the header Authorization: Bearer with your key.")
	}
	now := call.Now
	t := &Task{
		Tenant: call.Tenant, ID: call.TaskID(), Principal: call.Principal, AccountID: call.account, Type: call.Operation.Name,
		Status: l.status, Message: l.message, Context: bytes.Clone(call.context), CreatedAt: now, UpdatedAt: now, Revision: 1,
	}
	if l.status == adcp.TaskStatusInputRequired {
		if err := a.tasks.ask(t, l.message); err != nil {
			return served{}, err
		}
	}
	body, err := a.standing(call, t)
	if err != nil {
		return served{}, err
	}
	err = a.tasks.open(ctx, t, call.push)
	if !errors.Is(err, ErrTaskExists) {
		return body, err
	}
	// An earlier run has made it, and somebody may have ended it since.
	if t, err = a.tasks.Task(ctx, call.Tenant, t.ID); err != nil {
		return served{}, err
	}
	switch {
	case t.Status == adcp.TaskStatusCompleted:
		return a.seal(call.Operation, answer{rest: t.Result}, call.Version, nil, 0)
	case t.Error != nil:
		return served{}, t.Error
	}
	return a.standing(call, t)
}

// standing is the answer that names a task and says where it stands. Its form is
// the operation's own, or what the protocol publishes beside it for the status.
func (a *Agent) standing(call *Call, t *Task) (served, error) {
	raw, err := json.Marshal(struct {
		Status  adcp.TaskStatus `json:"status"`
		TaskID  string          `json:"task_id"`
		Message string          `json:"message,omitempty"`
	}{t.Status, t.ID, t.Message})
	if err != nil {
		return served{}, err
	}
	sealed, err := sealInner(raw, call.Version, "")
	if err != nil {
		return served{}, err
	}
	body := sealed.body
	aside := strings.TrimSuffix(call.Operation.ResponseSchema, "response.json") + "async-response-" + string(t.Status) + ".json"
	if a.cfg.Responses == CheckResponses && adcp.ValidateResponse(call.Operation, body) != nil && adcp.ValidateDocument(aside, body) != nil {
		return served{}, errors.New("the protocol has no answer " + string(t.Status) + " for " + call.Operation.Name)
	}
	return served{inner: body, message: t.Message}, nil
}
