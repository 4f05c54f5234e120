package buyer

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp"
)

func format(t *testing.T, document string) adcp.Format {
	t.Helper()
	var f adcp.Format
	if err := json.Unmarshal([]byte(document), &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func testStudio() studio {
	return studio{campaignID: "camp_1", seller: "a", name: "Spring", domain: "acme.example", seconds: []int{6, 15}}
}

const (
	format6s  = `{"format_id":{"agent_url":"https://f.example","id":"v6"},"name":"6","assets":[{"item_type":"individual","asset_id":"file","asset_type":"video","required":true,"requirements":{"min_duration_ms":5500,"max_duration_ms":6500,"min_width":1280,"max_height":720,"containers":["webm"]}}]}`
	format30s = `{"format_id":{"agent_url":"https://f.example","id":"v30"},"name":"30","assets":[{"item_type":"individual","asset_id":"file","asset_type":"video","required":true,"requirements":{"min_duration_ms":30000,"max_duration_ms":30000}}]}`
	formatAll = `{"format_id":{"agent_url":"https://f.example","id":"all"},"name":"all","renders":[{"role":"primary","dimensions":{"width":300,"height":250}}],"assets":[
		{"item_type":"individual","asset_id":"image","asset_type":"image","required":true,"requirements":{"formats":["png"]}},
		{"item_type":"individual","asset_id":"sound","asset_type":"audio","required":true},
		{"item_type":"individual","asset_id":"line","asset_type":"text","required":true,"requirements":{"min_length":8,"max_length":10}},
		{"item_type":"individual","asset_id":"page","asset_type":"html","required":true},
		{"item_type":"individual","asset_id":"tag","asset_type":"vast","required":true},
		{"item_type":"individual","asset_id":"bundle","asset_type":"zip","required":true},
		{"item_type":"individual","asset_id":"click","asset_type":"url","required":false,"requirements":{"role":"clickthrough"}},
		{"item_type":"individual","asset_id":"pixel","asset_type":"url","required":false,"requirements":{"role":"impression_tracker"}}]}`
	formatTag   = `{"format_id":{"agent_url":"https://f.example","id":"tag"},"name":"t","assets":[{"item_type":"individual","asset_id":"tag","asset_type":"vast","required":true}]}`
	formatStill = `{"format_id":{"agent_url":"https://f.example","id":"still"},"name":"s","assets":[{"item_type":"individual","asset_id":"i","asset_type":"image","required":true}]}`
	formatGroup = `{"format_id":{"agent_url":"https://f.example","id":"group"},"name":"g","assets":[{"item_type":"repeatable_group","asset_group_id":"cards","required":true,"min_count":2,"max_count":4,"assets":[]}]}`
	formatHook  = `{"format_id":{"agent_url":"https://f.example","id":"hook"},"name":"h","assets":[{"item_type":"individual","asset_id":"x","asset_type":"webhook","required":true}]}`
)

func TestCreativesHoldWhatTheFormatRequires(t *testing.T) {
	t.Parallel()
	c, problem := testStudio().make(format(t, formatAll), FormatID{AgentURL: "https://f.example", ID: "all"})
	if problem != "" {
		t.Fatal(problem)
	}
	document, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := adcp.ValidateDocument("core/creative-asset.json", document); err != nil {
		t.Errorf("%v: %s", err, document)
	}
	for _, want := range []string{`"url":"https://cdn.acme.example/`, `image.png"`, `"width":300`, `"height":250`, `"url":"https://www.acme.example/spring"`, `"content":"Spring.."`} {
		if !strings.Contains(string(document), want) {
			t.Errorf("no %s in %s", want, document)
		}
	}
	if _, there := c.Assets["pixel"]; there {
		t.Error("an optional tracker was made up")
	}
	again, _ := testStudio().make(format(t, formatAll), FormatID{ID: "all"})
	if again.CreativeID != c.CreativeID {
		t.Error("the same creative has another identifier")
	}
}

func TestTheFormatThatRunsTheBrandsSpotsIsChosen(t *testing.T) {
	t.Parallel()
	known := []adcp.Format{format(t, format6s), format(t, format30s), format(t, formatGroup), format(t, formatHook), format(t, formatTag), format(t, formatStill)}
	ids := func(names ...string) (out []FormatID) {
		for _, n := range names {
			out = append(out, FormatID{AgentURL: "https://elsewhere.example", ID: n})
		}
		return out
	}
	for _, tt := range []struct {
		rule       string
		accepted   []FormatID
		want, fail string
	}{
		{"ItsOwnLength", ids("v30", "v6"), "v6", ""},
		{"ATagRatherThanAStill", ids("still", "tag"), "tag", ""},
		{"ElseTheFirstThatCanBeMade", ids("group", "v30"), "v30", ""},
		{"GroupsCannot", ids("group"), "", "asks for a group of assets"},
		{"UnknownAssetsCannot", ids("hook"), "", "asset of type webhook"},
		{"Unlisted", ids("nowhere"), "", "does not list the formats"},
	} {
		c, reason := testStudio().choose(tt.accepted, known)
		if tt.fail != "" {
			if c != nil || !strings.Contains(reason, tt.fail) {
				t.Errorf("%s: %+v, %q", tt.rule, c, reason)
			}
			continue
		}
		if c == nil || c.FormatID.ID != tt.want || c.FormatID.AgentURL != "https://f.example" {
			t.Errorf("%s: %+v, %q", tt.rule, c, reason)
		}
	}
	c, _ := testStudio().choose(ids("v6"), known)
	if got := string(c.Assets["file"]); !strings.Contains(got, `"duration_ms":6000`) || !strings.Contains(got, `"height":720`) || !strings.Contains(got, `.webm"`) {
		t.Errorf("video %s", got)
	}
}
