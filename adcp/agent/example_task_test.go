package agent_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// An agent whose orders a person signs: its handler answers later, and the person's
// click ends the task, in whatever process that is.
func ExampleHandleTasks() {
	ctx := context.Background()
	a := agent.New(agent.Config{Name: "seller", Version: "1.0.0", Clock: noon{}, Authenticator: agent.AuthenticatorFunc(keys)})
	tasks := agent.NewTasks(agent.TasksConfig{Clock: noon{}})
	agent.HandleTasks(a, tasks)
	var inbox []string
	agent.Handle(a, adcp.CreateMediaBuy, func(_ context.Context, call *agent.Call, _ *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
		inbox = append(inbox, call.TaskID())
		return nil, agent.Submitted("The sales desk signs orders by hand.")
	})
	buyer := agent.Credential{Scheme: "bearer", Value: "buyers-key"}

	answer := a.Do(ctx, agent.Request{Operation: "create_media_buy", Credential: buyer, Arguments: []byte(`{
		"idempotency_key": "order-0001-of-the-example", "account": {"account_id": "mine"}, "brand": {"domain": "stridewell.example"},
		"start_time": "asap", "end_time": "2030-01-01T00:00:00Z",
		"packages": [{"product_id": "host_read", "pricing_option_id": "cpm_usd", "budget": 1500}]}`)})
	var order struct {
		Status  string `json:"status"`
		TaskID  string `json:"task_id"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(answer.Body, &order); err != nil {
		panic(err)
	}
	fmt.Println(order.Status+":", order.Message)

	// Some hours later, the person signs.
	if err := tasks.Complete(ctx, "pub", inbox[0], &adcp.CreateMediaBuyResponse{
		MediaBuyID: new("mb_1"), MediaBuyStatus: new(adcp.MediaBuyStatusPendingStart), Revision: new(int64(1)),
		ConfirmedAt: adcp.Some(noon{}.Now()), Packages: []adcp.Package{},
	}); err != nil {
		panic(err)
	}

	followed := a.Do(ctx, agent.Request{
		Operation: "get_task_status", Credential: buyer,
		Arguments: fmt.Appendf(nil, `{"task_id": %q, "include_result": true}`, order.TaskID),
	})
	var task adcp.GetTaskStatusResponse
	if err := adcp.Unmarshal(followed.Body, &task); err != nil {
		panic(err)
	}
	var bought adcp.CreateMediaBuyResponse
	if err := adcp.Unmarshal(task.Result, &bought); err != nil {
		panic(err)
	}
	fmt.Println(task.Status+":", *bought.MediaBuyID)
	// Output:
	// submitted: The sales desk signs orders by hand.
	// completed: mb_1
}

// A task may ask its caller something on the way. Over A2A the answer is a message
// to the task.
func ExampleTasks_Ask() {
	ctx := context.Background()
	a := agent.New(agent.Config{Name: "studio", Version: "1.0.0", Clock: noon{}, Authenticator: agent.AuthenticatorFunc(keys)})
	tasks := agent.NewTasks(agent.TasksConfig{
		Clock: noon{},
		Answered: func(_ context.Context, t *agent.Task, in agent.TaskInput) error {
			fmt.Println(t.Principal, "says", in.Text)
			return nil
		},
	})
	agent.HandleTasks(a, tasks)
	agent.Handle(a, adcp.SyncCatalogs, func(_ context.Context, call *agent.Call, _ *adcp.SyncCatalogsRequest) (*adcp.SyncCatalogsResponse, error) {
		fmt.Println("working on it")
		return nil, agent.Working("Reading the feed.")
	})
	buyer := agent.Credential{Scheme: "bearer", Value: "buyers-key"}
	a.Do(ctx, agent.Request{
		Operation: "sync_catalogs", Credential: buyer,
		Arguments: []byte(`{"idempotency_key": "catalog-0001-of-the-example", "account": {"account_id": "mine"}}`),
	})
	own, refusal := a.TasksOf(ctx, agent.Caller{Tenant: "pub", Principal: "buyer"})
	if refusal != nil {
		panic(refusal)
	}

	if err := tasks.Ask(ctx, "pub", own[0].ID, "Prices with or without tax?"); err != nil {
		panic(err)
	}
	answered, refusal := a.AnswerTask(ctx, agent.Caller{Tenant: "pub", Principal: "buyer"}, own[0].ID, agent.TaskInput{Text: "with tax"})
	if refusal != nil {
		panic(refusal)
	}
	fmt.Println(answered.Status)
	// Output:
	// working on it
	// buyer says with tax
	// working
}
