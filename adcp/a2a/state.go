package a2a

import (
	"strings"

	sdk "github.com/a2aproject/a2a-go/v2/a2a"
)

// states are the protocol's task statuses as states of A2A.
var states = map[string]sdk.TaskState{
	"submitted":      sdk.TaskStateSubmitted,
	"working":        sdk.TaskStateWorking,
	"input-required": sdk.TaskStateInputRequired,
	"auth-required":  sdk.TaskStateAuthRequired,
	"completed":      sdk.TaskStateCompleted,
	"failed":         sdk.TaskStateFailed,
	"rejected":       sdk.TaskStateRejected,
	"canceled":       sdk.TaskStateCanceled,
}

// stateOf is the A2A state of an agent's own task. A status that A2A has no
// word for is that of a task whose end is not known.
func stateOf(status string) sdk.TaskState {
	if s, ok := states[status]; ok {
		return s
	}
	return sdk.TaskStateWorking
}

// statusOf is the status that a state of either release of A2A stands for, or
// "" for one that is not known.
func statusOf(state string) string {
	s, _ := strings.CutPrefix(state, "TASK_STATE_")
	s = strings.ReplaceAll(asciiLower(s), "_", "-")
	if _, ok := states[s]; !ok {
		return ""
	}
	return s
}

// asciiLower lowers A to Z and leaves every other character, as the rules of
// extraction want it.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}

// final tells whether a task of that status has ended.
func final(status string) bool {
	switch status {
	case "completed", "failed", "rejected", "canceled":
		return true
	}
	return false
}
