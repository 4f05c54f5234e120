package job_test

import (
	"context"
	"testing"
	"time"

	"github.com/upfront-media/upfront/internal/job"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

func TestJobOfAKilledProcessIsTakenUp(t *testing.T) {
	t.Parallel()
	for _, dialect := range storetest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			cfg := storetest.Config(t, dialect)
			kill := startChild(t, cfg, job.DefaultMaxAttempts)
			kill()
			b := setup(t, storetest.OpenConfig(t, cfg), job.Config{})
			killed := time.Now()
			b.start()
			b.drain(0)
			b.wantRan("left behind")
			// River's own rescue comes after the timeout and more, so it was not that.
			if waited := time.Since(killed); waited > job.DefaultTimeout/2 {
				t.Errorf("the job was taken up after %v", waited)
			}
		})
	}
}

func TestJobOfALivingProcessIsLeftAlone(t *testing.T) {
	t.Parallel()
	cfg := storetest.Config(t, store.PostgreSQL)
	kill := startChild(t, cfg, job.DefaultMaxAttempts)
	b := setup(t, storetest.OpenConfig(t, cfg), job.Config{})
	ran := make(chan string, 2)
	b.work = func(_ context.Context, arg string) error { ran <- arg; return nil }
	b.start() // looks for orphans first
	b.enqueue("work", "another")
	if arg := <-ran; arg != "another" {
		t.Errorf("%q was taken from a living process", arg)
	}
	kill()
	b.drain(0)
	b.wantRan("another", "left behind")
}

// A job that brings its process down must not do so for ever.
func TestJobThatKillsItsProcessIsGivenUp(t *testing.T) {
	t.Parallel()
	for _, dialect := range storetest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			cfg := storetest.Config(t, dialect)
			startChild(t, cfg, 1)()
			b := setup(t, storetest.OpenConfig(t, cfg), job.Config{})
			b.start()
			b.drain(0)
			b.wantRan()
		})
	}
}
