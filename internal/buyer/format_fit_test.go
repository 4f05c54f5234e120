package buyer

import (
	"testing"

	"github.com/upfront-media/upfront/adcp"
)

func TestAProductThatPlaysNoneOfTheSpotsIsNotBought(t *testing.T) {
	t.Parallel()
	still := `{"format_id":{"agent_url":"https://f.example","id":"still"},"name":"Still",
		"assets":[{"item_type":"individual","asset_id":"image","asset_type":"image","required":true}]}`
	long := `{"format_id":{"agent_url":"https://f.example","id":"long"},"name":"Long",
		"assets":[{"item_type":"individual","asset_id":"spot","asset_type":"video","required":true,
			"requirements":{"min_duration_ms":30000,"max_duration_ms":30000}}]}`
	short := `{"format_id":{"agent_url":"https://f.example","id":"short"},"name":"Short",
		"assets":[{"item_type":"individual","asset_id":"spot","asset_type":"video","required":true,
			"requirements":{"min_duration_ms":1000,"max_duration_ms":15000}}]}`
	tag := `{"format_id":{"agent_url":"https://f.example","id":"tag"},"name":"Tag",
		"assets":[{"item_type":"individual","asset_id":"tag","asset_type":"vast","required":true}]}`
	known := []adcp.Format{format(t, still), format(t, long), format(t, short), format(t, tag)}
	for _, tt := range []struct {
		rule     string
		accepted []string
		want     bool
	}{
		{"a still picture plays no spot", []string{"still"}, false},
		{"a longer spot is not ours", []string{"long"}, false},
		{"a length within the bounds is played", []string{"short"}, true},
		{"one format of several is enough", []string{"still", "long", "short"}, true},
		{"a tag of any length plays it", []string{"tag"}, true},
		{"what the seller does not list may play it", []string{"unlisted"}, true},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			var accepted []FormatID
			for _, name := range tt.accepted {
				accepted = append(accepted, FormatID{AgentURL: "https://f.example", ID: name})
			}
			if got := takesSpot(accepted, known, []int{6, 15}); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
