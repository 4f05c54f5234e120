package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/upfront-media/upfront/adcp"
)

// complete adds to a request what every request carries and this one lacks:
// the release, and an idempotency key. The bytes that are there stay as they
// are. The capability call goes without a key, as the protocol has it: it is
// how one learns what keys are worth here.
func (c *Client) complete(op *adcp.Operation, arguments json.RawMessage, release string) (json.RawMessage, error) {
	if len(bytes.TrimSpace(arguments)) == 0 {
		arguments = json.RawMessage("{}")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(arguments, &fields); err != nil || fields == nil {
		return nil, errors.New("the request is not a JSON object")
	}
	if string(fields["idempotency_key"]) == `""` {
		// What a request type writes whose key was never set.
		delete(fields, "idempotency_key")
		arguments, _ = json.Marshal(fields)
	}
	var added bytes.Buffer
	add := func(name string, value any) {
		if _, there := fields[name]; there {
			return
		}
		b, _ := json.Marshal(value)
		fmt.Fprintf(&added, `%q:%s,`, name, b)
	}
	_, pinned := fields["adcp_version"]
	_, majored := fields["adcp_major_version"]
	if !pinned && !majored {
		add("adcp_version", release)
		add("adcp_major_version", adcp.MajorOf(release))
	}
	if op.Name != adcp.GetAdcpCapabilities.Name {
		add("idempotency_key", c.cfg.NewKey())
	}
	if added.Len() == 0 {
		return arguments, nil
	}
	rest := bytes.TrimSpace(arguments)[1:]
	if len(fields) == 0 {
		added.Truncate(added.Len() - 1)
	}
	return append(append([]byte("{"), added.Bytes()...), rest...), nil
}

// checkURL refuses addresses that cannot be called, or not safely.
func (c *Client) checkURL() error {
	u, err := url.Parse(c.cfg.URL)
	if err != nil || u.Host == "" {
		return errors.New("the agent's address is not a URL; write it as https://host/path")
	}
	switch {
	case u.User != nil:
		return errors.New("the agent's address holds a user name; pass the credential as the token")
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return errors.New("the agent's address must begin with https:// or http://")
	case c.cfg.Token != "" && !c.cfg.AllowPlainHTTP && !loopback(u.Hostname()):
		return errors.New("the token would travel in the clear; use https, or allow plain http for this agent")
	}
	return nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
