package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestStaff(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	staff := func(args ...string) outcome {
		return inProcess(t, "", append([]string{"staff", "--data", data}, args...)...)
	}
	if got := staff("list"); got.code != exitFailed || !strings.Contains(got.err, "upfront staff add") {
		t.Errorf("a database that is not there: code %d, err %q", got.code, got.err)
	}
	got := staff("add", "maria", "--role", "sales", "--role", "adops")
	key := strings.TrimSuffix(got.out, "\n")
	if got.code != exitOK || !strings.HasPrefix(key, "upf_desk_") || strings.Contains(got.err, key) || !strings.Contains(got.err, "maria") {
		t.Fatalf("code %d, out %q, err %q", got.code, got.out, got.err)
	}
	for rule, args := range map[string][]string{
		"a name twice":     {"add", "maria", "--role", "sales"},
		"no role":          {"add", "jan"},
		"an unknown role":  {"add", "jan", "--role", "boss"},
		"nobody to remove": {"remove", "jan"},
	} {
		if got := staff(args...); got.code != exitFailed || got.err == "" || got.out != "" {
			t.Errorf("%s: code %d, out %q, err %q", rule, got.code, got.out, got.err)
		}
	}
	if got := staff("list"); got.code != exitOK || !strings.Contains(got.out, "sales,adops") || strings.Contains(got.out, key) {
		t.Errorf("code %d, out %q", got.code, got.out)
	}
	if got := staff("remove", "maria"); got.code != exitOK {
		t.Errorf("code %d, err %q", got.code, got.err)
	}
	var people []staffDocument
	if got := staff("list", "--json"); json.Unmarshal([]byte(got.out), &people) != nil || len(people) != 1 || people[0].Status != "removed" {
		t.Errorf("listed %s", got.out)
	}
}
