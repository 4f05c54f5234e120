package agent_test

import (
	"testing"

	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/agent/tasktest"
)

func TestMemoryTasks(t *testing.T) {
	t.Parallel()
	tasktest.Run(t, func(*testing.T) [2]agent.TaskStore {
		m := agent.NewMemoryTasks()
		return [2]agent.TaskStore{m, m}
	})
}
