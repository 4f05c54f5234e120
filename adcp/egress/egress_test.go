package egress_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp/egress"
)

func TestPublic(t *testing.T) {
	t.Parallel()
	// First and last address of every range, and the neighbours that are public.
	for text, want := range map[string]bool{
		"8.8.8.8": true, "1.0.0.0": true, "0.0.0.0": false, "0.255.255.255": false,
		"9.255.255.255": true, "10.0.0.0": false, "10.255.255.255": false, "11.0.0.0": true,
		"100.63.255.255": true, "100.64.0.0": false, "100.127.255.255": false, "100.128.0.0": true,
		"126.255.255.255": true, "127.0.0.1": false, "127.255.255.255": false, "128.0.0.0": true,
		"169.253.255.255": true, "169.254.0.0": false, "169.254.169.254": false, "169.254.255.255": false, "169.255.0.0": true,
		"172.15.255.255": true, "172.16.0.0": false, "172.31.255.255": false, "172.32.0.0": true,
		"192.0.0.0": false, "192.0.0.255": false, "192.0.1.0": true, "192.0.2.0": false, "192.0.2.255": false, "192.0.3.0": true,
		"192.31.196.1": false, "192.52.193.1": false, "192.88.99.0": false, "192.88.99.255": false, "192.88.100.0": true,
		"192.167.255.255": true, "192.168.0.0": false, "192.168.255.255": false, "192.169.0.0": true, "192.175.48.1": false,
		"198.17.255.255": true, "198.18.0.0": false, "198.19.255.255": false, "198.20.0.0": true,
		"198.51.100.0": false, "198.51.101.0": true, "203.0.113.255": false, "203.0.114.0": true,
		"223.255.255.255": true, "224.0.0.0": false, "239.255.255.255": false, "240.0.0.0": false, "255.255.255.255": false,
		"168.63.129.16": false, "168.63.129.17": true, "100.100.100.200": false,
		"::": false, "::1": false, "::7f00:1": false, "::8.8.8.8": false,
		"::ffff:8.8.8.8": true, "::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:0:10.0.0.1": false,
		"64:ff9b::7f00:1": false, "64:ff9b::808:808": false, "64:ff9b:1::1": false,
		"100::1": false, "100:0:0:1::1": false, "2001::1": false, "2001:1ff:ffff::1": false, "2001:200::1": true,
		"2001:db8::1": false, "2002:7f00:1::": false, "2002:808:808::": false, "2620:4f:8000::1": false, "3fff::1": false, "3fff:fff::1": false,
		"5f00::1": false, "fc00::1": false, "fd00:ec2::254": false, "fdff::1": false, "fe80::1": false, "febf::1": false,
		"fec0::1": false, "ff02::1": false, "4000::1": false, "1fff::1": false,
		"2606:4700:4700::1111": true, "2a00:1450::1": true, "2606:4700::1%eth0": false,
	} {
		if got := egress.Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: public is %v, want %v", text, got, want)
		}
	}
	if egress.Public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	strict, loose := egress.New(egress.Config{}), egress.New(egress.Config{AllowLoopback: true})
	for url, want := range map[string]struct{ strict, loose bool }{
		"https://buyer.example/hook":      {true, true},
		"https://buyer.example:9443/hook": {true, true},
		"https://8.8.8.8/":                {true, true},
		"http://buyer.example/hook":       {false, false},
		"http://127.0.0.1:8080/":          {false, true},
		"http://[::1]:8080/":              {false, true},
		"http://localhost:8080/":          {false, true},
		"https://localhost/":              {false, true},
		"https://a.localhost./":           {false, true},
		"https://127.0.0.1/":              {false, true},
		"https://10.0.0.1/":               {false, false},
		"http://10.0.0.1/":                {false, false},
		"https://[::ffff:10.0.0.1]/":      {false, false},
		"https://[fe80::1%25eth0]/":       {false, false},
		"https://user@buyer.example/":     {false, false},
		"ftp://buyer.example/":            {false, false},
		"/hook":                           {false, false},
		"https:///hook":                   {false, false},
		"https://%zz/":                    {false, false},
	} {
		if err := strict.Check(url); (err == nil) != want.strict || err != nil && !errors.Is(err, egress.ErrForbidden) {
			t.Errorf("%s: got %v", url, err)
		}
		if err := loose.Check(url); (err == nil) != want.loose {
			t.Errorf("%s with loopback allowed: got %v", url, err)
		}
	}
}

// names is a resolver that answers differently each time it is asked.
type names struct {
	answers [][]netip.Addr
	asked   int
}

func (n *names) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	a := n.answers[min(n.asked, len(n.answers)-1)]
	n.asked++
	return a, nil
}

func TestClient(t *testing.T) {
	t.Parallel()
	addrs := func(texts ...string) (list []netip.Addr) {
		for _, text := range texts {
			list = append(list, netip.MustParseAddr(text))
		}
		return list
	}
	stop := errors.New("dialed")
	call := func(cfg egress.Config, n *names) (dialed []string, err error) {
		cfg.Resolver = n
		cfg.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
			dialed = append(dialed, address)
			return nil, stop
		}
		resp, err := egress.New(cfg).Client().Get("https://buyer.example/hook")
		if err == nil {
			resp.Body.Close()
		}
		return dialed, err
	}
	t.Run("A name is looked up once and its address is what is called", func(t *testing.T) {
		t.Parallel()
		n := &names{answers: [][]netip.Addr{addrs("8.8.8.8"), addrs("127.0.0.1")}}
		dialed, err := call(egress.Config{}, n)
		if !errors.Is(err, stop) || n.asked != 1 || strings.Join(dialed, " ") != "8.8.8.8:443" {
			t.Errorf("got %v, %v, asked %d times", dialed, err, n.asked)
		}
	})
	t.Run("A name that leads inside is refused, also among good addresses", func(t *testing.T) {
		t.Parallel()
		for _, list := range [][]netip.Addr{addrs("10.0.0.1"), addrs("8.8.8.8", "169.254.169.254"), addrs("::ffff:127.0.0.1")} {
			if dialed, err := call(egress.Config{}, &names{answers: [][]netip.Addr{list}}); !errors.Is(err, egress.ErrForbidden) || len(dialed) > 0 {
				t.Errorf("%v: got %v, %v", list, dialed, err)
			}
		}
	})
	t.Run("Loopback is allowed only where switched on, and redirects are not followed", func(t *testing.T) {
		t.Parallel()
		calls := 0
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls++
			http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
		}))
		defer srv.Close()
		if _, err := egress.New(egress.Config{}).Client().Get(srv.URL); !errors.Is(err, egress.ErrForbidden) {
			t.Errorf("got %v", err)
		}
		resp, err := egress.New(egress.Config{AllowLoopback: true}).Client().Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusTemporaryRedirect || calls != 1 {
			t.Errorf("got %d after %d calls", resp.StatusCode, calls)
		}
	})
}
