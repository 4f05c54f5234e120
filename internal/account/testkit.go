package account

import (
	"fmt"
	"strings"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// TestKit is a principal of one of the protocol's published test kits
// (compliance 3.1.19, test-kits). Its keys read demo-NAME-vN, for any number N,
// and are no secret: give kits only to a directory that guards nothing.
type TestKit struct {
	// Name is the kit's name within its keys, such as "acme-outdoor".
	Name string
	// Brand is the domain of the brand that the kit's principal buys for.
	Brand string
	// Live kits stand for a principal that is not of the sandbox, which must be
	// kept from what is there for testing.
	Live bool
	// Billing are the parties that may be billed for the principal's accounts, as
	// its onboarding record says. None is whichever the seller bills at all.
	Billing []adcp.BillingParty
}

// TestKits lists the published kits.
func TestKits() []TestKit {
	return []TestKit{
		{Name: "acme-outdoor", Brand: "acmeoutdoor.example"},
		{Name: "acme-outdoor-live", Brand: "acmeoutdoor.example", Live: true},
		{Name: "billing-passthrough", Brand: "acmeoutdoor.example", Billing: []adcp.BillingParty{adcp.BillingPartyOperator}},
		{Name: "bistro-oranje", Brand: "bistro-oranje.example"},
		{Name: "nova-motors", Brand: "novamotors.example"},
		{Name: "osei-natural", Brand: "oseinatural.example"},
		{Name: "summit-foods", Brand: "summitfoods.example"},
	}
}

// Key is the kit's key as it is published today.
func (k TestKit) Key() string { return kitPrefix + k.Name + "-v1" }

// Principal is how the kit's principal is known in accounts, tasks and logs.
func (k TestKit) Principal() string { return kitPrefix + k.Name }

const kitPrefix = "demo-"

// admitKits makes the kits' keys known. Taken are the principals' names.
func (d *Directory) admitKits(kits []TestKit, taken map[string]bool) error {
	d.kits = make(map[string]agent.Caller, len(kits))
	for _, k := range kits {
		if taken[k.Principal()] {
			return fmt.Errorf("the principal %s is a test kit's: give yours another name", k.Principal())
		}
		d.kits[k.Name] = agent.Caller{Tenant: d.tenant, Principal: k.Principal(), Sandbox: !k.Live}
	}
	return nil
}

// kit names the caller that presents a test kit's key, of whichever version.
func (d *Directory) kit(key string) (agent.Caller, bool) {
	name, ok := strings.CutPrefix(key, kitPrefix)
	at := strings.LastIndex(name, "-v")
	if !ok || at < 0 || !digits(name[at+2:]) {
		return agent.Caller{}, false
	}
	caller, known := d.kits[name[:at]]
	return caller, known
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
