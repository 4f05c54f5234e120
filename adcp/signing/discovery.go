package signing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/upfront-media/upfront/adcp"
)

// Posture is what an agent says of its keys in get_adcp_capabilities.
type Posture struct {
	// BrandJSONURL is identity.brand_json_url.
	BrandJSONURL string
	// KeyOrigins is identity.key_origins: origins by surface, such as
	// "request_signing" and "webhook_signing".
	KeyOrigins map[string]string
	// Signs are the surfaces that the agent declares to sign, for each of which
	// it must also declare an origin.
	Signs []string
}

// The surfaces whose origins a [Directory] holds key sets to.
const (
	SurfaceRequest    = "request_signing"
	SurfaceWebhook    = "webhook_signing"
	surfaceGovernance = "governance_signing"
)

// PostureOf reads a capabilities answer.
func PostureOf(c *adcp.GetAdcpCapabilitiesResponse) Posture {
	var p Posture
	raw, err := json.Marshal(struct {
		Identity       any `json:"identity"`
		RequestSigning any `json:"request_signing"`
		WebhookSigning any `json:"webhook_signing"`
	}{c.Identity, c.RequestSigning, c.WebhookSigning})
	if err != nil {
		return p
	}
	var doc struct {
		Identity struct {
			BrandJSONURL string            `json:"brand_json_url"`
			KeyOrigins   map[string]string `json:"key_origins"`
		} `json:"identity"`
		RequestSigning struct {
			SupportedFor        []string `json:"supported_for"`
			RequiredFor         []string `json:"required_for"`
			MethodsSupportedFor []string `json:"protocol_methods_supported_for"`
			MethodsRequiredFor  []string `json:"protocol_methods_required_for"`
		} `json:"request_signing"`
		WebhookSigning struct {
			Supported bool `json:"supported"`
		} `json:"webhook_signing"`
	}
	if json.Unmarshal(raw, &doc) != nil {
		return p
	}
	p.BrandJSONURL, p.KeyOrigins = doc.Identity.BrandJSONURL, doc.Identity.KeyOrigins
	r := doc.RequestSigning
	if len(r.SupportedFor)+len(r.RequiredFor)+len(r.MethodsSupportedFor)+len(r.MethodsRequiredFor) > 0 {
		p.Signs = append(p.Signs, SurfaceRequest)
	}
	if doc.WebhookSigning.Supported {
		p.Signs = append(p.Signs, SurfaceWebhook)
	}
	return p
}

// DirectoryConfig is what [NewDirectory] takes.
type DirectoryConfig struct {
	// Agents are the agents whose signatures are known here, by their URLs: those
	// that were taken on. A signature of any other agent has an unknown key.
	Agents func(ctx context.Context) ([]string, error)
	// Posture asks an agent for its capabilities, over its own protocol. Nil
	// takes brand.json from the well-known place on the agent's own host, and one
	// step further where that names an authoritative location.
	Posture func(ctx context.Context, agentURL string) (Posture, error)
	// Client reads brand.json and key sets; [PublicClient] when nil.
	Client *http.Client
	// MaxAge is how long anything is believed; [DefaultMaxAge] when zero.
	MaxAge time.Duration
	// Clock is the system's when nil.
	Clock Clock
}

// Directory finds keys the protocol's way, from an agent's URL through its
// operator's brand.json to the key set it names. It is a [KeySource] for all the
// agents it knows.
type Directory struct {
	cfg    DirectoryConfig
	mu     sync.Mutex
	agents map[string]*directoryEntry
}

type directoryEntry struct {
	resolution document[*Resolution]
	mu         sync.Mutex
	keys       *RemoteKeys // of the present resolution
	keysURL    string
}

// Resolution is what was found about an agent.
type Resolution struct {
	AgentURL string
	// BrandJSONURL is the document that declares the agent.
	BrandJSONURL string
	// AgentType is the declared type, such as "sales".
	AgentType string
	// KeysURL is where its keys are.
	KeysURL string
}

// NewDirectory checks the configuration and reads nothing yet.
func NewDirectory(cfg DirectoryConfig) (*Directory, error) {
	if cfg.Agents == nil {
		return nil, errors.New("the directory needs to be told which agents it knows")
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = DefaultMaxAge
	}
	if cfg.MaxAge < 0 || cfg.MaxAge > maxMaxAge {
		return nil, fmt.Errorf("the age must be between 0 and %s", maxMaxAge)
	}
	if cfg.Client == nil {
		cfg.Client = PublicClient()
	}
	cfg.Clock = orSystem(cfg.Clock)
	return &Directory{cfg: cfg, agents: map[string]*directoryEntry{}}, nil
}

// Key implements [KeySource]. Without an agent it looks with every agent it
// knows; a key id that several use is then no answer.
func (d *Directory) Key(ctx context.Context, agentURL, keyID string) (*Key, error) {
	known, err := d.cfg.Agents(ctx)
	if err != nil {
		return nil, err
	}
	if agentURL != "" {
		if !slices.Contains(known, agentURL) {
			return nil, refuse(ReasonKeyUnknown, "the agent is not known here")
		}
		return d.keyOf(ctx, agentURL, keyID)
	}
	type found struct {
		key *Key
		err error
	}
	results := make([]found, len(known))
	var wait sync.WaitGroup
	turns := make(chan struct{}, 8)
	for i, agent := range known {
		wait.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			results[i].key, results[i].err = d.keyOf(ctx, agent, keyID)
		})
	}
	wait.Wait()
	var key *Key
	var failure error
	for _, r := range results {
		switch {
		case r.err == nil && key != nil:
			return nil, refuse(ReasonKeyUnknown, "several agents use the key id: name the agent")
		case r.err == nil:
			key = r.key
		case !errors.Is(r.err, &Error{Reason: ReasonKeyUnknown}) && failure == nil:
			failure = r.err
		}
	}
	switch {
	case key != nil:
		return key, nil
	case failure != nil:
		return nil, failure
	}
	return nil, refuse(ReasonKeyUnknown, "no agent that is known here publishes the key")
}

func (d *Directory) keyOf(ctx context.Context, agentURL, keyID string) (*Key, error) {
	e := d.entry(agentURL)
	r, err := d.resolve(ctx, e, agentURL)
	if err != nil {
		return nil, err
	}
	keys, err := d.remote(e, r)
	if err != nil {
		return nil, err
	}
	return keys.Key(ctx, agentURL, keyID)
}

func (d *Directory) entry(agentURL string) *directoryEntry {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.agents[agentURL]
	if e == nil {
		e = &directoryEntry{}
		d.agents[agentURL] = e
	}
	return e
}

// remote keeps the key set's cache across resolutions that name the same place.
func (d *Directory) remote(e *directoryEntry, r *Resolution) (*RemoteKeys, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.keys == nil || e.keysURL != r.KeysURL {
		keys, err := NewRemoteKeys(RemoteKeysConfig{
			AgentURL: r.AgentURL, URL: r.KeysURL, Client: d.cfg.Client, MaxAge: d.cfg.MaxAge, Clock: d.cfg.Clock,
		})
		if err != nil {
			return nil, err
		}
		e.keys, e.keysURL = keys, r.KeysURL
	}
	return e.keys, nil
}

// Resolve finds where an agent's keys are, now and whether the directory knows
// the agent or not: it is for taking an agent on. The errors are [*Error] with the
// reasons of finding a key.
func (d *Directory) Resolve(ctx context.Context, agentURL string) (*Resolution, error) {
	return d.discover(ctx, agentURL)
}

// Resolution is where an agent's keys are, as [Directory.Key] believes it now.
func (d *Directory) Resolution(ctx context.Context, agentURL string) (*Resolution, error) {
	return d.resolve(ctx, d.entry(agentURL), agentURL)
}

func (d *Directory) resolve(ctx context.Context, e *directoryEntry, agentURL string) (*Resolution, error) {
	fresh := func(_ *Resolution, at time.Time) bool { return d.cfg.Clock.Now().Sub(at) < d.cfg.MaxAge }
	return e.resolution.get(ctx, d.cfg.Clock, fresh, func(ctx context.Context) (*Resolution, error) {
		return d.discover(ctx, agentURL)
	})
}

// discover is the protocol's chain, in its order.
func (d *Directory) discover(ctx context.Context, agentURL string) (*Resolution, error) {
	agentOrigin, err := httpsOrigin(agentURL)
	if err != nil {
		return nil, &Error{Reason: ReasonKeysUntrusted, Detail: "the agent's address", Err: err}
	}
	posture, err := d.posture(ctx, agentURL, agentOrigin)
	if err != nil {
		return nil, err
	}
	if _, err := httpsOrigin(posture.BrandJSONURL); err != nil {
		return nil, &Error{Reason: ReasonBrandURLMissing, Detail: "identity.brand_json_url", Err: err}
	}
	brand, at, err := d.brand(ctx, posture.BrandJSONURL, d.cfg.Posture == nil)
	if err != nil {
		return nil, err
	}
	if refused := boundTo(agentURL, posture.BrandJSONURL, brand); refused != nil {
		return nil, refused
	}
	agent, refused := brand.agent(agentURL)
	if refused != nil {
		return nil, refused
	}
	r := &Resolution{AgentURL: agentURL, BrandJSONURL: at, AgentType: agent.Type, KeysURL: agent.KeysURL}
	if r.KeysURL == "" {
		r.KeysURL = agentOrigin + "/.well-known/jwks.json"
	}
	if _, err := httpsOrigin(r.KeysURL); err != nil {
		return nil, &Error{Reason: ReasonKeysUntrusted, Detail: "the agent's jwks_uri", Err: err}
	}
	if refused := posture.keepsOrigins(r.KeysURL); refused != nil {
		return nil, refused
	}
	return r, nil
}

func (d *Directory) posture(ctx context.Context, agentURL, agentOrigin string) (Posture, error) {
	if d.cfg.Posture == nil {
		return Posture{BrandJSONURL: agentOrigin + "/.well-known/brand.json"}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	p, err := d.cfg.Posture(ctx, agentURL)
	if err != nil {
		return p, &Error{Reason: ReasonCapabilities, Detail: "the agent's capabilities", Err: err}
	}
	if p.BrandJSONURL == "" {
		return p, refuse(ReasonBrandURLMissing, "the agent's capabilities name no brand.json")
	}
	return p, nil
}
