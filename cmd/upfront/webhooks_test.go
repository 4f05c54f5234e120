package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/secret"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
	"github.com/upfront-media/upfront/internal/webhook"
)

// writeLetters leaves a dead webhook and one that waits in a data directory, as serve
// would: the receiver wants no more of task_gone and is not there for task_late.
func writeLetters(t *testing.T, data, tenant string) {
	t.Helper()
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	defer gone.Close()
	db := storetest.OpenConfig(t, store.Config{Path: filepath.Join(data, "sales.db")})
	queue, err := job.New(db, job.Config{})
	if err != nil {
		t.Fatal(err)
	}
	box, err := secret.New(make([]byte, secret.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	outbox, err := webhook.New(webhook.Config{Tenant: tenant, Store: db, Queue: queue, Clock: clock.System{}, Secrets: box, AllowLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Tx(t.Context(), func(tx *store.Tx) error {
		for _, task := range []string{"task_gone", "task_late"} {
			receiver := adcp.PushNotificationConfig{URL: gone.URL, Authentication: &adcp.PushNotificationConfigAuthentication{
				Schemes: []adcp.AuthenticationScheme{"Bearer"}, Credentials: inboxSecret,
			}}
			if task == "task_late" {
				receiver.URL = "http://127.0.0.1:1/hook"
			}
			if err := outbox.Register(t.Context(), tx, webhook.Registration{ID: task, Receiver: receiver}); err != nil {
				return err
			}
			if err := outbox.Enqueue(t.Context(), tx, webhook.Notification{
				EventID: "event_" + task, Resource: task, Registration: task,
				Payload: adcp.MCPWebhookPayload{
					TaskID: task, TaskType: adcp.TaskTypeCreateMediaBuy, Status: adcp.TaskStatusFailed,
					Result: json.RawMessage(`{"errors":[{"code":"POLICY_VIOLATION","message":"The sales desk declined."}]}`),
				},
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := outbox.DeliverDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	writeLetters(t, data, "sales")
	webhooks := func(args ...string) outcome {
		return inProcess(t, "", append([]string{"webhooks", "--data", data}, args...)...)
	}
	list := webhooks("list")
	if rows := strings.Split(strings.TrimSpace(list.out), "\n"); list.code != exitOK || len(rows) != 3 || !strings.HasPrefix(rows[0], "EVENT") {
		t.Fatalf("code %d: %s%s", list.code, list.out, list.err)
	}
	dead := webhooks("list", "--state", "dead")
	if !strings.Contains(dead.out, "event_task_gone  dead   task_gone") || !strings.Contains(dead.out, "the receiver answered status 410") || strings.Contains(dead.out, "task_late") {
		t.Errorf("%s%s", dead.out, dead.err)
	}
	var documents []letterDocument
	if got := webhooks("list", "--state", "pending", "--json"); json.Unmarshal([]byte(got.out), &documents) != nil ||
		len(documents) != 1 || documents[0].EventID != "event_task_late" || documents[0].NextAt.IsZero() || documents[0].Attempts != 1 {
		t.Errorf("%s%s", got.out, got.err)
	}
	show := webhooks("show", "event_task_gone")
	for _, want := range []string{"state            dead", "signed by        Bearer", `"task_id": "task_gone"`, "410"} {
		if !strings.Contains(show.out, want) {
			t.Errorf("%q is not in\n%s%s", want, show.out, show.err)
		}
	}
	if all := list.out + show.out + webhooks("show", "--json", "event_task_gone").out; strings.Contains(all, inboxSecret) {
		t.Error("the receiver's secret is shown")
	}
	if got := webhooks("replay", "event_task_gone"); got.code != exitOK || got.out != "event_task_gone is pending again\n" {
		t.Errorf("code %d: %s%s", got.code, got.out, got.err)
	}
	if got := webhooks("replay", "--all"); got.code != exitOK || got.out != "There are no dead webhooks.\n" {
		t.Errorf("code %d: %s%s", got.code, got.out, got.err)
	}
	for _, tt := range []struct {
		rule, want string
		args       []string
	}{
		{"only dead ones are replayed", "no dead webhook event_task_gone", []string{"replay", "event_task_gone"}},
		{"who replays says what", "--all", []string{"replay"}},
		{"not both ways", "--all", []string{"replay", "x", "--all"}},
		{"an unknown one is named", "no webhook x", []string{"show", "x"}},
		{"an unknown state is named", `"gone"`, []string{"list", "--state", "gone"}},
		{"a list has a length", "--limit", []string{"list", "--limit", "0"}},
		{"a directory without a database is named", "no database in", []string{"list", "--data", t.TempDir()}},
	} {
		if got := webhooks(tt.args...); got.code != exitFailed || !strings.Contains(got.err, tt.want) {
			t.Errorf("%s: code %d: %s%s", tt.rule, got.code, got.out, got.err)
		}
	}
}

func TestWebhooksOfTheSandboxAreItsOwn(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	writeLetters(t, data, "sandbox")
	if got := inProcess(t, "", "webhooks", "--data", data, "list"); got.out != "There are no webhooks.\n" {
		t.Errorf("%s%s", got.out, got.err)
	}
	if got := inProcess(t, "", "webhooks", "--data", data, "--sandbox", "replay", "--all", "--json"); got.code != exitOK || !strings.Contains(got.out, "event_task_gone") {
		t.Errorf("%s%s", got.out, got.err)
	}
}
