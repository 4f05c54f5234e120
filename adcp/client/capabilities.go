package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
)

// Capabilities is what an agent says of itself, as far as a caller steers by it.
type Capabilities struct {
	// Release is the highest release that both sides speak; calls are made in it.
	Release string
	// Releases are the releases that the agent speaks.
	Releases []string
	// ReplayTTL is how long the agent remembers idempotency keys; 0 when it does not.
	ReplayTTL time.Duration
	// Response is the whole answer.
	Response *adcp.GetAdcpCapabilitiesResponse
	// Raw is the answer as it came.
	Raw json.RawMessage

	asked time.Time
}

// Capabilities asks the agent what it can do, or gives what it said within
// [Config].CapabilitiesAge. Concurrent callers ask once. The result is shared
// and must not be changed.
func (c *Client) Capabilities(ctx context.Context) (*Capabilities, error) {
	if known := c.fresh(); known != nil {
		return known, nil
	}
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return nil, &Error{Kind: Timeout, Operation: adcp.GetAdcpCapabilities.Name, URL: c.cfg.URL, Err: ctx.Err()}
	}
	if known := c.fresh(); known != nil {
		return known, nil
	}
	known, err := c.ask(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.known = known
	c.mu.Unlock()
	return known, nil
}

func (c *Client) fresh() *Capabilities {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || c.cfg.Now().Sub(c.known.asked) > c.cfg.CapabilitiesAge {
		return nil
	}
	return c.known
}

// forget makes the next call ask anew.
func (c *Client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = nil
}

func (c *Client) ask(ctx context.Context) (*Capabilities, error) {
	op := adcp.GetAdcpCapabilities
	release := newestRelease()
	raw, err := CallRaw(ctx, c, op.Operation, nil, WithVersion(release))
	if older := c.offered(err); older != "" && older != release {
		// The agent did not take our newest release and named its own.
		release = older
		raw, err = CallRaw(ctx, c, op.Operation, nil, WithVersion(release))
	}
	if err != nil {
		var refusal *adcp.Error
		if errors.As(err, &refusal) && refusal.Code == adcp.CodeVersionUnsupported {
			return nil, &Error{Kind: Incompatible, Operation: op.Name, URL: c.cfg.URL, Err: err}
		}
		return nil, err
	}
	known := &Capabilities{Raw: raw, asked: c.cfg.Now()}
	var said struct {
		ADCP struct {
			Majors      []int    `json:"major_versions"`
			Releases    []string `json:"supported_versions"`
			Idempotency struct {
				Supported bool  `json:"supported"`
				TTL       int64 `json:"replay_ttl_seconds"`
			} `json:"idempotency"`
		} `json:"adcp"`
	}
	malformed := func(err error) (*Capabilities, error) {
		return nil, &Error{Kind: Malformed, Operation: op.Name, URL: c.cfg.URL, Err: err}
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		return malformed(err)
	}
	known.Response = new(adcp.GetAdcpCapabilitiesResponse)
	if err := adcp.Unmarshal(raw, known.Response); err != nil {
		return malformed(err)
	}
	known.Releases = said.ADCP.Releases
	if len(known.Releases) == 0 {
		// Agents of release 3.0 name majors only.
		for _, m := range said.ADCP.Majors {
			known.Releases = append(known.Releases, strconv.Itoa(m)+".0")
		}
	}
	if known.Release = highestCommon(known.Releases); known.Release == "" {
		return nil, &Error{
			Kind: Incompatible, Operation: op.Name, URL: c.cfg.URL,
			Err: fmt.Errorf("it speaks %s and we speak %s", Clean(strings.Join(known.Releases, ", "), MaxMessage),
				strings.Join(adcp.Releases(), ", ")),
		}
	}
	// An agent without a declared time is unsafe to ask twice.
	if s := said.ADCP.Idempotency; s.Supported && s.TTL > 0 {
		known.ReplayTTL = time.Duration(min(s.TTL, 604800)) * time.Second
	}
	return known, nil
}

// offered is the release to fall back to after VERSION_UNSUPPORTED, or "".
func (c *Client) offered(err error) string {
	var refusal *adcp.Error
	if !errors.As(err, &refusal) || refusal.Code != adcp.CodeVersionUnsupported {
		return ""
	}
	var details struct {
		Releases []string `json:"supported_versions"`
	}
	if json.Unmarshal(refusal.Details, &details) != nil {
		return ""
	}
	return highestCommon(details.Releases)
}

// newestRelease is the newest release this package speaks.
func newestRelease() string {
	ours := adcp.Releases()
	return ours[len(ours)-1]
}

func highestCommon(theirs []string) string {
	common, _ := adcp.HighestCommon(adcp.Releases(), theirs)
	return common
}
