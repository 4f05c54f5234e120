package upfront_test

import (
	"os/exec"
	"strings"
	"testing"
)

// floors says, from the ground up, which rooms may be imported by which: a
// package may import only what stands on a lower floor, or on its own floor
// where the room is the same. README, "The house", tells the same in prose.
var floors = [][]string{
	{"internal/clock", "internal/id", "internal/secret", "examples"},
	{"adcp", "adcp/egress"},
	{"adcp/signing"},
	{"adcp/agent"},
	{"adcp/mcp", "adcp/a2a"},
	{"adcp/client"},
	{"examples/minimal-seller", "examples/minimal-buyer"},
	{"internal/identity"},
	{"internal/money"},
	{"internal/store"},
	{"internal/job"},
	{"internal/webhook"},
	{"internal/account"},
	{"internal/brief", "internal/adserver", "internal/governance"},
	{"internal/seller", "internal/buyer"},
	{"internal/sandbox"},
	{"internal/api"},
	{"internal/server"},
	{"internal/demo"},
	{"cmd"},
}

// apart are rooms that must not see each other although they stand on one floor
// or could reach down: sellers and buyers meet on the wire, also in one process.
var apart = map[string][]string{
	"internal/seller":  {"internal/buyer", "adcp/mcp", "adcp/client", "internal/adserver/builtin"},
	"internal/buyer":   {"internal/seller", "internal/adserver", "adcp/mcp", "adcp/agent"},
	"internal/sandbox": {"internal/buyer", "adcp/mcp", "adcp/client", "internal/adserver/builtin"},
	"internal/brief":   {"internal/adserver", "internal/store", "internal/job"},
	"internal/account": {"internal/job"},
	"internal/api":     {"internal/store", "internal/job", "adcp/mcp", "adcp/a2a", "adcp/client"},
	"adcp":             {"internal"},
	// What shows others how to use the kit uses nothing that others cannot.
	"examples/minimal-seller": {"internal"},
	"examples/minimal-buyer":  {"internal", "adcp/agent", "adcp/mcp"},
}

// owners are outside libraries that exactly one room may know.
var owners = map[string]string{
	"github.com/modelcontextprotocol/go-sdk": "adcp/mcp",
	"github.com/a2aproject/a2a-go":           "adcp/a2a",
	"github.com/riverqueue/river":            "internal/job",
	"github.com/jackc/pgx":                   "internal/store",
	"modernc.org/sqlite":                     "internal/store",
	"database/sql":                           "internal/store",
	"github.com/knadh/koanf":                 "internal/server",
	"github.com/lestrrat-go/jwx":             "internal/account",
	"github.com/spf13/cobra":                 "cmd/upfront",
	"github.com/danielgtaylor/huma":          "internal/api",
}

// guests are the rooms that may share an owner's library, with the reason.
var guests = map[string][]string{
	// River's driver needs the very pool and transaction of the store.
	"github.com/jackc/pgx": {"internal/job"},
	"database/sql":         {"internal/job"},
	// River's own tables are migrated together with ours.
	"github.com/riverqueue/river": {"internal/store"},
}

const module = "github.com/upfront-media/upfront"

// room is the longest entry of the floors that holds the package.
func room(pkg string) (string, int) {
	best, floor := "", -1
	for i, rooms := range floors {
		for _, r := range rooms {
			if (pkg == r || strings.HasPrefix(pkg, r+"/")) && len(r) > len(best) {
				best, floor = r, i
			}
		}
	}
	return best, floor
}

func within(pkg, room string) bool { return pkg == room || strings.HasPrefix(pkg, room+"/") }

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == module {
			continue
		}
		pkg := strings.TrimPrefix(fields[0], module+"/")
		if within(pkg, "internal/schemagen") {
			continue // A tool that is run by go generate, not a part of the program.
		}
		seen++
		from, floor := room(pkg)
		if floor < 0 {
			t.Errorf("%s stands on no floor: give it a room in the design and in this test", pkg)
			continue
		}
		for _, imp := range fields[1:] {
			checkOwner(t, pkg, imp)
			target, ours := strings.CutPrefix(imp, module+"/")
			if !ours {
				continue
			}
			to, toFloor := room(target)
			if to != from && toFloor >= floor {
				t.Errorf("%s imports %s: arrows point down, and %s is not below %s", pkg, target, to, from)
			}
			for _, banned := range apart[from] {
				if within(target, banned) {
					t.Errorf("%s imports %s: %s must not know %s", pkg, target, from, banned)
				}
			}
		}
	}
	if seen < 10 {
		t.Fatalf("go list named only %d packages of ours", seen)
	}
}

func checkOwner(t *testing.T, pkg, imp string) {
	t.Helper()
	for library, owner := range owners {
		if !within(imp, library) || within(pkg, owner) {
			continue
		}
		invited := false
		for _, guest := range guests[library] {
			invited = invited || within(pkg, guest)
		}
		if !invited {
			t.Errorf("%s imports %s: only %s may", pkg, imp, owner)
		}
	}
}
