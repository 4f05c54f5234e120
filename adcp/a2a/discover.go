package a2a

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// endpoint is where and how an agent is called.
type endpoint struct {
	url     string
	release string
	// profile tells that the agent's card lists the 3.2 profile.
	profile bool
	// guessed tells that no card said so.
	guessed bool
}

// endpoint gives the agent's endpoint, reading the card when it is not known.
// Callers that come while it is read wait for it, no longer than their time.
func (c *Caller) endpoint(ctx context.Context) (*endpoint, error) {
	select {
	case c.discovering <- struct{}{}:
		defer func() { <-c.discovering }()
	case <-ctx.Done():
		return nil, failure(ctx, nil, ctx.Err())
	}
	c.mu.Lock()
	known := c.known
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	e, err := c.discover(ctx)
	if err != nil {
		return nil, err
	}
	c.remember(e)
	return e, nil
}

func (c *Caller) remember(e *endpoint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = e
}

// forget makes the next call read the card, unless another has already.
func (c *Caller) forget(e *endpoint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == e {
		c.known = nil
	}
}

// discover reads the agent card: under the agent's own address, then at the root
// of its host. An agent without a card is tried in 1.0.
func (c *Caller) discover(ctx context.Context) (*endpoint, error) {
	u, err := url.Parse(c.cfg.URL)
	if err != nil || u.Host == "" {
		return nil, &Failure{Reason: ReasonUnreachable, Err: errNoURL}
	}
	named := false
	if path, ok := cardPath(u.Path); ok {
		u.Path, named = path, true
	}
	if c.cfg.Release != "" {
		return &endpoint{url: u.String(), release: c.cfg.Release}, nil
	}
	under := *u
	under.Path = strings.TrimSuffix(u.Path, "/") + cardName
	under.RawQuery = ""
	seen, err := c.card(ctx, under.String())
	if err != nil {
		return nil, err
	}
	if seen != nil {
		return seen.endpoint(u, true)
	}
	if strings.Trim(u.Path, "/") != "" {
		root := under
		root.Path = cardName
		seen, err = c.card(ctx, root.String())
		if err != nil {
			return nil, err
		}
		if seen != nil {
			// A host's card may speak for another agent of the same host.
			return seen.endpoint(u, named)
		}
	}
	return &endpoint{url: u.String(), release: Release10, guessed: true}, nil
}

const errNoURL = malformed("the agent's address is not a URL")

// seenCard is an agent card as far as a caller steers by it.
type seenCard struct {
	Interfaces []struct {
		URL     string `json:"url"`
		Binding string `json:"protocolBinding"`
		Release string `json:"protocolVersion"`
	} `json:"supportedInterfaces"`
	URL          string `json:"url"`
	Release      string `json:"protocolVersion"`
	Transport    string `json:"preferredTransport"`
	Capabilities struct {
		Extensions []struct {
			URI string `json:"uri"`
		} `json:"extensions"`
	} `json:"capabilities"`
}

// card reads a card. It gives none, and no error, where the server says that
// there is none to be had; a call will then say what is wrong.
func (c *Caller) card(ctx context.Context, address string) (*seenCard, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, &Failure{Reason: ReasonUnreachable, Err: err}
	}
	req.Header.Set("Accept", "application/json")
	c.authorize(req)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, failure(ctx, nil, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode >= http.StatusInternalServerError:
		return nil, failure(ctx, resp, nil)
	case resp.StatusCode != http.StatusOK:
		return nil, nil
	}
	limited, err := c.limit(resp)
	if err != nil {
		return nil, failure(ctx, resp, err)
	}
	body, err := io.ReadAll(limited)
	if limited.N <= 0 {
		err = errTooLarge
	}
	if err != nil {
		return nil, failure(ctx, resp, err)
	}
	seen := new(seenCard)
	if _, ok := object(body); !ok || json.Unmarshal(body, seen) != nil {
		return nil, failure(ctx, resp, malformed("the agent card is not a JSON object of the right form"))
	}
	return seen, nil
}

// endpoint picks the newest release that both speak over JSON-RPC. The card's
// address is used where it is the agent's to say, and never one on another
// origin: the credential was given for this one.
func (s *seenCard) endpoint(configured *url.URL, authoritative bool) (*endpoint, error) {
	found := map[string]string{}
	note := func(release, binding, address string) {
		if !strings.EqualFold(binding, "JSONRPC") {
			return
		}
		for _, ours := range []string{Release10, Release03} {
			if _, known := found[ours]; !known && (release == ours || strings.HasPrefix(release, ours+".")) {
				found[ours] = address
			}
		}
	}
	for _, i := range s.Interfaces {
		note(i.Release, i.Binding, i.URL)
	}
	if s.URL != "" {
		binding, release := s.Transport, s.Release
		if binding == "" {
			binding = "JSONRPC"
		}
		if release == "" || strings.HasPrefix(release, "0.2") {
			release = Release03
		}
		note(release, binding, s.URL)
	}
	e := &endpoint{url: configured.String()}
	address := ""
	for _, ours := range []string{Release03, Release10} {
		if a, ok := found[ours]; ok {
			e.release, address = ours, a
		}
	}
	if e.release == "" {
		return nil, &Failure{Reason: ReasonMalformed, HTTPStatus: http.StatusOK, Err: malformed("the agent card lists no JSON-RPC interface of A2A 1.0 or 0.3")}
	}
	u, err := configured.Parse(address)
	if err == nil && u.Scheme == configured.Scheme && u.Host == configured.Host && u.User == nil &&
		(authoritative || strings.Trim(configured.Path, "/") == "") {
		e.url = u.String()
	}
	for _, x := range s.Capabilities.Extensions {
		e.profile = e.profile || x.URI == extension && e.release == Release10
	}
	return e, nil
}
