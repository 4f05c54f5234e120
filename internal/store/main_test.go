package store_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/upfront-media/upfront/internal/store"
)

// childConfig is set where the test binary is run as the program that gets killed.
const childConfig = "UPFRONT_STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if cfg := os.Getenv(childConfig); cfg != "" {
		if err := child(cfg); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// child commits an event, appends another one in a transaction that it leaves open,
// says so, and waits for its end.
func child(raw string) error {
	var cfg store.Config
	if err := json.Unmarshal([]byte(raw), &cfg); err != nil {
		return err
	}
	ctx := context.Background()
	db, err := store.Open(ctx, cfg)
	if err != nil {
		return err
	}
	if err := db.Tx(ctx, func(tx *store.Tx) error {
		return tx.AppendEvent(ctx, store.Event{Tenant: "t", Kind: "committed"})
	}); err != nil {
		return err
	}
	if _, _, err := db.Idempotency(store.IdempotencyConfig{}).Begin(ctx, scope("child-key"), "digest"); err != nil {
		return err
	}
	return db.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.AppendEvent(ctx, store.Event{Tenant: "t", Kind: "never committed"}); err != nil {
			return err
		}
		fmt.Println("ready")
		select {}
	})
}

// killChild runs the child on the database until it says that it is ready, and
// kills it as the operating system would: no deferred call of it runs.
func killChild(t *testing.T, cfg store.Config) {
	t.Helper()
	raw, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childConfig+"="+string(raw))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "ready\n" {
		t.Errorf("the child said %q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // killed
}
