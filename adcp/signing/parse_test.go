package signing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/signing"
)

func TestStructuredFields(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{ // Empty: refused.
		`sig1=("a" "b");x=1;y="z"`:               `sig1=("a" "b");x=1;y="z"`,
		`a=( "a"   "b" ) ;x`:                     ``,
		`a=( "a"   "b" );  x`:                    `a=("a" "b");x`,
		`a=();t=tok/en;b=?0;c=?1;d=:AA==:`:       `a=();t=tok/en;b=?0;c;d=:AA==:`,
		`a=("q\"\\");n=-12;z=007`:                `a=("q\"\\");n=-12;z=7`,
		"a=(\"x\")  ,\t b=(\"y\")":               `a=("x"), b=("y")`,
		`*a-b_c.d=:AA:`:                          `*a-b_c.d=:AA:`,
		``:                                       ``,
		`a`:                                      ``,
		`A=()`:                                   ``,
		`a=(), a=()`:                             ``,
		`a=(),`:                                  ``,
		`a=() b=()`:                              ``,
		`a=("x""y")`:                             ``,
		`a=("x"`:                                 ``,
		`a=(x)`:                                  ``,
		`a=("x)`:                                 ``,
		`a=("\x")`:                               ``,
		"a=(\"\u00e9\")":                         ``,
		"a=(\"\t\")":                             ``,
		`a=();x=1.5`:                             ``,
		`a=();x=1234567890123456`:                ``,
		`a=();x=-`:                               ``,
		`a=();x=`:                                ``,
		`a=();x=1;x=1`:                           ``,
		`a=();X=1`:                               ``,
		`a=();x=?2`:                              ``,
		`a=:A A:`:                                ``,
		`a=:AA`:                                  ``,
		`a=5`:                                    ``,
		`a="x"`:                                  ``,
		`a=(` + strings.Repeat(`"x" `, 33) + `)`: ``,
		`a=();x="` + strings.Repeat("x", 17<<10) + `"`: ``,
	} {
		got, err := signing.Field(in)
		if want == "" && in != "" && err == nil {
			t.Errorf("%.60s is read as %s", in, got)
		}
		if want != "" && (err != nil || got != want) {
			t.Errorf("%s: got %s, %v, want %s", in, got, err, want)
		}
	}
}

func TestCanonicalizeMore(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{ // Empty: refused.
		"https://a.example":                  "https://a.example/",
		"https://a.example:/x":               "https://a.example/x",
		"https://a.example./x":               "https://a.example./x",
		"https://a_b.example/":               "https://a_b.example/",
		"https://127.0.0.1:8443/":            "https://127.0.0.1:8443/",
		"http://a.example:443/":              "http://a.example:443/",
		"https://a.example/..":               "https://a.example/",
		"https://a.example/a/..":             "https://a.example/",
		"https://a.example/a/.":              "https://a.example/a/",
		"https://a.example/../../b":          "https://a.example/b",
		"https://a.example/a/%2e%2e/b":       "https://a.example/a/../b",
		"https://a.example/%zz":              "",
		"https://a.example/%4":               "",
		"https://a.example/ x":               "",
		"https://a.example/ü":                "",
		"https://a.example/x?ü":              "",
		"https://a.example\\@b.example/":     "",
		"https://a.example:65536/":           "",
		"https://a.example:0443/":            "",
		"https://a.example:x/":               "",
		"https://a@b@c.example/":             "",
		"https://a..example/":                "",
		"https://a.example../":               "",
		"https://a%2eexample/":               "",
		"https://[::1]x/":                    "",
		"https://[1.2.3.4]/":                 "",
		"https://[::1%eth0]/":                "",
		"https://[]/":                        "",
		"https://\u00ad/":                    "",
		"ftp://a.example/":                   "",
		"//a.example/":                       "",
		"/x":                                 "",
		"":                                   "",
		"https://a.example/x?y=%7e%zz#frag?": "https://a.example/x?y=%7e%zz",
	} {
		got, _, err := signing.Canonicalize(in)
		if (err == nil) != (want != "") || got != want {
			t.Errorf("%s: got %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestDuplicateNames(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":[`, 20_000) + `{"x":1,"x":2}` + strings.Repeat(`]}`, 20_000)
	for doc, want := range map[string][]string{
		``:                                       nil,
		`{"a":1,"b":{"a":2},"c":["a","a"]}`:      nil,
		`{"a":"b","b":"a","c":"\"a\":"}`:         nil,
		`{"a":1,"a":2,"a":3}`:                    {"a"},
		`[{"a":1},{"a":1,"b":{},"b":{}}]`:        {"b"},
		`{"a":1,"\u0061":2}`:                     {"a"},
		`{"\ud83d\ude00":1,"😀":2}`:               {"😀"},
		`{"\ud83d":1,"\ud83e":2}`:                {"\ufffd"},
		"{\"\xff\":1,\"\xfe\":2}":                {"\ufffd"},
		"{\"a\":\"\x00\",\"b\":1,\"b\":1}":       {"b"}, // Lenient readers go on here.
		`{"a\n":1,"a\u000a":1,"\/":1,"/":1}`:     {"a\n", "/"},
		`{"a":1,"a`:                              {"a"},
		`{"a":{"a":1},"a":1}`:                    {"a"},
		`{"a":[{"b":1},"b",{"b":1}],"b":"a"}`:    nil,
		`]}{"a":1,"a":1}`:                        {"a"},
		`{"a":1}{"a":1}`:                         nil,
		`{"x":{"toString":1},"x2":{"y":1},"":1}`: nil,
		deep:                                     {"x"},
	} {
		if diff := cmp.Diff(want, signing.DuplicateNames([]byte(doc))); diff != "" {
			t.Errorf("%.60s (-want +got):\n%s", doc, diff)
		}
	}
}

// What is said of names that came from outside is fit for a log.
func TestNamesAreToldClean(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 40)
	for in, want := range map[string]string{
		"a b":          "a b",
		"ab\ncd":       "<sanitized:2>",
		"a\u202eb":     "<sanitized:1>",
		"\u200b":       "<sanitized:0>",
		"a\u2028":      "<sanitized:1>",
		"\ufeffx":      "<sanitized:0>",
		"x\u0085":      "<sanitized:1>",
		long:           long[:32],
		"a" + long:     "a" + long[:30],
		"a1 a2 a3 a4,": "a1 a2 a3 a4,",
	} {
		if got := signing.Told([]string{in}); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if got := signing.Told([]string{"a", "b", "c", "d", "e", "f"}); got != "a, b, c, d, <...2 more>" {
		t.Errorf("got %q", got)
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	p := signing.Policy{
		Supported: true, Digest: signing.DigestRequired, RequiredFor: []string{"create_media_buy"},
		WarnFor: []string{"update_media_buy"}, MethodsRequiredFor: []string{"tasks/cancel"},
	}
	capability := p.Capability()
	if diff := cmp.Diff([]string{"update_media_buy", "create_media_buy"}, capability.SupportedFor); diff != "" {
		t.Errorf("supported_for (-want +got):\n%s", diff)
	}
	back, err := signing.NewPolicy(capability)
	if err != nil {
		t.Fatal(err)
	}
	back.SupportedFor, back.MethodsSupportedFor = nil, nil
	if diff := cmp.Diff(p, back); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	for i, want := range map[signing.Invocation]bool{
		{Operation: "create_media_buy"}: true, {Operation: "update_media_buy"}: true, {Method: "tasks/cancel"}: true,
		{Operation: "get_products"}: false, {Operation: "tasks/cancel"}: false, {Method: "create_media_buy"}: false, {}: false,
	} {
		if got := p.Signs(i); got != want {
			t.Errorf("%+v: got %v, want %v", i, got, want)
		}
	}
	if none, err := signing.NewPolicy(nil); err != nil || none.Supported {
		t.Errorf("no capability: got %+v, %v", none, err)
	}
	for name, c := range map[string]*adcp.GetAdcpCapabilitiesResponseRequestSigning{
		"AMethodAmongOperations": {SupportedFor: []string{"tasks/cancel"}},
		"AnOperationOfNoOne":     {RequiredFor: []string{"launch_rocket"}},
		"AnOperationAmongThem":   {ProtocolMethodsWarnFor: []string{"create_media_buy"}},
		"BothRequiredAndWarned":  {RequiredFor: []string{"create_media_buy"}, WarnFor: []string{"create_media_buy"}},
	} {
		if _, err := signing.NewPolicy(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestMemoryReplays(t *testing.T) {
	t.Parallel()
	clock := newHand()
	g, err := signing.NewMemoryReplays(signing.MemoryReplaysConfig{PerKey: 2, Total: 3, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	a, b := signing.KeyRef{AgentURL: "a", KeyID: "k"}, signing.KeyRef{AgentURL: "b", KeyID: "k"}
	claim := func(key signing.KeyRef, nonce string, until time.Duration, want signing.Claim) {
		t.Helper()
		if got, err := g.Claim(t.Context(), key, nonce, clock.Now().Add(until)); err != nil || got != want {
			t.Errorf("%v %s: got %v, %v, want %v", key, nonce, got, err, want)
		}
	}
	claim(a, "1", time.Minute, signing.Claimed)
	claim(a, "1", time.Minute, signing.Replayed)
	claim(b, "1", time.Minute, signing.Claimed)
	claim(a, "2", 5*time.Minute, signing.Claimed)
	claim(a, "3", time.Minute, signing.OverCap) // of its own
	claim(a, "1", time.Minute, signing.Replayed)
	claim(b, "2", time.Minute, signing.OverCap) // of all
	if full, err := g.Full(t.Context(), b); err != nil || !full {
		t.Errorf("got %v, %v, want full", full, err)
	}
	// At its last instant a nonce is still held.
	clock.move(time.Minute)
	claim(a, "1", time.Minute, signing.Replayed)
	clock.move(time.Minute)
	claim(a, "2", time.Minute, signing.Replayed)
	claim(a, "1", time.Minute, signing.Claimed)
	if diff := cmp.Diff(signing.ReplayStats{Keys: 1, Nonces: 2, KeysAdmitted: 2}, g.Stats()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	clock.move(time.Hour)
	if diff := cmp.Diff(signing.ReplayStats{KeysAdmitted: 2}, g.Stats()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// What is past already when it comes is held until the clock has gone on.
	claim(a, "4", -time.Minute, signing.Claimed)
	claim(a, "4", -time.Minute, signing.Replayed)
	if _, err := signing.NewMemoryReplays(signing.MemoryReplaysConfig{PerKey: -1}); err == nil {
		t.Error("a cap below nothing")
	}
}
