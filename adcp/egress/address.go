package egress

import "net/netip"

// reserved are the ranges that are no public unicast addresses, by IANA's special
// purpose registries (RFC 6890 and its updates), with those that carry an IPv4
// address inside an IPv6 one: through a translator each leads anywhere.
var reserved = prefixes(
	"0.0.0.0/8",         // this network
	"10.0.0.0/8",        // private
	"100.64.0.0/10",     // carrier-grade NAT
	"127.0.0.0/8",       // loopback
	"169.254.0.0/16",    // link-local, and the clouds' metadata
	"172.16.0.0/12",     // private
	"192.0.0.0/24",      // protocol assignments
	"192.0.2.0/24",      // documentation
	"192.31.196.0/24",   // AS112
	"192.52.193.0/24",   // AMT
	"192.88.99.0/24",    // 6to4 relays
	"192.168.0.0/16",    // private
	"192.175.48.0/24",   // AS112
	"198.18.0.0/15",     // benchmarks
	"198.51.100.0/24",   // documentation
	"203.0.113.0/24",    // documentation
	"224.0.0.0/4",       // multicast
	"240.0.0.0/4",       // reserved, and broadcast
	"168.63.129.16/32",  // Azure's platform address
	"::/96",             // unspecified, loopback, IPv4-compatible
	"::ffff:0:0:0/96",   // IPv4-translated
	"64:ff9b::/96",      // NAT64
	"64:ff9b:1::/48",    // local NAT64
	"100::/64",          // discard
	"100:0:0:1::/64",    // dummy
	"2001::/23",         // protocol assignments, with Teredo, ORCHID and benchmarks
	"2001:db8::/32",     // documentation
	"2002::/16",         // 6to4
	"2620:4f:8000::/48", // AS112
	"3fff::/20",         // documentation
	"5f00::/16",         // segment routing
	"fc00::/7",          // unique local, with metadata services
	"fe80::/10",         // link-local
	"fec0::/10",         // site-local
	"ff00::/8",          // multicast
)

// global is where public IPv6 addresses are assigned from.
var global = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// Public tells whether an address is a public unicast address. An IPv4 address
// that is mapped into IPv6 is looked at as what it is; one with a zone is not public.
func Public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if a.Is6() && !global.Contains(a) {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
