package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// told is a notifier that writes down what it is told.
type told struct {
	refuse *adcp.Error
	fail   error
	log    []string
}

func (n *told) CheckPush(*adcp.PushNotificationConfig) *adcp.Error { return n.refuse }

func (n *told) TaskOpened(_ context.Context, t *agent.Task, push *adcp.PushNotificationConfig) error {
	n.log = append(n.log, "opened "+string(t.Status)+" for "+push.URL)
	return n.fail
}

func (n *told) TaskChanged(_ context.Context, t *agent.Task) error {
	n.log = append(n.log, string(t.Status)+" "+string(t.Result))
	return n.fail
}

// slow is an agent whose create_media_buy answers later.
type slow struct {
	*bundle
	tasks    *agent.Tasks
	notifier *told
	answer   error
	answered []agent.TaskInput
}

func setupSlow(t *testing.T) *slow {
	t.Helper()
	s := &slow{bundle: setup(t), notifier: &told{}, answer: agent.Submitted("The sales desk signs orders by hand.")}
	s.tasks = agent.NewTasks(agent.TasksConfig{
		Clock: stopped(morning), Notifier: s.notifier,
		Answered: func(_ context.Context, _ *agent.Task, in agent.TaskInput) error {
			if in.Text == "nonsense" {
				return adcp.NewError(adcp.CodeValidationError, "message", "That is no answer.")
			}
			s.answered = append(s.answered, in)
			return nil
		},
		Cancel: func(_ context.Context, t *agent.Task) error {
			if t.Status == adcp.TaskStatusWorking {
				return adcp.NewError(adcp.CodeInvalidState, "", "It is too late.")
			}
			return nil
		},
	})
	agent.HandleTasks(s.Agent, s.tasks)
	s.create = func(context.Context, *agent.Call, *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		s.created++
		return nil, s.answer
	}
	return s
}

// order places an order that is answered later, and gives the answer's members.
func (s *slow) order(t *testing.T, change map[string]any) map[string]any {
	t.Helper()
	return members(t, do(s.bundle, "create_media_buy", variant(t, change), acme))
}

func members(t *testing.T, r agent.Response) map[string]any {
	t.Helper()
	if r.Error != nil {
		t.Fatalf("refused: %s", r.Body)
	}
	var m map[string]any
	if err := json.Unmarshal(r.Body, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func (s *slow) status(t *testing.T, id any) map[string]any {
	t.Helper()
	return members(t, do(s.bundle, "get_task_status", fmt.Sprintf(`{"task_id":%q,"include_result":true,"include_history":true}`, id), acme))
}

func TestAnswerLater(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, tt := range []struct {
		answer  error
		status  string
		message string
	}{
		{agent.Submitted("A person signs."), "submitted", "A person signs."},
		{agent.Working(""), "working", ""},
		{agent.InputRequired("Which flight?"), "input-required", "Which flight?"},
	} {
		t.Run(tt.status, func(t *testing.T) {
			t.Parallel()
			s := setupSlow(t)
			s.answer = tt.answer
			got := s.order(t, map[string]any{"context": map[string]any{"mine": 1}})
			id, _ := got["task_id"].(string)
			if got["status"] != tt.status || !strings.HasPrefix(id, "task_") || got["media_buy_id"] != nil {
				t.Fatalf("answer %v", got)
			}
			if m, _ := got["message"].(string); m != tt.message {
				t.Errorf("message %q", m)
			}
			state := s.status(t, id)
			if state["status"] != tt.status || state["task_type"] != "create_media_buy" || state["protocol"] != "media-buy" || state["result"] != nil {
				t.Errorf("task %v", state)
			}

			if err := s.tasks.Complete(ctx, "pub", id, booked("mb_7", morning)); err != nil {
				t.Fatal(err)
			}
			state = s.status(t, id)
			result, _ := state["result"].(map[string]any)
			if state["status"] != "completed" || result["media_buy_id"] != "mb_7" || result["status"] != "completed" || state["completed_at"] == nil {
				t.Errorf("task once completed: %v", state)
			}
			if err := s.tasks.Complete(ctx, "pub", id, booked("mb_7", morning)); err != nil {
				t.Errorf("completing again: %v", err)
			}
			if err := s.tasks.Fail(ctx, "pub", id, adcp.NewError(adcp.CodeServiceUnavailable, "", "No.")); !errors.Is(err, agent.ErrTaskMove) {
				t.Errorf("a completed task failed: %v", err)
			}
		})
	}
}

func TestARetryFindsItsTask(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("a submitted answer is given again, whatever has become of the task", func(t *testing.T) {
		t.Parallel()
		s := setupSlow(t)
		first := s.order(t, nil)
		if err := s.tasks.Complete(ctx, "pub", first["task_id"].(string), booked("mb_1", morning)); err != nil {
			t.Fatal(err)
		}
		again := s.order(t, nil)
		if again["status"] != "submitted" || again["task_id"] != first["task_id"] || again["replayed"] != true || s.created != 1 {
			t.Errorf("after %d runs: %v", s.created, again)
		}
	})
	t.Run("a handler that is run again finds what has become of its task", func(t *testing.T) {
		t.Parallel()
		s := setupSlow(t)
		s.answer = agent.InputRequired("Which?") // is not remembered under the key
		first := s.order(t, nil)
		if again := s.order(t, nil); again["task_id"] != first["task_id"] || again["status"] != "input-required" || s.created != 2 {
			t.Errorf("after %d runs: %v", s.created, again)
		}
		if err := s.tasks.Complete(ctx, "pub", first["task_id"].(string), booked("mb_1", morning)); err != nil {
			t.Fatal(err)
		}
		if done := s.order(t, nil); done["status"] != "completed" || done["media_buy_id"] != "mb_1" {
			t.Errorf("once completed: %v", done)
		}
	})
	t.Run("or the error that it has ended with", func(t *testing.T) {
		t.Parallel()
		s := setupSlow(t)
		s.answer = agent.InputRequired("Which?")
		first := s.order(t, nil)
		if err := s.tasks.Reject(ctx, "pub", first["task_id"].(string), adcp.NewError(adcp.CodePolicyViolation, "", "Not here.")); err != nil {
			t.Fatal(err)
		}
		if got := code(t, do(s.bundle, "create_media_buy", variant(t, nil), acme)); got != adcp.CodePolicyViolation {
			t.Errorf("got %q", got)
		}
	})
}

func TestAnswerLaterIsRefused(t *testing.T) {
	t.Parallel()
	later := func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
		return nil, agent.Submitted("")
	}
	t.Run("without Tasks it is a fault", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.get = later
		if got := code(t, do(b, "get_products", brief, acme)); got != adcp.CodeServiceUnavailable || !strings.Contains(b.logged(), "HandleTasks") {
			t.Errorf("got %q, log %s", got, b.logged())
		}
	})
	t.Run("nobody owns a task without a credential", func(t *testing.T) {
		t.Parallel()
		s := setupSlow(t)
		s.get = later
		if got := code(t, do(s.bundle, "get_products", brief, none)); got != adcp.CodeAuthMissing {
			t.Errorf("got %q", got)
		}
		if got := members(t, do(s.bundle, "get_products", brief, acme)); got["status"] != "submitted" {
			t.Errorf("with one: %v", got)
		}
	})
	t.Run("an operation without such an answer makes no task", func(t *testing.T) {
		t.Parallel()
		s := setupSlow(t)
		agent.Handle(s.Agent, adcp.ListAccounts, func(context.Context, *agent.Call, *adcp.ListAccountsRequest) (*adcp.ListAccountsResponse, error) {
			return nil, agent.Submitted("")
		})
		if got := code(t, do(s.bundle, "list_accounts", `{}`, acme)); got != adcp.CodeServiceUnavailable {
			t.Errorf("got %q", got)
		}
		if got := members(t, do(s.bundle, "list_tasks", `{}`, acme)); len(got["tasks"].([]any)) != 0 {
			t.Errorf("tasks %v", got)
		}
	})
	t.Run("an answer that breaks the schema completes nothing", func(t *testing.T) {
		t.Parallel()
		s := setupSlow(t)
		id := s.order(t, nil)["task_id"].(string)
		if err := s.tasks.Complete(context.Background(), "pub", id, map[string]any{"media_buy_id": 7}); err == nil {
			t.Error("it was taken")
		}
		if got := s.status(t, id)["status"]; got != "submitted" {
			t.Errorf("the task is %v", got)
		}
	})
}

// A task that is somebody else's, or out of the credential's reach, looks byte for
// byte like one that does not exist, whatever is tried with it.
func TestTasksOfOthersDoNotExist(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := setupSlow(t)
	s.answer = agent.InputRequired("Which?")
	id := s.order(t, nil)["task_id"].(string)
	const every = "get_task_status list_tasks create_media_buy"
	narrow := func(account string) agent.Caller {
		return agent.Caller{Tenant: "pub", Principal: "acme", Permission: &grant{operations: every, accounts: account}}
	}
	for name, caller := range map[string]agent.Caller{
		"another principal":   {Tenant: "pub", Principal: "nova"},
		"another tenant":      {Tenant: "elsewhere", Principal: "acme"},
		"a credential beside": narrow("acc_9"),
	} {
		t.Run(name, func(t *testing.T) {
			ask := func(id string) string {
				return string(s.DoAs(ctx, caller, agent.Request{
					Operation: "get_task_status", Arguments: json.RawMessage(fmt.Sprintf(`{"task_id":%q}`, id)),
				}).Body)
			}
			if got, want := ask(id), ask("task_none"); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			_, there := s.AnswerTask(ctx, caller, id, agent.TaskInput{Text: "this"})
			_, none := s.AnswerTask(ctx, caller, "task_none", agent.TaskInput{Text: "this"})
			if there == nil || there.Error() != none.Error() {
				t.Errorf("answering: %v, %v", there, none)
			}
			_, there = s.CancelTask(ctx, caller, id)
			_, none = s.CancelTask(ctx, caller, "task_none")
			if there == nil || there.Error() != none.Error() {
				t.Errorf("canceling: %v, %v", there, none)
			}
			if list, err := s.TasksOf(ctx, caller); err != nil || len(list) != 0 {
				t.Errorf("listing: %v, %v", list, err)
			}
			list := s.DoAs(ctx, caller, agent.Request{Operation: "list_tasks"})
			if strings.Contains(string(list.Body), id) {
				t.Errorf("list_tasks: %s", list.Body)
			}
		})
	}
	if _, refusal := s.TaskOf(ctx, agent.Caller{Tenant: "pub", Principal: "acme"}, id); refusal != nil {
		t.Errorf("its owner: %v", refusal)
	}
	t.Run("an account is named that is not the task's", func(t *testing.T) {
		other := do(s.bundle, "get_task_status", fmt.Sprintf(`{"task_id":%q,"account":{"account_id":"acc_2"}}`, id), acme)
		if got := code(t, other); got != adcp.CodeReferenceNotFound {
			t.Errorf("got %q", got)
		}
		if r := do(s.bundle, "get_task_status", fmt.Sprintf(`{"task_id":%q,"account":{"account_id":"acc_1"}}`, id), acme); r.Error != nil {
			t.Errorf("its own: %s", r.Body)
		}
	})
	t.Run("without a credential", func(t *testing.T) {
		if _, refusal := s.TaskOf(ctx, agent.Caller{Tenant: "pub", Anonymous: true}, id); refusal == nil || refusal.Code != adcp.CodeAuthMissing {
			t.Errorf("got %v", refusal)
		}
	})
}

func TestInput(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := setupSlow(t)
	id := s.order(t, nil)["task_id"].(string)
	owner := agent.Caller{Tenant: "pub", Principal: "acme"}
	invalidState := func(what string, refusal *adcp.Error) {
		t.Helper()
		if refusal == nil || refusal.Code != adcp.CodeInvalidState {
			t.Errorf("%s: %v", what, refusal)
		}
	}
	_, refusal := s.AnswerTask(ctx, owner, id, agent.TaskInput{Text: "first"})
	invalidState("a task that asks nothing was answered", refusal)
	if err := s.tasks.Ask(ctx, "pub", id, "Which flight?"); err != nil {
		t.Fatal(err)
	}
	if got := s.status(t, id); got["status"] != "input-required" || got["message"] != "Which flight?" {
		t.Fatalf("asked: %v", got)
	}
	if _, refusal := s.AnswerTask(ctx, owner, id, agent.TaskInput{Text: "nonsense"}); refusal == nil || refusal.Code != adcp.CodeValidationError {
		t.Errorf("an answer that is refused: %v", refusal)
	}
	got, refusal := s.AnswerTask(ctx, owner, id, agent.TaskInput{Text: "the second", Data: json.RawMessage(`{"flight":2}`)})
	if refusal != nil || got.Status != adcp.TaskStatusWorking || len(s.answered) != 1 || s.answered[0].Text != "the second" {
		t.Errorf("answered: %+v, %v, %v", got, refusal, s.answered)
	}
	history, _ := json.Marshal(s.status(t, id)["history"])
	want := `[{"data":{"message":"Which flight?"},"timestamp":"2026-11-02T09:00:00Z","type":"response"},` +
		`{"data":{"data":{"flight":2},"message":"the second"},"timestamp":"2026-11-02T09:00:00Z","type":"request"}]`
	if string(history) != want {
		t.Errorf("history %s, want %s", history, want)
	}
	_, refusal = s.CancelTask(ctx, owner, id)
	invalidState("what may not be withdrawn was", refusal)
	if err := s.tasks.Ask(ctx, "pub", id, "And now?"); err != nil {
		t.Fatal(err)
	}
	if got, refusal := s.CancelTask(ctx, owner, id); refusal != nil || got.Status != adcp.TaskStatusCanceled {
		t.Errorf("withdrawn: %+v, %v", got, refusal)
	}
	_, refusal = s.CancelTask(ctx, owner, id)
	invalidState("a canceled task was canceled", refusal)
}

func TestTasksTellTheirCallers(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	push := map[string]any{"push_notification_config": map[string]any{"url": "https://buyer.example/hook"}}
	t.Run("of every change, with the operation's result at the end", func(t *testing.T) {
		t.Parallel()
		s := setupSlow(t)
		id := s.order(t, push)["task_id"].(string)
		if got := s.status(t, id)["has_webhook"]; got != true {
			t.Errorf("has_webhook %v", got)
		}
		if err := s.tasks.Work(ctx, "pub", id, "At it.", &adcp.GetTaskStatusResponseProgress{Percentage: new(adcp.Decimal("40"))}); err != nil {
			t.Fatal(err)
		}
		if err := s.tasks.Complete(ctx, "pub", id, booked("mb_1", morning)); err != nil {
			t.Fatal(err)
		}
		if len(s.notifier.log) != 3 || s.notifier.log[0] != "opened submitted for https://buyer.example/hook" ||
			s.notifier.log[1] != "working " || !strings.HasPrefix(s.notifier.log[2], `completed {"status":"completed"`) {
			t.Errorf("told %q", s.notifier.log)
		}
	})
	t.Run("a registration that cannot be honored is refused before the handler runs", func(t *testing.T) {
		t.Parallel()
		s := setupSlow(t)
		s.notifier.refuse = adcp.NewError(adcp.CodeValidationError, "push_notification_config.url", "Not there.")
		if got := code(t, do(s.bundle, "create_media_buy", variant(t, push), acme)); got != adcp.CodeValidationError || s.created != 0 {
			t.Errorf("got %q after %d runs", got, s.created)
		}
	})
	t.Run("without a notifier it is refused", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		agent.HandleTasks(b.Agent, agent.NewTasks(agent.TasksConfig{Clock: stopped(morning)}))
		if got := code(t, do(b, "create_media_buy", variant(t, push), acme)); got != adcp.CodeUnsupportedFeature {
			t.Errorf("got %q", got)
		}
	})
	t.Run("what cannot be told does not happen", func(t *testing.T) {
		t.Parallel()
		s := setupSlow(t)
		id := s.order(t, push)["task_id"].(string)
		s.notifier.fail = errors.New("the outbox is full")
		if err := s.tasks.Complete(ctx, "pub", id, booked("mb_1", morning)); err == nil {
			t.Error("it was completed")
		}
		if got := s.status(t, id)["status"]; got != "submitted" {
			t.Errorf("the task is %v", got)
		}
	})
}

// AwaitTask wakes up for changes of its own process without looking.
func TestAwaitTask(t *testing.T) {
	t.Parallel()
	s := setupSlow(t)
	id := s.order(t, nil)["task_id"].(string)
	owner := agent.Caller{Tenant: "pub", Principal: "acme"}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	got := make(chan adcp.TaskStatus)
	go func() {
		seen := int64(1)
		for {
			task, refusal := s.AwaitTask(ctx, owner, id, seen)
			if refusal != nil {
				close(got)
				return
			}
			got <- task.Status
			seen = task.Revision
			if task.Settled() {
				// A settled task is not waited for.
				cancel()
				if again, refusal := s.AwaitTask(ctx, owner, id, seen); refusal != nil || !again.Settled() {
					t.Errorf("%+v, %v", again, refusal)
				}
				close(got)
				return
			}
		}
	}()
	if err := s.tasks.Work(ctx, "pub", id, "", nil); err != nil {
		t.Fatal(err)
	}
	if status := <-got; status != adcp.TaskStatusWorking {
		t.Errorf("got %s", status)
	}
	if err := s.tasks.Fail(ctx, "pub", id, adcp.NewError(adcp.CodeServiceUnavailable, "", "Down.")); err != nil {
		t.Fatal(err)
	}
	if status := <-got; status != adcp.TaskStatusFailed {
		t.Errorf("got %s", status)
	}
	<-got
}

func TestListTasks(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := setupSlow(t)
	ids := make([]string, 5)
	for i := range ids {
		ids[i] = s.order(t, map[string]any{
			"idempotency_key": fmt.Sprintf("key-of-list-tasks-%d", i),
			"context":         map[string]any{"campaign": fmt.Sprintf("camp_%d", i)},
		})["task_id"].(string)
	}
	if err := s.tasks.Complete(ctx, "pub", ids[0], booked("mb_x", morning)); err != nil {
		t.Fatal(err)
	}
	slices.Sort(ids[1:])
	list := func(arguments string) ([]string, map[string]any) {
		t.Helper()
		got := members(t, do(s.bundle, "list_tasks", arguments, acme))
		var found []string
		for _, task := range got["tasks"].([]any) {
			found = append(found, task.(map[string]any)["task_id"].(string))
		}
		return found, got
	}
	for name, tt := range map[string]struct {
		filters string
		want    int
	}{
		"status":           {`{"status":"completed"}`, 1},
		"statuses":         {`{"statuses":["submitted","completed"]}`, 5},
		"task_type":        {`{"task_type":"sync_creatives"}`, 0},
		"protocol":         {`{"protocol":"media-buy"}`, 5},
		"context_contains": {`{"context_contains":"mb_x"}`, 1},
		"own context":      {`{"context_contains":"camp_3"}`, 1},
		"has_webhook":      {`{"has_webhook":true}`, 0},
		"created_after":    {`{"created_after":"2026-11-02T09:00:00Z"}`, 0},
		"updated_before":   {`{"updated_before":"2026-11-02T09:00:01Z"}`, 5},
		"task_ids":         {fmt.Sprintf(`{"task_ids":[%q]}`, ids[2]), 1},
	} {
		if found, _ := list(`{"filters":` + tt.filters + `}`); len(found) != tt.want {
			t.Errorf("%s: %d found, want %d", name, len(found), tt.want)
		}
	}
	var paged []string
	cursor := ""
	for {
		found, got := list(`{"sort":{"field":"status","direction":"asc"},"pagination":{"max_results":2` + cursor + `}}`)
		paged = append(paged, found...)
		page := got["pagination"].(map[string]any)
		if page["has_more"] != true {
			break
		}
		cursor = fmt.Sprintf(`,"cursor":%q`, page["cursor"])
	}
	if !slices.Equal(paged, ids) {
		t.Errorf("pages %v, want %v", paged, ids)
	}
	if got := code(t, do(s.bundle, "list_tasks", `{"pagination":{"cursor":"nonsense"}}`, acme)); got != adcp.CodeInvalidRequest {
		t.Errorf("a foreign cursor: %q", got)
	}
}

// The table knows every state of the protocol's enumeration but the one that no
// agent puts its own tasks in.
func TestTaskStatesAreTheProtocols(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("/work/shared/adcp/3.1.19/schemas/enums/task-status.json")
	if err != nil {
		t.Skip("the protocol's published schemas are not here")
	}
	var published struct {
		Enum []adcp.TaskStatus `json:"enum"`
	}
	if err := json.Unmarshal(raw, &published); err != nil {
		t.Fatal(err)
	}
	for _, from := range published.Enum {
		moves := 0
		for _, to := range published.Enum {
			if agent.TaskMoves(from, to) {
				moves++
			}
		}
		switch from {
		case adcp.TaskStatusCompleted, adcp.TaskStatusFailed, adcp.TaskStatusRejected, adcp.TaskStatusCanceled:
			if !agent.TaskSettled(from) || moves > 0 {
				t.Errorf("%s leads on", from)
			}
		case adcp.TaskStatusUnknown:
			if agent.TaskSettled(from) || moves > 0 {
				t.Errorf("%s is a state of the table", from)
			}
		default:
			if agent.TaskSettled(from) || moves == 0 {
				t.Errorf("%s leads nowhere", from)
			}
		}
	}
	if agent.TaskMoves(adcp.TaskStatusWorking, adcp.TaskStatusRejected) {
		t.Error("work that has begun is rejected")
	}
}

// Random operations of several principals on their own and each other's tasks do
// what a model of the table says.
func TestTasksFollowTheTable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := setupSlow(t)
		ctx := context.Background()
		type modeled struct {
			owner    string
			status   adcp.TaskStatus
			revision int64
		}
		model := map[string]*modeled{}
		var ids []string
		problem := adcp.NewError(adcp.CodePolicyViolation, "", "No.")
		who := rapid.SampledFrom([]string{"acme", "nova", "tester"})
		for step := range rapid.IntRange(1, 60).Draw(rt, "steps") {
			caller := agent.Caller{Tenant: "pub", Principal: who.Draw(rt, "who")}
			if len(ids) == 0 || rapid.IntRange(0, 5).Draw(rt, "open") == 0 {
				begin := rapid.SampledFrom([]adcp.TaskStatus{adcp.TaskStatusSubmitted, adcp.TaskStatusWorking, adcp.TaskStatusInputRequired}).Draw(rt, "begin")
				s.answer = map[adcp.TaskStatus]error{
					adcp.TaskStatusSubmitted: agent.Submitted(""), adcp.TaskStatusWorking: agent.Working(""), adcp.TaskStatusInputRequired: agent.InputRequired("?"),
				}[begin]
				r := s.DoAs(ctx, caller, agent.Request{
					Operation: "create_media_buy", Arguments: buy(t, map[string]any{"idempotency_key": fmt.Sprintf("key-of-the-model-%d", step)}),
				})
				id, _ := members(t, r)["task_id"].(string)
				model[id] = &modeled{caller.Principal, begin, 1}
				ids = append(ids, id)
				continue
			}
			id := rapid.SampledFrom(ids).Draw(rt, "task")
			m := model[id]
			var want adcp.TaskStatus
			var err error
			again := false // settling again in the same way does nothing
			may := true
			switch rapid.IntRange(0, 6).Draw(rt, "operation") {
			case 0:
				want, err = adcp.TaskStatusWorking, s.tasks.Work(ctx, "pub", id, "", nil)
			case 1:
				want, err = adcp.TaskStatusInputRequired, s.tasks.Ask(ctx, "pub", id, "?")
			case 2:
				want, again, err = adcp.TaskStatusCompleted, true, s.tasks.Complete(ctx, "pub", id, booked("mb", morning))
			case 3:
				want, again, err = adcp.TaskStatusFailed, true, s.tasks.Fail(ctx, "pub", id, problem)
			case 4:
				want, again, err = adcp.TaskStatusRejected, true, s.tasks.Reject(ctx, "pub", id, problem)
			case 5:
				may = caller.Principal == m.owner && m.status == adcp.TaskStatusInputRequired
				want = adcp.TaskStatusWorking
				if _, refusal := s.AnswerTask(ctx, caller, id, agent.TaskInput{Text: "this"}); refusal != nil {
					err = refusal
				}
			case 6:
				may = caller.Principal == m.owner && m.status != adcp.TaskStatusWorking
				want = adcp.TaskStatusCanceled
				if _, refusal := s.CancelTask(ctx, caller, id); refusal != nil {
					err = refusal
				}
			}
			switch {
			case again && m.status == want:
				if err != nil {
					rt.Fatalf("%s again: %v", want, err)
				}
			case may && agent.TaskMoves(m.status, want):
				if err != nil {
					rt.Fatalf("%s to %s: %v", m.status, want, err)
				}
				m.status = want
				m.revision++
			case err == nil:
				rt.Fatalf("%s went to %s", m.status, want)
			}
			for id, m := range model {
				task, refusal := s.TaskOf(ctx, caller, id)
				if m.owner != caller.Principal {
					if refusal == nil {
						rt.Fatalf("%s sees %s's task", caller.Principal, m.owner)
					}
					continue
				}
				if refusal != nil || task.Status != m.status || task.Revision != m.revision {
					rt.Fatalf("task %+v, %v; the model has %+v", task, refusal, m)
				}
			}
		}
	})
}
