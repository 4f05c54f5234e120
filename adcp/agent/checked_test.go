package agent

import (
	"fmt"
	"testing"

	"github.com/upfront-media/upfront/adcp"
)

func TestAnAnswerThatPassedIsKnown(t *testing.T) {
	t.Parallel()
	var c checked
	good, bad := []byte(`{"status":"completed","media_buys":[]}`), []byte(`{"status":"completed","media_buys":7}`)
	for range 2 {
		if err := c.response(adcp.GetMediaBuys.Operation, good); err != nil {
			t.Errorf("a good answer: %v", err)
		}
		if err := c.response(adcp.GetMediaBuys.Operation, bad); err == nil {
			t.Error("a bad answer passed")
		}
		if err := c.response(adcp.GetAdcpCapabilities.Operation, good); err == nil {
			t.Error("an answer that is good for one operation passed for another")
		}
	}
	if len(c.young) != 1 {
		t.Errorf("%d answers are remembered, want the good one", len(c.young))
	}
}

func TestTheMemoryOfAnswersIsBounded(t *testing.T) {
	t.Parallel()
	var c checked
	name := func(i int) (n [32]byte) { copy(n[:], fmt.Sprint(i)); return n }
	for i := range 5 * maxChecked {
		c.note(name(i))
		if !c.knows(name(i)) || !c.knows(name(0)) {
			t.Fatalf("after %d answers: one in use was forgotten", i)
		}
	}
	if n := len(c.young) + len(c.old); n > 2*maxChecked {
		t.Errorf("%d answers are remembered", n)
	}
	if c.knows(name(1)) {
		t.Error("an answer not asked for since is still known")
	}
}
