package seller_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// TestGoldenPairsOfProposals plays the pairs under testdata/proposals, each with a
// plaza of its own, where "buyer" has the account of acme.example and "rival" that
// of rival.example. In a request, $PROPOSAL_1 is the first proposal of the last
// answer that had some, and $PROPOSAL_RESERVED the one of reserved products.
func TestGoldenPairsOfProposals(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "proposals", "*", "*", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no pairs: %v", err)
	}
	for _, file := range files {
		task := filepath.Base(filepath.Dir(filepath.Dir(file)))
		refused := filepath.Base(filepath.Dir(file)) == "refused"
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/proposals/"), ".json"), func(t *testing.T) {
			t.Parallel()
			open := func(t testing.TB) *house {
				h := plazaHouse(t, storetest.Open(t, store.SQLite))
				h.account("rival", "rival.example")
				return h
			}
			checkOrderPair(t, task, file, refused, open, func() *house { return open(t) })
		})
	}
}

// proposals are the identifiers of the last proposals that were answered.
type proposals struct{ first, reserved string }

// note remembers the proposals of an answer.
func (p *proposals) note(body []byte) {
	var answer struct {
		Proposals []struct {
			ID   string `json:"proposal_id"`
			Name string `json:"name"`
		} `json:"proposals"`
	}
	if json.Unmarshal(body, &answer) != nil || len(answer.Proposals) == 0 {
		return
	}
	p.first = answer.Proposals[0].ID
	for _, one := range answer.Proposals {
		if one.Name == "Reserved plan" {
			p.reserved = one.ID
		}
	}
}

// named puts their identifiers into a request.
func (p *proposals) named(request json.RawMessage) json.RawMessage {
	return json.RawMessage(strings.NewReplacer("$PROPOSAL_1", p.first, "$PROPOSAL_RESERVED", p.reserved).Replace(string(request)))
}
