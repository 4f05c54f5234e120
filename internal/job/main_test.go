package job_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/store"
)

// childConfig is set where the test binary is run as the program that gets killed.
const childConfig = "UPFRONT_JOB_TEST_CHILD"

func TestMain(m *testing.M) {
	if cfg := os.Getenv(childConfig); cfg != "" {
		if err := child(cfg); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// assignment is what the child is told.
type assignment struct {
	Config      store.Config
	MaxAttempts int
}

// child starts a job, says so in the middle of it, and waits for its end.
func child(raw string) error {
	var a assignment
	if err := json.Unmarshal([]byte(raw), &a); err != nil {
		return err
	}
	ctx := context.Background()
	db, err := store.Open(ctx, a.Config)
	if err != nil {
		return err
	}
	q, err := job.New(db, job.Config{Workers: 1})
	if err != nil {
		return err
	}
	job.Register(q, "work", func(context.Context, string) error {
		fmt.Println("ready")
		select {}
	})
	if err := q.Start(ctx); err != nil {
		return err
	}
	if err := db.Tx(ctx, func(tx *store.Tx) error {
		return job.Enqueue(ctx, tx, "work", "left behind", job.MaxAttempts(a.MaxAttempts))
	}); err != nil {
		return err
	}
	select {}
}

// startChild runs the child on the database and returns in the middle of its job.
func startChild(t *testing.T, cfg store.Config, maxAttempts int) (kill func()) {
	t.Helper()
	raw, err := json.Marshal(assignment{cfg, maxAttempts})
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
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Errorf("the child said %q, %v", line, err)
	}
	return func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // killed
	}
}
