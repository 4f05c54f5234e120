package signing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/upfront-media/upfront/adcp/egress"
)

// Bounds of what is read from other parties.
const (
	maxKeySetBytes     = 64 << 10
	maxBrandBytes      = 256 << 10
	maxRevocationBytes = 1 << 20
	fetchTimeout       = 10 * time.Second
)

// errUntrusted marks a failure that trying again does not mend: the address is
// not one that may be read, or it answered with something it may not.
var errUntrusted = errors.New("not to be trusted")

// errNotPublished is a plain "there is no such document".
var errNotPublished = errors.New("there is no such document")

// PublicClient is an HTTP client for addresses that a counterparty names: it
// calls public addresses only, over https, and follows no redirect; see package
// egress.
func PublicClient() *http.Client { return egress.New(egress.Config{Timeout: fetchTimeout}).Client() }

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
	if errors.Is(err, egress.ErrForbidden) {
		return nil, fmt.Errorf("%w: %w", err, errUntrusted)
	}
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
