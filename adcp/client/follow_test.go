package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/a2a"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/adcp/mcp"
)

// tasks makes get_task_status walk through the given states of task_1.
func tasks(s *seller, states ...map[string]any) {
	n := 0
	s.task = func(_ context.Context, _ *agent.Call, req *adcp.GetTaskStatusRequest) (*adcp.GetTaskStatusResponse, error) {
		if req.TaskID != "task_1" {
			return nil, adcp.NewError(adcp.CodeReferenceNotFound, "task_id", "No such task.")
		}
		state := states[min(n, len(states)-1)]
		n++
		doc := map[string]any{
			"task_id": "task_1", "task_type": "create_media_buy", "protocol": "media-buy",
			"created_at": morning, "updated_at": morning,
		}
		for k, v := range state {
			doc[k] = v
		}
		b, err := json.Marshal(doc)
		if err != nil {
			return nil, err
		}
		resp := new(adcp.GetTaskStatusResponse)
		return resp, json.Unmarshal(b, resp)
	}
}

var (
	submitted = map[string]any{"status": "submitted"}
	working   = map[string]any{"status": "working", "message": "almost\u0000 there"}
	completed = map[string]any{"status": "completed", "result": map[string]any{
		"media_buy_id": "mb_1", "confirmed_at": morning, "revision": 1, "packages": []any{}, "total_budget": json.Number("10.10"), "currency": "USD",
	}}
	failed = map[string]any{"status": "failed", "error": map[string]any{"code": "TERMS_REJECTED", "message": "Not\u202e this time."}}
)

func TestFollow(t *testing.T) { overBoth(t, testFollow) }

func testFollow(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("Looks until the task is completed, ever more seldom", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t)
		tasks(s, submitted, submitted, working, completed)
		var waits []time.Duration
		var heard []string
		resp, err := client.Follow(ctx, s.client(t), adcp.CreateMediaBuy, "task_1", client.FollowOptions{
			First: 10 * time.Second, Most: 20 * time.Second,
			Wait:     func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil },
			OnStatus: func(status, message string) { heard = append(heard, status+":"+message) },
		})
		if err != nil || adcp.Val(resp.MediaBuyID) != "mb_1" || adcp.Val(resp.TotalBudget) != "10.10" {
			t.Fatalf("got %+v, %v", resp, err)
		}
		if diff := cmp.Diff([]time.Duration{10 * time.Second, 15 * time.Second, 20 * time.Second}, waits); diff != "" {
			t.Errorf("waits (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"submitted:", "working:almost there", "completed:"}, heard); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		keys := map[string]bool{}
		for _, sent := range s.sent() {
			var req struct {
				Key    string `json:"idempotency_key"`
				Result bool   `json:"include_result"`
			}
			if err := json.Unmarshal([]byte(sent), &req); err != nil || !req.Result || keys[req.Key] {
				t.Errorf("looked with %s: each look needs a key of its own, and asks for the result", sent)
			}
			keys[req.Key] = true
		}
	})
	t.Run("A failed task is its error", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t)
		tasks(s, submitted, failed)
		_, err := client.Follow(ctx, s.client(t), adcp.CreateMediaBuy, "task_1", client.FollowOptions{})
		var ended *client.TaskError
		if !errors.As(err, &ended) || ended.Status != "failed" {
			t.Fatalf("got %v", err)
		}
		if e := wantCode(t, err, adcp.CodeTermsRejected); e.Message != "Not this time." {
			t.Errorf("message %q", e.Message)
		}
	})
	t.Run("A rejected task needs no reason", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t)
		tasks(s, map[string]any{"status": "rejected"})
		_, err := client.Follow(ctx, s.client(t), adcp.CreateMediaBuy, "task_1", client.FollowOptions{})
		var ended *client.TaskError
		if !errors.As(err, &ended) || ended.Reason != nil || ended.Unwrap() != nil || !strings.Contains(err.Error(), "rejected") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("A task that is not ours", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t)
		tasks(s, submitted)
		_, err := client.Follow(ctx, s.client(t), adcp.CreateMediaBuy, "task_2", client.FollowOptions{})
		wantCode(t, err, adcp.CodeReferenceNotFound)
	})
	t.Run("Looks run out", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t)
		tasks(s, submitted)
		_, err := client.Follow(ctx, s.client(t), adcp.CreateMediaBuy, "task_1", client.FollowOptions{Looks: 3})
		if !errors.Is(err, client.ErrStillRunning) || len(s.sent()) != 3 || len(s.waits) != 2 {
			t.Errorf("got %v after %d looks", err, len(s.sent()))
		}
	})
	t.Run("Waiting ends with the context", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t)
		tasks(s, submitted)
		_, err := client.Follow(ctx, s.client(t), adcp.CreateMediaBuy, "task_1", client.FollowOptions{
			Wait: func(context.Context, time.Duration) error { return context.Canceled },
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("Completed without a result", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t)
		tasks(s, map[string]any{"status": "completed"})
		_, err := client.Look(ctx, s.client(t), adcp.CreateMediaBuy, "task_1", nil)
		wantKind(t, err, client.Malformed)
	})
	t.Run("The answer is about another task", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t)
		tasks(s, map[string]any{"task_id": "task_9", "status": "submitted"})
		_, err := client.Look(ctx, s.client(t), adcp.CreateMediaBuy, "task_1", &adcp.AccountReference{AccountID: new("acc_1")})
		wantKind(t, err, client.Malformed)
		if !strings.Contains(s.sent()[0], `"account":{"account_id":"acc_1"}`) {
			t.Errorf("sent %s", s.sent()[0])
		}
	})
	t.Run("One look", func(t *testing.T) {
		t.Parallel()
		s := newSeller(t)
		tasks(s, working)
		task, err := client.Look(ctx, s.client(t), adcp.CreateMediaBuy, "task_1", nil)
		if err != nil || task.Done() || task.Result != nil || task.Message != "almost there" {
			t.Errorf("got %+v, %v", task, err)
		}
	})
}

// TestPublishedRecoveryActions holds what a client does on an error to the
// protocol's vectors. The reading of the error itself is tested in adcp/mcp and
// adcp/a2a.
func TestPublishedRecoveryActions(t *testing.T) {
	t.Parallel()
	spec := os.Getenv("ADCP_SPEC")
	if spec == "" {
		spec = filepath.Join("..", "..", "..", "shared", "adcp")
	}
	b, err := os.ReadFile(filepath.Join(spec, "3.1.19", "test-vectors", "wire", "transport-error-mapping.json"))
	if err != nil {
		if os.Getenv("ADCP_SPEC_REQUIRED") == "1" {
			t.Fatal(err)
		}
		t.Skipf("the protocol's vectors are not at hand; set ADCP_SPEC to their directory: %v", err)
	}
	var file struct {
		Vectors []struct {
			ID        string          `json:"id"`
			Transport string          `json:"transport"`
			Response  json.RawMessage `json:"response"`
			Action    string          `json:"expected_action"`
		} `json:"vectors"`
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	actions := map[adcp.ErrorRecovery]string{
		adcp.ErrorRecoveryTransient:   "retry",
		adcp.ErrorRecoveryCorrectable: "surface_to_caller",
		adcp.ErrorRecoveryTerminal:    "escalate_to_human",
	}
	for _, v := range file.Vectors {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			var raw json.RawMessage
			read := false
			switch v.Transport {
			case "mcp":
				var answer mcp.Answer
				answer, read = mcp.ExtractAnswer(v.Response)
				raw = answer.Error
			case "a2a":
				var answer a2a.Answer
				answer, read = a2a.ExtractAnswer(v.Response)
				raw = answer.Error
			}
			if !read {
				t.Fatalf("not read as an answer over %s", v.Transport)
			}
			got := "generic_error"
			if refusal, ok := client.ReadError(raw); ok {
				got = actions[client.Recovery(refusal)]
				if wait := client.RetryAfter(refusal); wait > time.Hour || wait != 0 && wait < time.Second {
					t.Errorf("would wait %v", wait)
				}
			}
			if got != v.Action {
				t.Errorf("action %q, want %q", got, v.Action)
			}
		})
	}
}
