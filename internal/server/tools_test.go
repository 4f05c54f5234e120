package server

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/upfront-media/upfront/internal/clock"
)

// maxToolList is how large the list of tools may be in bytes: a model that
// connects reads all of it before its first call.
const maxToolList = 120_000

func TestTheListOfToolsIsSmall(t *testing.T) {
	t.Parallel()
	body := post(t, http.DefaultClient, openShop(t, clock.System{}), `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	var list struct {
		Result struct {
			Tools []json.RawMessage `json:"tools"`
		} `json:"result"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Result.Tools) < 10 {
		t.Fatalf("only %d tools are listed", len(list.Result.Tools))
	}
	for _, tool := range list.Result.Tools {
		var named struct {
			Name string `json:"name"`
		}
		if err := json.Unmarshal(tool, &named); err != nil {
			t.Fatal(err)
		}
		t.Logf("%6d bytes  %s", len(tool), named.Name)
	}
	t.Logf("%6d bytes  tools/list, %d tools", len(body), len(list.Result.Tools))
	if len(body) > maxToolList {
		t.Errorf("tools/list has %d bytes, want at most %d", len(body), maxToolList)
	}
}
