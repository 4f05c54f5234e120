package sandbox_test

import (
	"testing"

	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/sandbox"
)

func TestAmend(t *testing.T) {
	t.Parallel()
	d := &sandbox.Controller{Config: sandbox.Config{AgentURL: "http://127.0.0.1:8080", Brands: map[string]string{"kit": "acmeoutdoor.example"}}}
	kit, live, other := agent.Caller{Principal: "kit", Sandbox: true}, agent.Caller{Principal: "kit"}, agent.Caller{Principal: "other", Sandbox: true}
	const runners = `{"account":{"brand":{"domain":"test.example"},"operator":"test.example","sandbox":true},"brand":{"domain":"test.example"}}`
	for _, tt := range []struct {
		rule, operation string
		caller          agent.Caller
		in, want        string
	}{
		{
			"the runner's account stands for the kit's", "create_media_buy", kit, runners,
			`{"account":{"brand":{"domain":"acmeoutdoor.example"},"operator":"pinnacle-agency.example","sandbox":true},"brand":{"domain":"acmeoutdoor.example"}}`,
		},
		{"accounts are opened as they are named", "sync_accounts", kit, runners, runners},
		{"a principal of no kit is left alone", "create_media_buy", other, runners, runners},
		{"a live principal is left alone", "create_media_buy", live, runners, runners},
		{"other accounts are left alone", "create_media_buy", kit, `{"account":{"account_id":"test.example"}}`, `{"account":{"account_id":"test.example"}}`},
		{"the storyboards' address of the agent is its own", "sync_creatives", other, `{"agent_url":"https://your-platform.example.com"}`, `{"agent_url":"http://127.0.0.1:8080"}`},
		{"a live principal means what it writes", "sync_creatives", live, `{"agent_url":"https://your-platform.example.com"}`, `{"agent_url":"https://your-platform.example.com"}`},
		{"other text is left alone", "get_products", kit, `{"brief":"test.example"}`, `{"brief":"test.example"}`},
		{"what is no JSON is left alone", "get_products", kit, `test.example`, `test.example`},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			if got := string(d.Amend(tt.caller, tt.operation, []byte(tt.in))); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
