package signing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Bounds of what is read from other parties.
const (
	maxKeySetBytes     = 64 << 10
	maxBrandBytes      = 256 << 10
	maxRevocationBytes = 1 << 20
	fetchTimeout       = 10 * time.Second
	connectTimeout     = 5 * time.Second
)

// errUntrusted marks a failure that trying again does not mend: the address is
// not one that may be read, or it answered with something it may not.
var errUntrusted = errors.New("not to be trusted")

// errNotPublished is a plain "there is no such document".
var errNotPublished = errors.New("there is no such document")

// PublicClient is an HTTP client for addresses that a counterparty names: it
// connects to public addresses only, looking at the very address it connects
// to, so that a name cannot point elsewhere between the look and the call. It
// uses no proxy and follows no redirect.
func PublicClient() *http.Client {
	dialer := &net.Dialer{Timeout: connectTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		ip, err := netip.ParseAddrPort(address)
		if err != nil || !public(ip.Addr()) {
			return fmt.Errorf("the address is not public: %w", errUntrusted)
		}
		return nil
	}}
	return &http.Client{
		Timeout:       fetchTimeout,
		Transport:     &http.Transport{DialContext: dialer.DialContext, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// public leaves out every range that the protocol or its registries reserve.
func public(ip netip.Addr) bool {
	if ip = ip.Unmap(); ip.Zone() != "" || !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, reserved := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		if netip.MustParsePrefix(reserved).Contains(ip) {
			return false
		}
	}
	return true
}

// fetch reads a document over https, as it is, without redirects, up to limit bytes.
func fetch(ctx context.Context, client *http.Client, url string, limit int64) ([]byte, error) {
	if u, err := split(url); err != nil || u.scheme != "https" {
		return nil, fmt.Errorf("the address must be https: %w", errUntrusted)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, errUntrusted)
	}
	req.Header.Set("Accept", "application/json")
	once := *client
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := once.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		return nil, errNotPublished
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return nil, fmt.Errorf("the address redirects: %w", errUntrusted)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the address answers with status %d", resp.StatusCode)
	}
	doc, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(doc)) > limit {
		return nil, fmt.Errorf("the document is larger than %d bytes: %w", limit, errUntrusted)
	}
	return doc, nil
}

// origin is a URL's scheme and authority, in canonical form.
func origin(url string) (string, error) {
	target, authority, err := Canonicalize(url)
	if err != nil {
		return "", err
	}
	scheme, _, _ := strings.Cut(target, "://")
	return scheme + "://" + authority, nil
}

// Pauses between readings of one document.
const (
	// failurePause is how long a failure stands before the document is tried again.
	failurePause = 5 * time.Second
	// missPause is the protocol's cooldown between readings for a key that was not there.
	missPause = 30 * time.Second
)

// document is one remote document, kept with its age. One caller at a time
// reads it and the others wait for that outcome; the reading is not given up
// when the caller who began it is.
type document[T any] struct {
	mu      sync.Mutex
	value   T
	have    bool
	at      time.Time // of value
	failed  time.Time // of err
	err     error
	reading *reading[T]
}

type reading[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// get returns the value that is there, if enough says that it will do, or what
// reading it now gives.
func (d *document[T]) get(ctx context.Context, clock Clock, enough func(value T, at time.Time) bool, read func(context.Context) (T, error)) (T, error) {
	d.mu.Lock()
	if d.have && enough(d.value, d.at) {
		defer d.mu.Unlock()
		return d.value, nil
	}
	if d.err != nil && clock.Now().Sub(d.failed) < failurePause {
		defer d.mu.Unlock()
		var zero T
		return zero, d.err
	}
	if d.reading == nil {
		d.reading = &reading[T]{done: make(chan struct{})}
		go d.read(context.WithoutCancel(ctx), clock, d.reading, read)
	}
	r := d.reading
	d.mu.Unlock()
	select {
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	case <-r.done:
		return r.value, r.err
	}
}

// last is the value that was read last, whatever its age.
func (d *document[T]) last() (T, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.value, d.have
}

func (d *document[T]) read(ctx context.Context, clock Clock, r *reading[T], read func(context.Context) (T, error)) {
	r.value, r.err = read(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err = r.err; r.err == nil {
		d.value, d.have, d.at = r.value, true, clock.Now()
	} else {
		d.failed = clock.Now()
	}
	d.reading = nil
	close(r.done)
}
