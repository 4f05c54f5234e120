package a2a_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/a2a"
	"github.com/upfront-media/upfront/adcp/agent"
)

// pushes is a notifier that keeps registrations and writes down whom it tells what.
type pushes struct {
	mu  sync.Mutex
	set map[string]agent.TaskPush
	got []string
}

func (p *pushes) CheckPush(push *adcp.PushNotificationConfig) *adcp.Error {
	if strings.HasPrefix(push.URL, "https://10.") {
		return adcp.NewError(adcp.CodeValidationError, "push_notification_config.url", "Webhooks cannot go to this address.")
	}
	return nil
}

func (p *pushes) TaskOpened(context.Context, *agent.Task, *adcp.PushNotificationConfig) error {
	return nil
}

func (p *pushes) TaskChanged(_ context.Context, t *agent.Task) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	payload := adcp.MCPWebhookPayload{TaskID: t.ID, TaskType: adcp.TaskType(t.Type), Status: t.Status, Timestamp: t.UpdatedAt, Result: t.Result, Message: &t.Message}
	if t.Error != nil {
		payload.Result, _ = json.Marshal(map[string]any{"errors": []*adcp.Error{t.Error}})
	}
	for _, name := range slices.Sorted(maps.Keys(p.set)) {
		push := p.set[name]
		body, err := a2a.PushForms()[push.Form](payload)
		if err != nil {
			return err
		}
		p.got = append(p.got, push.Receiver.URL+" "+string(body))
	}
	return nil
}

func (p *pushes) SetTaskPush(_ context.Context, t *agent.Task, push agent.TaskPush) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.set == nil {
		p.set = map[string]agent.TaskPush{}
	}
	p.set[t.ID+"/"+push.ID] = push
	return nil
}

func (p *pushes) TaskPushes(_ context.Context, t *agent.Task) ([]agent.TaskPush, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []agent.TaskPush
	for _, name := range slices.Sorted(maps.Keys(p.set)) {
		if strings.HasPrefix(name, t.ID+"/") {
			list = append(list, p.set[name])
		}
	}
	return list, nil
}

func (p *pushes) DeleteTaskPush(_ context.Context, t *agent.Task, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.set, t.ID+"/"+id)
	return nil
}

// desk is an agent whose orders wait for a signature, or for an answer.
type desk struct {
	*httptest.Server
	t      *testing.T
	tasks  *agent.Tasks
	pushes *pushes
	done   chan struct{}
	// heard is what buyers have answered.
	heard []agent.TaskInput
}

// readTimeout is the time that the server gives a request to arrive.
const readTimeout = 300 * time.Millisecond

func openDesk(t *testing.T) *desk {
	d := &desk{t: t, pushes: &pushes{}, done: make(chan struct{})}
	a := agent.New(agent.Config{
		Name: "desk", Version: "1", Clock: stopped(morning),
		Authenticator: agent.AuthenticatorFunc(func(_ context.Context, c agent.Credential) (agent.Caller, error) {
			principal, ok := strings.CutSuffix(c.Value, "-key")
			if !ok {
				return agent.Caller{Tenant: "pub", Anonymous: true}, nil
			}
			return agent.Caller{Tenant: "pub", Principal: principal}, nil
		}),
	})
	d.tasks = agent.NewTasks(agent.TasksConfig{
		Clock: stopped(morning), Notifier: d.pushes,
		Answered: func(_ context.Context, _ *agent.Task, in agent.TaskInput) error {
			d.heard = append(d.heard, in)
			return nil
		},
		Cancel: func(context.Context, *agent.Task) error { return nil },
	})
	agent.HandleTasks(a, d.tasks)
	agent.Handle(a, adcp.CreateMediaBuy, func(_ context.Context, _ *agent.Call, req *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		if req.Packages[0].ProductID == "unclear" {
			return nil, agent.InputRequired("Which flight?")
		}
		return nil, agent.Submitted("A person has to sign this order.")
	})
	agent.Handle(a, adcp.GetProducts, func(_ context.Context, _ *agent.Call, req *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
		resp := &adcp.GetProductsResponse{Products: []adcp.Product{}, CacheScope: new(adcp.GetProductsResponseCacheScopePublic)}
		if adcp.Val(req.Brief) == "something" {
			resp.Status, resp.Message = adcp.TaskStatusInputRequired, new("For whom?")
		}
		return resp, nil
	})
	d.Server = httptest.NewUnstartedServer(a2a.NewHandler(a, a2a.Options{PushNotifications: true, NewID: counted(), Now: stopped(morning).Now, Done: d.done}))
	d.Config.ReadTimeout = readTimeout
	d.Start()
	t.Cleanup(func() {
		close(d.done) // or the server would wait for its streams
		d.Close()
	})
	return d
}

// ask calls a method and gives the result, or the error, as decoded JSON.
func (d *desk) ask(method, params string, key ...string) map[string]any {
	d.t.Helper()
	key = append(key, "acme-key")
	_, body := post(d.t, d.Server, `{"jsonrpc":"2.0","id":1,"method":"`+method+`","params":`+params+`}`, "Authorization", "Bearer "+key[0])
	var m map[string]any
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		d.t.Fatalf("%s: %v", body, err)
	}
	return m
}

// at follows a path of names and indexes.
func at(doc any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := doc.(map[string]any)
			doc = m[step]
		case int:
			l, _ := doc.([]any)
			if step >= len(l) {
				return nil
			}
			doc = l[step]
		}
	}
	return doc
}

// words are a release's names for the same things.
type words struct {
	release, send, stream, get, cancel, subscribe           string
	pushSet, pushGet, pushList, pushDelete                  string
	submitted, working, asks, completed, canceled, rejected string
	// now is the configuration that asks for the task at once.
	now string
}

var bothReleases = []words{
	{
		"1.0", "SendMessage", "SendStreamingMessage", "GetTask", "CancelTask", "SubscribeToTask",
		"CreateTaskPushNotificationConfig", "GetTaskPushNotificationConfig", "ListTaskPushNotificationConfigs", "DeleteTaskPushNotificationConfig",
		"TASK_STATE_SUBMITTED", "TASK_STATE_WORKING", "TASK_STATE_INPUT_REQUIRED", "TASK_STATE_COMPLETED", "TASK_STATE_CANCELED", "TASK_STATE_REJECTED",
		`{"returnImmediately":true}`,
	},
	{
		"0.3", "message/send", "message/stream", "tasks/get", "tasks/cancel", "tasks/resubscribe",
		"tasks/pushNotificationConfig/set", "tasks/pushNotificationConfig/get", "tasks/pushNotificationConfig/list", "tasks/pushNotificationConfig/delete",
		"submitted", "working", "input-required", "completed", "canceled", "rejected",
		`{"blocking":false}`,
	},
}

// eachRelease runs a test in the words of both releases.
func eachRelease(t *testing.T, test func(t *testing.T, d *desk, w words)) {
	t.Helper()
	for _, w := range bothReleases {
		t.Run(w.release, func(t *testing.T) {
			t.Parallel()
			test(t, openDesk(t), w)
		})
	}
}

func (w words) message(skill, input, more string) string {
	role, kind := "ROLE_USER", ""
	if w.release == "0.3" {
		role, kind = "user", `"kind":"message",`
	}
	return `{"message":{` + kind + `"messageId":"m1","role":"` + role + `","parts":[{"data":{"skill":"` + skill + `","input":` + input + `}}]}` + more + `}`
}

// reply is a message to a task.
func (w words) reply(task, parts string) string {
	role := "ROLE_USER"
	if w.release == "0.3" {
		role = "user"
	}
	return `{"message":{"messageId":"m2","role":"` + role + `","taskId":"` + task + `","parts":` + parts + `}}`
}

// order places an order that a person signs, and gives the identifier of its task.
func (d *desk) order(w words) string {
	d.t.Helper()
	got := d.ask(w.send, w.message("create_media_buy", booking, `,"configuration":`+w.now))
	task := w.task(got)
	id, _ := at(task, "id").(string)
	if at(task, "status", "state") != w.submitted || !strings.HasPrefix(id, "task_") {
		d.t.Fatalf("got %v", got)
	}
	return id
}

// task is a task in a result: 1.0 has it in an envelope where it may be a message.
func (w words) task(response map[string]any) any {
	if task := at(response, "result", "task"); task != nil {
		return task
	}
	return response["result"]
}

func (d *desk) complete(id string) {
	d.t.Helper()
	if err := d.tasks.Complete(context.Background(), "pub", id, &adcp.CreateMediaBuyResponse{
		MediaBuyID: new("mb_1"), MediaBuyStatus: new(adcp.MediaBuyStatusPendingStart), ConfirmedAt: adcp.Some(morning), Revision: new(int64(1)),
		Packages: []adcp.Package{}, TotalBudget: new(adcp.Decimal("12345678901234.567890")), Currency: new("USD"),
	}); err != nil {
		d.t.Fatal(err)
	}
}

// events reads a stream's events as they come; it is closed with the stream.
func (d *desk) events(w words, method, params string) <-chan map[string]any {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.URL, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"`+method+`","params":`+params+`}`))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Authorization", "Bearer acme-key")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	ch := make(chan map[string]any)
	go func() {
		defer close(ch)
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			if !ok {
				continue
			}
			var m map[string]any
			if err := json.Unmarshal([]byte(data), &m); err != nil {
				d.t.Errorf("%s: %v", data, err)
			}
			select {
			case ch <- m:
			case <-d.t.Context().Done():
				return
			}
		}
	}()
	return ch
}

// event is what a stream's event is about, and its state or the answer's media buy.
func event(m map[string]any) string {
	inner := m["result"]
	for _, name := range []string{"task", "statusUpdate", "artifactUpdate"} {
		if wrapped := at(inner, name); wrapped != nil {
			inner = wrapped
		}
	}
	if id := at(inner, "artifact", "parts", 0, "data", "media_buy_id"); id != nil {
		return fmt.Sprint(id)
	}
	if m["error"] != nil {
		return fmt.Sprint(at(m, "error", "code"))
	}
	return fmt.Sprint(at(inner, "status", "state"))
}

func TestATaskIsFollowedUntilItIsSettled(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	eachRelease(t, func(t *testing.T, d *desk, w words) {
		sent := d.events(w, w.stream, w.message("create_media_buy", booking, ""))
		first := <-sent
		if got := event(first); got != w.submitted {
			t.Fatalf("got %v", first)
		}
		id, _ := at(w.task(first), "id").(string)
		joined := d.events(w, w.subscribe, `{"id":"`+id+`"}`)
		if got := event(<-joined); got != w.submitted {
			t.Errorf("joined at %s", got)
		}
		if err := d.tasks.Work(ctx, "pub", id, "Telling the ad server.", nil); err != nil {
			t.Fatal(err)
		}
		for _, stream := range []<-chan map[string]any{sent, joined} {
			if got := event(<-stream); got != w.working {
				t.Errorf("got %s", got)
			}
		}
		d.complete(id)
		for _, stream := range []<-chan map[string]any{sent, joined} {
			if got := event(<-stream); got != "mb_1" {
				t.Errorf("artifact %s", got)
			}
			last := <-stream
			if got := event(last); got != w.completed {
				t.Errorf("ended as %s", got)
			}
			if w.release == "0.3" && at(last, "result", "final") != true {
				t.Errorf("not final: %v", last)
			}
			if more, open := <-stream; open {
				t.Errorf("and then %v", more)
			}
		}
		if got := event(<-d.events(w, w.subscribe, `{"id":"`+id+`"}`)); got != "-32004" {
			t.Errorf("a settled task was joined: %s", got)
		}
	})
}

// A task looks the same to whoever reads it later, in either release, with its
// amounts as they were written.
func TestATaskIsReadInItsStates(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(t *testing.T, d *desk, w words) {
		id := d.order(w)
		waiting := w.task(d.ask(w.get, `{"id":"`+id+`"}`))
		if at(waiting, "status", "state") != w.submitted || at(waiting, "artifacts") != nil ||
			at(waiting, "status", "message", "parts", 0, "text") != "A person has to sign this order." ||
			at(waiting, "status", "message", "parts", 1, "data", "task_id") != id {
			t.Errorf("got %v", waiting)
		}
		d.complete(id)
		_, body := post(t, d.Server, `{"jsonrpc":"2.0","id":1,"method":"`+w.get+`","params":{"id":"`+id+`"}}`, "Authorization", "Bearer acme-key")
		if !strings.Contains(body, `"state":"`+w.completed+`"`) || !strings.Contains(body, `"total_budget":12345678901234.567890`) {
			t.Errorf("got %s", body)
		}
	})
}

// Who waits for the answer gets the answer, which names the task: the A2A task of a
// call is completed when the call is answered, as the protocol's graders have it.
func TestACallIsCompletedByItsAnswer(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(t *testing.T, d *desk, w words) {
		task := w.task(d.ask(w.send, w.message("create_media_buy", booking, "")))
		own, _ := at(task, "artifacts", 0, "metadata", "adcp_task_id").(string)
		if at(task, "status", "state") != w.completed || own == "" || at(task, "artifacts", 0, "parts", 0, "data", "status") != "submitted" || at(task, "id") == own {
			t.Errorf("got %v", task)
		}
	})
}

func TestATaskAsksAndIsAnswered(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(t *testing.T, d *desk, w words) {
		unclear := strings.Replace(booking, `"p1"`, `"unclear"`, 1)
		task := w.task(d.ask(w.send, w.message("create_media_buy", unclear, "")))
		id, _ := at(task, "id").(string)
		if at(task, "status", "state") != w.asks || !strings.HasPrefix(id, "task_") || at(task, "status", "message", "parts", 0, "text") != "Which flight?" {
			t.Fatalf("got %v", task)
		}
		if got := at(d.ask(w.send, strings.Replace(w.reply(id, `[{"text":"x"}]`), `"taskId"`, `"contextId":"other","taskId"`, 1)), "error", "code"); got != -32602.0 {
			t.Errorf("in another context: %v", got)
		}
		if got := at(d.ask(w.send, w.reply(id, `[{"text":"x"}]`), "nova-key"), "error", "code"); got != -32001.0 {
			t.Errorf("somebody else: %v", got)
		}
		if got := at(w.task(d.ask(w.send, w.reply(id, `[{"text":"The second."},{"data":{"flight":2}}]`))), "status", "state"); got != w.working {
			t.Errorf("answered: %v", got)
		}
		if len(d.heard) != 1 || d.heard[0].Text != "The second." || string(d.heard[0].Data) != `{"flight":2}` {
			t.Errorf("heard %+v", d.heard)
		}
		if got := at(d.ask(w.send, w.reply(id, `[{"text":"x"}]`)), "error", "code"); got != -32004.0 {
			t.Errorf("what asks nothing was answered: %v", got)
		}
		if err := d.tasks.Ask(context.Background(), "pub", id, "Sure?"); err != nil {
			t.Fatal(err)
		}
		d.ask(w.send, w.reply(id, `[{"data":{"skill":"create_media_buy","input":{"flight":3}}}]`))
		if len(d.heard) != 2 || string(d.heard[1].Data) != `{"flight":3}` {
			t.Errorf("heard %+v", d.heard)
		}
	})
}

// A call that asks for more without a task is made again under its own identifier.
func TestACallAsksAndIsMadeAgain(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(t *testing.T, d *desk, w words) {
		ask := func(brief string) string { return `{"buying_mode":"brief","brief":"` + brief + `"}` }
		task := w.task(d.ask(w.send, w.message("get_products", ask("something"), "")))
		id, _ := at(task, "id").(string)
		if at(task, "status", "state") != w.asks || at(task, "status", "message", "parts", 0, "text") != "For whom?" || at(task, "artifacts") != nil {
			t.Fatalf("got %v", task)
		}
		if got := at(w.task(d.ask(w.get, `{"id":"`+id+`"}`)), "status", "state"); got != w.asks {
			t.Errorf("read again: %v", got)
		}
		if got := at(d.ask(w.send, w.reply(id, `[{"text":"Runners."}]`)), "error", "code"); got != -32602.0 {
			t.Errorf("without a request: %v", got)
		}
		again := w.task(d.ask(w.send, w.reply(id, `[{"data":{"skill":"get_products","input":`+ask("shoes for runners")+`}}]`)))
		if at(again, "id") != id || at(again, "contextId") != at(task, "contextId") || at(again, "status", "state") != w.completed {
			t.Errorf("got %v", again)
		}
		if got := at(d.ask(w.send, w.reply(id, `[{"data":{"skill":"get_products","input":`+ask("more")+`}}]`)), "error", "code"); got != -32004.0 {
			t.Errorf("once more: %v", got)
		}
	})
}

func TestATaskIsCanceled(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(t *testing.T, d *desk, w words) {
		id := d.order(w)
		if got := at(w.task(d.ask(w.cancel, `{"id":"`+id+`"}`)), "status", "state"); got != w.canceled {
			t.Errorf("got %v", got)
		}
		if got := at(d.ask(w.cancel, `{"id":"`+id+`"}`), "error", "code"); got != -32002.0 {
			t.Errorf("twice: %v", got)
		}
	})
}

func TestTasksAreListedWithCalls(t *testing.T) {
	t.Parallel()
	d, w := openDesk(t), bothReleases[0]
	id := d.order(w)
	d.ask(w.send, w.message("get_products", `{"buying_mode":"wholesale"}`, ""))
	for status, want := range map[string]int{"": 2, `,"status":"TASK_STATE_SUBMITTED"`: 1, `,"contextId":"` + id + `"`: 1, `,"status":"TASK_STATE_FAILED"`: 0} {
		list, _ := at(d.ask("ListTasks", `{"pageSize":10`+status+`}`), "result", "tasks").([]any)
		if len(list) != want {
			t.Errorf("%s: %v", status, list)
		}
	}
	if got, _ := at(d.ask("ListTasks", `{}`, "nova-key"), "result", "tasks").([]any); len(got) != 0 {
		t.Errorf("somebody else lists %v", got)
	}
}

func TestReceiversOfATask(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(t *testing.T, d *desk, w words) {
		id := d.order(w)
		secret := "0123456789abcdef0123456789abcdef"
		set := func(task, name, url string) map[string]any {
			config := `"url":"` + url + `"`
			if name != "" {
				config = `"id":"` + name + `",` + config
			}
			if w.release == "1.0" {
				return d.ask(w.pushSet, `{"taskId":"`+task+`",`+config+`,"authentication":{"scheme":"Bearer","credentials":"`+secret+`"}}`)
			}
			return d.ask(w.pushSet, `{"taskId":"`+task+`","pushNotificationConfig":{`+config+`,"authentication":{"schemes":["Bearer"],"credentials":"`+secret+`"}}}`)
		}
		named := func(name string) string {
			if w.release == "1.0" {
				return `{"taskId":"` + id + `","id":"` + name + `"}`
			}
			return `{"id":"` + id + `","pushNotificationConfigId":"` + name + `"}`
		}
		config := func(result any) any {
			if w.release == "0.3" {
				return at(result, "pushNotificationConfig")
			}
			return result
		}
		one := set(id, "", "https://buyer.example/a")
		if got := config(one["result"]); at(got, "id") != "default" || at(got, "url") != "https://buyer.example/a" || at(got, "authentication") != nil {
			t.Fatalf("got %v", one)
		}
		set(id, "second", "https://buyer.example/b")
		if got := d.pushes.set[id+"/second"]; got.Receiver.Authentication == nil || got.Receiver.Authentication.Credentials != secret || got.Form != "a2a-"+w.release {
			t.Errorf("registered %+v", got)
		}
		if got := config(d.ask(w.pushGet, named("second"))["result"]); at(got, "url") != "https://buyer.example/b" {
			t.Errorf("got %v", got)
		}
		if got := config(d.ask(w.pushGet, named(""))["result"]); at(got, "id") != "default" {
			t.Errorf("got %v", got)
		}
		all := d.ask(w.pushList, named(""))["result"]
		if w.release == "1.0" {
			all = at(all, "configs")
		}
		if list, _ := all.([]any); len(list) != 2 {
			t.Errorf("listed %v", all)
		}
		gone := d.ask(w.pushDelete, named("default"))
		if gone["error"] != nil {
			t.Errorf("deleted: %v", gone)
		}
		if got := at(d.ask(w.pushGet, named("default")), "error", "code"); got != -32602.0 {
			t.Errorf("what was deleted: %v", got)
		}
		if got := at(set(id, "x", "https://10.0.0.1/"), "error", "code"); got != -32602.0 {
			t.Errorf("a private address: %v", got)
		}

		if err := d.tasks.Ask(t.Context(), "pub", id, "Which?"); err != nil {
			t.Fatal(err)
		}
		if err := d.tasks.Reject(t.Context(), "pub", id, adcp.NewError(adcp.CodePolicyViolation, "", "Not here.")); err != nil {
			t.Fatal(err)
		}
		if len(d.pushes.got) != 2 {
			t.Fatalf("told %q", d.pushes.got)
		}
		for i, want := range []string{w.asks, w.rejected} {
			_, body, _ := strings.Cut(d.pushes.got[i], " ")
			var told map[string]any
			if err := json.Unmarshal([]byte(body), &told); err != nil {
				t.Fatal(err)
			}
			envelope := map[string]string{"1.0/0": "statusUpdate", "1.0/1": "task"}[fmt.Sprint(w.release, "/", i)]
			var inner any = told
			if envelope != "" {
				inner = told[envelope]
			}
			if at(inner, "status", "state") != want {
				t.Errorf("told %s", body)
			}
			// The protocol's own rules of extraction find the answer in it.
			answer, err := a2a.Extract(json.RawMessage(body))
			if err != nil || i == 0 && !strings.Contains(string(answer), `"input-required"`) || i == 1 && !strings.Contains(string(answer), `"adcp_error":{"code":"POLICY_VIOLATION"`) {
				t.Errorf("extracted %s, %v", answer, err)
			}
		}
	})
}

// A receiver that comes with the message is registered with the task that the call
// begins, and no part of the request.
func TestAReceiverComesWithTheMessage(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(t *testing.T, d *desk, w words) {
		with := func(url string) string {
			name := "taskPushNotificationConfig"
			if w.release == "0.3" {
				name = "pushNotificationConfig"
			}
			return `,"configuration":{"` + name + `":{"url":"` + url + `"}}`
		}
		if got := d.ask(w.send, w.message("create_media_buy", booking, with("https://10.0.0.1/"))); at(got, "error", "code") != -32602.0 || !strings.Contains(fmt.Sprint(got), "VALIDATION_ERROR") {
			t.Errorf("a private address: %v", got)
		}
		call := w.task(d.ask(w.send, w.message("create_media_buy", booking, with("https://buyer.example/hook"))))
		own, _ := at(call, "artifacts", 0, "metadata", "adcp_task_id").(string)
		if got := d.pushes.set[own+"/default"]; got.Receiver.URL != "https://buyer.example/hook" {
			t.Fatalf("registered %+v", d.pushes.set)
		}
		// The call's own name finds its task's receivers too.
		list := d.ask(w.pushList, map[string]string{"1.0": `{"taskId":"`, "0.3": `{"id":"`}[w.release]+fmt.Sprint(at(call, "id"))+`"}`)
		if !strings.Contains(fmt.Sprint(list["result"]), "https://buyer.example/hook") {
			t.Errorf("listed %v", list)
		}
		d.complete(own)
		if len(d.pushes.got) != 1 || !strings.Contains(d.pushes.got[0], "12345678901234.567890") {
			t.Errorf("told %q", d.pushes.got)
		}
	})
}

// Whatever is tried with somebody else's task is answered as for none, byte for byte.
func TestTasksOfOthersAreNotThere(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(t *testing.T, d *desk, w words) {
		id := d.order(w)
		for name, of := range map[string]func(id string) (string, string){
			w.get:       func(id string) (string, string) { return w.get, `{"id":"` + id + `"}` },
			w.cancel:    func(id string) (string, string) { return w.cancel, `{"id":"` + id + `"}` },
			w.subscribe: func(id string) (string, string) { return w.subscribe, `{"id":"` + id + `"}` },
			w.send:      func(id string) (string, string) { return w.send, w.reply(id, `[{"text":"x"}]`) },
			w.pushSet: func(id string) (string, string) {
				return w.pushSet, `{"taskId":"` + id + `","url":"https://buyer.example/x","pushNotificationConfig":{"url":"https://buyer.example/x"}}`
			},
			w.pushList:   func(id string) (string, string) { return w.pushList, `{"id":"` + id + `","taskId":"` + id + `"}` },
			w.pushDelete: func(id string) (string, string) { return w.pushDelete, `{"id":"` + id + `","taskId":"` + id + `"}` },
		} {
			ask := func(id string) string {
				method, params := of(id)
				_, body := post(t, d.Server, `{"jsonrpc":"2.0","id":1,"method":"`+method+`","params":`+params+`}`, "Authorization", "Bearer nova-key")
				return regexp.MustCompile(`(?m)"timestamp":"[^"]*"|^id: .*$`).ReplaceAllString(body, "*")
			}
			got, want := ask(id), ask("task_none")
			if got != want || !strings.Contains(got, "-32001") {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
			method, params := of(id)
			if resp, body := post(t, d.Server, `{"jsonrpc":"2.0","id":1,"method":"`+method+`","params":`+params+`}`); resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s without a credential: %d %s", name, resp.StatusCode, body)
			}
		}
	})
}

// A stream ends when the server is done, and a principal has so many at once.
func TestStreamsHaveAnEnd(t *testing.T) {
	t.Parallel()
	d, w := openDesk(t), bothReleases[0]
	id := d.order(w)
	var open []<-chan map[string]any
	for range 32 {
		stream := d.events(w, w.subscribe, `{"id":"`+id+`"}`)
		<-stream
		open = append(open, stream)
	}
	if got := event(<-d.events(w, w.subscribe, `{"id":"`+id+`"}`)); got != "-32000" {
		t.Errorf("one more: %s", got)
	}
	old := d.done
	d.done = make(chan struct{})
	close(old)
	for _, stream := range open {
		if more, there := <-stream; there {
			t.Errorf("and then %v", more)
		}
	}
}

// A stream outlives the time that the server gives requests to arrive.
func TestAStreamOutlivesTheReadTimeout(t *testing.T) {
	t.Parallel()
	d, w := openDesk(t), bothReleases[0]
	id := d.order(w)
	stream := d.events(w, w.subscribe, `{"id":"`+id+`"}`)
	<-stream
	// A connection that says nothing is closed once that time is over.
	silent, err := net.Dial("tcp", d.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := io.Copy(io.Discard, silent); err != nil {
		t.Fatal(err)
	}
	d.complete(id)
	for _, want := range []string{"mb_1", w.completed} {
		if got := event(<-stream); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
