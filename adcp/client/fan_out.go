package client

import (
	"context"
	"sync"
	"time"
)

// DefaultParallel is how many agents are asked at once; see [FanOutConfig].
const DefaultParallel = 8

// FanOutConfig says how many agents are asked together and for how long. The
// zero value will do.
type FanOutConfig struct {
	// Timeout is what each agent has, from when it is asked; 0 for no limit
	// besides the context's.
	Timeout time.Duration
	// Parallel is how many are asked at once; see [DefaultParallel].
	Parallel int
}

// Asked is what came of asking one agent: an answer, or why there is none.
type Asked[Agent, Answer any] struct {
	// Agent is the one that was asked.
	Agent Agent
	// Answer is what it said. It means something only where Err is nil.
	Answer Answer
	// Err is what ask returned, or the context's error for an agent whose turn
	// had not come when the context ended: it was not asked.
	Err error
}

// FanOut asks every agent the same and gives back what came of each, in the
// order of the agents: one that is slow, refuses or is gone costs the others
// nothing. Agents are clients, or whatever holds one. It returns when the last
// ask has; ask must heed its context, as every call of a [Client] does.
func FanOut[Agent, Answer any](ctx context.Context, agents []Agent, cfg FanOutConfig, ask func(context.Context, Agent) (Answer, error)) []Asked[Agent, Answer] {
	if cfg.Parallel <= 0 {
		cfg.Parallel = DefaultParallel
	}
	asked := make([]Asked[Agent, Answer], len(agents))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(cfg.Parallel, len(agents)) {
		workers.Go(func() {
			for i := range next {
				asked[i].Answer, asked[i].Err = askWithin(ctx, cfg.Timeout, agents[i], ask)
			}
		})
	}
	for i, agent := range agents {
		asked[i].Agent = agent
		next <- i
	}
	close(next)
	workers.Wait()
	return asked
}

func askWithin[Agent, Answer any](ctx context.Context, timeout time.Duration, agent Agent, ask func(context.Context, Agent) (Answer, error)) (Answer, error) {
	if err := ctx.Err(); err != nil {
		var none Answer
		return none, err
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	return ask(ctx, agent)
}
