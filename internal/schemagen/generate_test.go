package schemagen_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/schemagen"
)

func TestCommittedOutputIsFresh(t *testing.T) {
	t.Parallel()
	published := os.DirFS(specDir(t))
	files, err := schemagen.Generate(published)
	if err != nil {
		t.Fatal(err)
	}
	const hint = "run go generate ./adcp and commit"
	committed, err := filepath.Glob("../../adcp/*.gen.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range committed {
		if files[filepath.Base(name)] == nil {
			t.Errorf("%s is no longer generated: %s", name, hint)
		}
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("../../adcp", name))
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is stale: %s", name, hint)
		}
	}
	want, err := schemagen.GenerateCorpus(published)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile("corpus_gen_test.go"); err != nil || string(got) != string(want) {
		t.Errorf("corpus_gen_test.go is stale: %s", hint)
	}
}

func TestNoProseIsCommitted(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../adcp/schemas.gen.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	// A member called "description" has a schema for a value; prose has a string.
	if found := regexp.MustCompile(`"(title|description|\$comment|examples|x-[a-z-]+|enumDescriptions|notes)":["\[]`).Find(text); found != nil {
		t.Errorf("the structural schemas hold prose: %s", found)
	}
}

// The table is written by hand; the manifest says what it must hold.
func TestOperationTableMatchesTheManifest(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(specDir(t), "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		Protocol       string
		Mutating       bool
		RequestSchema  string `json:"request_schema"`
		ResponseSchema string `json:"response_schema"`
	}
	var manifest struct {
		Tools map[string]row
		Codes map[adcp.ErrorCode]struct{ Recovery adcp.ErrorRecovery } `json:"error_codes"`
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	got := map[string]row{}
	for _, op := range adcp.Operations() {
		got[op.Name] = row{op.Protocol, op.Mutating, op.RequestSchema, op.ResponseSchema}
	}
	if diff := cmp.Diff(manifest.Tools, got); diff != "" {
		t.Errorf("the operation table differs from the manifest (-manifest +table):\n%s", diff)
	}
	for code, want := range manifest.Codes {
		if !code.Standard() || code.Recovery() != want.Recovery {
			t.Errorf("code %s has recovery %s, want %s", code, code.Recovery(), want.Recovery)
		}
	}
}

const manifestOf = `{"$schema": "/s/manifest.schema.json", "tools": {"get_thing": {"request_schema": "media-buy/get-thing-request.json",
	"response_schema": "media-buy/get-thing-response.json"}}, "error_codes": {}}`

// generate runs the generator on one made-up request schema and returns the Go
// text of the file it lands in, white space folded.
func generate(t *testing.T, request string, others ...string) string {
	t.Helper()
	fsys := fstest.MapFS{
		"manifest.json":                     {Data: []byte(manifestOf)},
		"media-buy/get-thing-request.json":  {Data: []byte(`{"$id": "/s/media-buy/get-thing-request.json", "title": "Get Thing Request", ` + request + `}`)},
		"media-buy/get-thing-response.json": {Data: []byte(`{"$id": "/s/media-buy/get-thing-response.json", "title": "Get Thing Response", "type": "object", "properties": {"x": {"type": "string"}}}`)},
	}
	for i := 0; i < len(others); i += 2 {
		fsys[others[i]] = &fstest.MapFile{Data: []byte(`{"$id": "/s/` + others[i] + `", ` + others[i+1] + `}`)}
	}
	files, err := schemagen.Generate(fsys)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range slices.Sorted(mapKeys(files)) {
		if strings.HasSuffix(name, ".go") {
			all.Write(files[name])
		}
	}
	return regexp.MustCompile(`[ \t]+`).ReplaceAllString(all.String(), " ")
}

func mapKeys(m map[string][]byte) func(func(string) bool) {
	return func(yield func(string) bool) {
		for name := range m {
			if !yield(name) {
				return
			}
		}
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule    string
		request string
		others  []string
		want    []string
	}{
		{
			"RequiredIsPlainAndOptionalIsAPointer", `"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}`, nil,
			[]string{"A string `json:\"a\"`", "B *int64 `json:\"b,omitzero\"`"},
		},
		{
			"NumbersAreDecimals", `"type": "object", "properties": {"price": {"type": "number"}, "list": {"type": "array", "items": {"type": "number"}}}`, nil,
			[]string{"Price *Decimal", "List []Decimal"},
		},
		{
			"NullableAndOptionalIsNullable", `"type": "object", "properties": {"a": {"type": ["string", "null"], "format": "date-time"}}`, nil,
			[]string{"A Nullable[time.Time] `json:\"a,omitzero\"`"},
		},
		{
			"NullableAndRequiredIsAPointer", `"type": "object", "required": ["a"], "properties": {"a": {"type": ["number", "null"]}}`, nil,
			[]string{"A *Decimal `json:\"a\"`"},
		},
		{
			"AllOfIsFlattened", `"type": "object", "allOf": [{"$ref": "/s/core/base.json"}], "properties": {"own": {"type": "boolean"}}`,
			[]string{"core/base.json", `"title": "Base", "type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}`},
			[]string{"Own *bool `json:\"own,omitzero\"` ID string `json:\"id\"`"},
		},
		{
			"UnionsOfObjectsMerge", `"type": "object", "oneOf": [{"required": ["kind", "a"], "properties": {"kind": {"const": "x"}, "a": {"type": "string"}}},
			{"required": ["kind"], "properties": {"kind": {"const": "y"}, "b": {"type": "string"}}}]`, nil,
			[]string{"Kind GetThingRequestKind `json:\"kind\"`", "A *string", "B *string", `GetThingRequestKindX GetThingRequestKind = "x"`},
		},
		{
			"MixedKindsStayRaw", `"type": "object", "properties": {"a": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}}`, nil,
			[]string{"A json.RawMessage `json:\"a,omitzero\"`"},
		},
		{
			"AMemberOfAConditionIsNotLost", `"type": "object", "properties": {"a": {"type": "string"}}, "if": {"required": ["a"]}, "then": {"required": ["c"], "properties": {"c": {"type": "boolean"}}}`, nil,
			[]string{"C *bool `json:\"c,omitzero\"`"},
		},
		{
			"AConditionDoesNotNarrowAMember", `"type": "object", "properties": {"a": {"type": "string"}}, "allOf": [{"if": {"required": ["a"]}, "then": {"properties": {"a": {"enum": ["x", "y"]}}}}]`, nil,
			[]string{"A *string `json:\"a,omitzero\"`"},
		},
		{
			"AnEnumHasConstants", `"type": "object", "properties": {"ratio": {"enum": ["16:9", "1:1"]}}`, nil,
			[]string{"GetThingRequestRatio16x9 GetThingRequestRatio = \"16:9\"", "GetThingRequestRatio1x1 GetThingRequestRatio = \"1:1\""},
		},
		{
			"APublishedEnumIsUsedWhereAMemberIsNamedForIt", `"type": "object", "properties": {"color": {"enum": ["red", "blue"]}, "of": {"$ref": "/s/enums/color.json"}}`,
			[]string{"enums/color.json", `"title": "Color", "type": "string", "enum": ["red", "blue", "green"]`},
			[]string{"Color *Color `json"},
		},
		{
			"MapsKeepTheirValueType", `"type": "object", "properties": {"features": {"type": "object", "properties": {"a": {"type": "boolean"}}, "additionalProperties": {"type": "boolean"}}}`, nil,
			[]string{"Features map[string]bool"},
		},
		{
			"InitialismsAndParentheses", `"type": "object", "properties": {"agent_url": {"$ref": "/s/core/ref.json"}, "cpm_ids": {"type": "array", "items": {"type": "string"}}}`,
			[]string{"core/ref.json", `"title": "Account ID (v2)", "type": "object", "properties": {"ctv": {"type": "boolean"}}`},
			[]string{"AgentURL *AccountID", "CPMIDs []string", "CTV *bool"},
		},
		{
			"ARecursiveSchemaIsAPointer", `"type": "object", "properties": {"node": {"$ref": "/s/core/node.json"}}`,
			[]string{"core/node.json", `"title": "Node", "type": "object", "properties": {"next": {"$ref": "/s/core/node.json"}}`},
			[]string{"Next *Node"},
		},
		{
			"EqualTitlesAreToldApartByFolder", `"type": "object", "properties": {"a": {"$ref": "/s/core/a.json"}, "b": {"$ref": "/s/signals/a.json"}}`,
			[]string{"core/a.json", `"title": "A", "type": "object", "properties": {"x": {"type": "string"}}`, "signals/a.json", `"title": "A", "type": "object", "properties": {"y": {"type": "string"}}`},
			[]string{"A *A `json", "B *SignalsA `json"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got := generate(t, tt.request, tt.others...)
			for _, want := range tt.want {
				if !strings.Contains(strings.ReplaceAll(got, "\n", ""), want) {
					t.Errorf("got\n%s\nwant it to contain %s", got, want)
				}
			}
		})
	}
}

func TestGenerateRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]fstest.MapFS{
		"NoManifest":       {},
		"ManifestNotJSON":  {"manifest.json": {Data: []byte(`{`)}},
		"ManifestOfNoTask": {"manifest.json": {Data: []byte(`{}`)}},
		"SchemaNotJSON":    {"manifest.json": {Data: []byte(manifestOf)}, "core/a.json": {Data: []byte(`{`)}},
		"DanglingReference": {"manifest.json": {Data: []byte(manifestOf)}, "media-buy/get-thing-request.json": {Data: []byte(
			`{"$id": "/s/media-buy/get-thing-request.json", "title": "R", "type": "object", "properties": {"a": {"$ref": "/s/core/none.json"}}}`)}},
	}
	for rule, fsys := range tests {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			if _, err := schemagen.Generate(fsys); err == nil {
				t.Error("got no error")
			}
		})
	}
}
