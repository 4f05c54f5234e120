package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/client"
)

// untilTold waits for ever, so that only a webhook ends the wait.
func untilTold(ctx context.Context, _ time.Duration) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestFollowIsWokenByAWebhook(t *testing.T) {
	t.Parallel()
	in := openInbox(t)
	bell := new(client.Doorbell)
	in.handleBy(func(d client.Delivery) error { return bell.Ring(t.Context(), d) })
	s := newSeller(t)
	tasks(s, submitted, completed)
	told, done := bell.Listen("https://seller.example/mcp", "op_1")
	defer done()
	deaf, end := bell.Listen("somebody else", "op_1")
	defer end()
	looked := make(chan struct{}, 10)
	go func() {
		<-looked // the first look found nothing
		if status, body := in.send(in.request("/hmac", webhookBody)); status != 204 {
			t.Errorf("the webhook was answered %d %s", status, body)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	resp, err := client.Follow(ctx, s.client(t), adcp.CreateMediaBuy, "task_1", client.FollowOptions{
		Wait: untilTold, Told: told, OnStatus: func(string, string) { looked <- struct{}{} },
	})
	if err != nil || adcp.Val(resp.MediaBuyID) != "mb_1" {
		t.Fatalf("got %+v, %v", resp, err)
	}
	select {
	case <-deaf:
		t.Error("another sender's webhook rings")
	default:
	}
}

func TestFollowPollsWhereNoWebhookComes(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	tasks(s, submitted, working, completed)
	told, done := new(client.Doorbell).Listen("a", "op_1")
	defer done()
	waits := 0
	resp, err := client.Follow(t.Context(), s.client(t), adcp.CreateMediaBuy, "task_1", client.FollowOptions{
		Told: told, Wait: func(context.Context, time.Duration) error { waits++; return nil },
	})
	if err != nil || adcp.Val(resp.MediaBuyID) != "mb_1" || waits != 2 {
		t.Errorf("got %+v, %v after %d waits", resp, err, waits)
	}
}

func TestFollowEndsWithItsContextThoughItListens(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	tasks(s, submitted)
	told, done := new(client.Doorbell).Listen("a", "op_1")
	defer done()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := client.Follow(ctx, s.client(t), adcp.CreateMediaBuy, "task_1", client.FollowOptions{
		Told: told, Wait: untilTold, OnStatus: func(string, string) { cancel() },
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDoorbellKeepsOneRing(t *testing.T) {
	t.Parallel()
	bell := new(client.Doorbell)
	told, done := bell.Listen("a", "op_1")
	for range 3 {
		if err := bell.Ring(t.Context(), client.Delivery{Sender: "a", Payload: adcp.MCPWebhookPayload{OperationID: "op_1"}}); err != nil {
			t.Fatal(err)
		}
	}
	<-told
	select {
	case <-told:
		t.Error("three webhooks before anybody looked ring more than once")
	default:
	}
	done()
	if err := bell.Ring(t.Context(), client.Delivery{Sender: "a", Payload: adcp.MCPWebhookPayload{OperationID: "op_1"}}); err != nil {
		t.Errorf("a webhook that nobody waits for is refused: %v", err)
	}
}
