package agent

import (
	"slices"

	"github.com/upfront-media/upfront/adcp"
)

// taskMoves are the states of a task (enums/task-status.json) and where each leads.
// The protocol names the states and draws the main way: submitted, working,
// completed, with input-required beside them. The rest is in its words for the
// states: "rejected" is of a task that was not started, so working does not lead
// there; nothing leads away from a task that is settled; "unknown" is no state that
// an agent puts its own tasks in.
var taskMoves = map[adcp.TaskStatus][]adcp.TaskStatus{
	// Accepted and queued: a person or another system has to act first.
	adcp.TaskStatusSubmitted: {
		adcp.TaskStatusWorking, adcp.TaskStatusInputRequired, adcp.TaskStatusAuthRequired,
		adcp.TaskStatusCompleted, adcp.TaskStatusFailed, adcp.TaskStatusRejected, adcp.TaskStatusCanceled,
	},
	// The agent is at it.
	adcp.TaskStatusWorking: {
		adcp.TaskStatusInputRequired, adcp.TaskStatusAuthRequired,
		adcp.TaskStatusCompleted, adcp.TaskStatusFailed, adcp.TaskStatusCanceled,
	},
	// The caller has to say something first. Its answer puts the task back to where
	// it waited, or to work.
	adcp.TaskStatusInputRequired: {
		adcp.TaskStatusSubmitted, adcp.TaskStatusWorking, adcp.TaskStatusAuthRequired,
		adcp.TaskStatusCompleted, adcp.TaskStatusFailed, adcp.TaskStatusRejected, adcp.TaskStatusCanceled,
	},
	// The caller has to show a credential first.
	adcp.TaskStatusAuthRequired: {
		adcp.TaskStatusSubmitted, adcp.TaskStatusWorking, adcp.TaskStatusInputRequired,
		adcp.TaskStatusCompleted, adcp.TaskStatusFailed, adcp.TaskStatusRejected, adcp.TaskStatusCanceled,
	},
	adcp.TaskStatusCompleted: nil,
	adcp.TaskStatusFailed:    nil,
	adcp.TaskStatusRejected:  nil,
	adcp.TaskStatusCanceled:  nil,
}

// TaskMoves tells whether a task may go from one state to another. A task that is
// not settled may stay where it is, with other words or more progress.
func TaskMoves(from, to adcp.TaskStatus) bool {
	next, known := taskMoves[from]
	return known && (slices.Contains(next, to) || from == to && len(next) > 0)
}

// TaskSettled tells whether a task in that state does not change any more.
func TaskSettled(status adcp.TaskStatus) bool {
	next, known := taskMoves[status]
	return known && len(next) == 0
}
