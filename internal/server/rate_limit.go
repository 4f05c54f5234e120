package server

import (
	"fmt"

	"github.com/upfront-media/upfront/adcp/agent"
)

// RateLimitSettings say how fast one principal may go; see [agent.RateLimit].
type RateLimitSettings struct {
	// Requests bounds the calls of a principal.
	Requests RateSettings `koanf:"requests"`
	// NewReads and NewWrites bound the calls with fresh idempotency keys, of a
	// principal in one account.
	NewReads  RateSettings `koanf:"new_reads"`
	NewWrites RateSettings `koanf:"new_writes"`
}

// RateSettings is one limit.
type RateSettings struct {
	// PerSecond is what goes on for ever; 0 is no limit.
	PerSecond float64 `koanf:"per_second"`
	// Burst is what goes at once.
	Burst int `koanf:"burst"`
}

func (r RateSettings) rate() agent.Rate { return agent.Rate{PerSecond: r.PerSecond, Burst: r.Burst} }

// rateLimit is the limit of the settings; a sandbox has none, for its graders and
// fuzzers are as fast as they can be.
func (s Settings) rateLimit() agent.RateLimit {
	if s.Sandbox {
		return agent.RateLimit{}
	}
	return s.RateLimit.limit()
}

func (l RateLimitSettings) limit() agent.RateLimit {
	return agent.RateLimit{Requests: l.Requests.rate(), Reads: l.NewReads.rate(), Writes: l.NewWrites.rate()}
}

func (l RateLimitSettings) validate() error {
	for _, r := range []struct {
		name string
		RateSettings
	}{{"requests", l.Requests}, {"new_reads", l.NewReads}, {"new_writes", l.NewWrites}} {
		if r.PerSecond < 0 || r.Burst < 0 {
			return fmt.Errorf("rate_limit.%s: per_second and burst are not negative; per_second: 0 is no limit", r.name)
		}
	}
	return nil
}

// rateLimitDefaults are generous to requests; what they let be remembered is what
// the protocol recommends.
func rateLimitDefaults(defaults map[string]any) {
	for name, r := range map[string]agent.Rate{
		"requests": {PerSecond: 500, Burst: 2000}, "new_reads": agent.DefaultKeyReads, "new_writes": agent.DefaultKeyWrites,
	} {
		defaults["rate_limit."+name+".per_second"] = r.PerSecond
		defaults["rate_limit."+name+".burst"] = r.Burst
	}
}
