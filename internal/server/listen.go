package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/upfront-media/upfront/internal/identity"
)

// listeners are where the program is reached: at the address of the settings, and
// in the sandbox over https too, where brand.json and the keys can be read, which
// nobody reads over http.
type listeners struct {
	plain  net.Listener
	secure net.Listener // nil outside the sandbox
	// authority vouches for secure.
	authority *identity.Authority
}

// localTLS is where the sandbox listens for https unless the settings say: any
// free port, which capabilities and the first lines name.
const localTLS = "127.0.0.1:0"

func (s Settings) listen(ctx context.Context) (*listeners, error) {
	var open net.ListenConfig
	plain, err := open.Listen(ctx, "tcp", s.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	l := &listeners{plain: plain}
	if !s.Sandbox {
		return l, nil
	}
	if err := l.secureAt(ctx, s); err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	return l, nil
}

func (l *listeners) secureAt(ctx context.Context, s Settings) error {
	now := time.Now()
	var err error
	if l.authority, err = identity.OpenAuthority(s.identityDir(), now); err != nil {
		return err
	}
	cfg, err := l.authority.ServerConfig(now)
	if err != nil {
		return err
	}
	at := s.Identity.Listen
	if at == "" {
		at = localTLS
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at)
	if err != nil {
		return fmt.Errorf("identity.listen: %w", err)
	}
	cfg.NextProtos = []string{"h2", "http/1.1"}
	l.secure = tls.NewListener(listener, cfg)
	return nil
}

// serve answers at every listener, and says on ended when one gives up.
func (l *listeners) serve(server *http.Server, ended chan<- error) {
	go func() { ended <- server.Serve(l.plain) }()
	if l.secure != nil {
		go func() { ended <- server.Serve(l.secure) }()
	}
}

func (l *listeners) close() error {
	if l.secure == nil {
		return l.plain.Close()
	}
	return errors.Join(l.plain.Close(), l.secure.Close())
}

// secureURL is the sandbox's address over https, "" where it has none.
func (l *listeners) secureURL() string {
	if l.secure == nil {
		return ""
	}
	return "https://" + l.secure.Addr().String()
}

// origins are the addresses under which requests come in, with the public one. A
// listener on every interface is reached by this machine's loopback names; from
// elsewhere it is known by the public address alone.
func (l *listeners) origins(publicURL string) []string {
	var all []string
	add := func(origin string) {
		if !slices.Contains(all, origin) {
			all = append(all, origin)
		}
	}
	if u, err := url.Parse(publicURL); err == nil && u.Host != "" {
		add(u.Scheme + "://" + u.Host)
	}
	for _, at := range []struct {
		scheme   string
		listener net.Listener
	}{{"http", l.plain}, {"https", l.secure}} {
		if at.listener == nil {
			continue
		}
		host, port, err := net.SplitHostPort(at.listener.Addr().String())
		if err != nil {
			continue
		}
		names := []string{host}
		if ip := net.ParseIP(host); ip == nil || ip.IsLoopback() || ip.IsUnspecified() {
			names = []string{"127.0.0.1", "localhost", "::1"}
			if ip != nil && ip.IsLoopback() {
				names = append(names, host)
			}
		}
		for _, name := range names {
			add(at.scheme + "://" + net.JoinHostPort(name, port))
		}
	}
	return all
}
