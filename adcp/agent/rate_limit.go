package agent

import (
	"math"
	"sync"
	"time"

	"github.com/upfront-media/upfront/adcp"
)

// Rate is a token bucket: so many a second for ever, and a burst on top. The zero
// Rate limits nothing.
type Rate struct {
	// PerSecond is how many tokens come back every second.
	PerSecond float64
	// Burst is how many tokens there are at most, and at first; where it is below
	// one, as many as come back in a second.
	Burst int
}

func (r Rate) unlimited() bool { return r.PerSecond <= 0 }

func (r Rate) burst() float64 {
	if r.Burst < 1 {
		return math.Max(1, math.Ceil(r.PerSecond))
	}
	return float64(r.Burst)
}

// RateLimit bounds how fast one principal may go. Whoever is faster gets
// RATE_LIMITED with the seconds to wait, which is never remembered under an
// idempotency key. The zero RateLimit bounds nothing.
//
// The limits count within one process: behind a load balancer each has its own.
// All anonymous callers of a tenant are one principal here, because nothing tells
// them apart that they could not change; what else should slow them down belongs
// into the proxy in front.
type RateLimit struct {
	// Requests bounds the requests that reach handlers, by tenant and principal.
	// What is refused or replayed before does not count.
	Requests Rate
	// Reads and Writes bound the fresh idempotency keys to be remembered for
	// operations that read and that change something, by tenant, principal and
	// account, so that nobody fills the store with cheap requests. The protocol
	// demands such limits of whoever declares idempotency, apart from each other
	// and from the limit of requests; see [DefaultKeyReads] and [DefaultKeyWrites].
	Reads, Writes Rate
	// Now tells the time; the machine's by default. It is not [Config].Clock,
	// which may stand still or run faster than requests come.
	Now func() time.Time
}

// What the protocol recommends to begin with for [RateLimit].Reads and Writes.
var (
	DefaultKeyReads  = Rate{PerSecond: 300, Burst: 1500}
	DefaultKeyWrites = Rate{PerSecond: 60, Burst: 300}
)

// limiter is a [RateLimit] at work.
type limiter struct {
	cfg RateLimit

	mu      sync.Mutex
	buckets map[bucketName]*bucket
	// sweepAt is when buckets that are full again are next looked for.
	sweepAt time.Time
}

// kind is what a bucket is for.
type kind byte

const (
	ofRequests kind = iota
	ofReads
	ofWrites
)

type bucketName struct {
	kind                       kind
	tenant, principal, account string
}

// bucket holds the tokens that were there at an instant.
type bucket struct {
	tokens float64
	at     time.Time
}

// sweepEvery is how often buckets that are full again, and thus like new ones,
// are dropped.
const sweepEvery = time.Minute

func newLimiter(cfg RateLimit) *limiter {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &limiter{cfg: cfg, buckets: map[bucketName]*bucket{}}
}

func (l *limiter) rate(k kind) Rate {
	switch k {
	case ofReads:
		return l.cfg.Reads
	case ofWrites:
		return l.cfg.Writes
	}
	return l.cfg.Requests
}

// take takes a token, or refuses.
func (l *limiter) take(name bucketName) *adcp.Error {
	rate := l.rate(name.kind)
	if rate.unlimited() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.cfg.Now()
	l.sweep(now)
	b := l.buckets[name]
	if b == nil {
		b = &bucket{tokens: rate.burst(), at: now}
		l.buckets[name] = b
	}
	b.fill(rate, now)
	if b.tokens < 1 {
		wait := math.Ceil((1 - b.tokens) / rate.PerSecond)
		return adcp.NewError(adcp.CodeRateLimited, "", "Too many requests.").
			WithRetryAfter(int(math.Min(wait, 3600))).
			WithSuggestion("Wait for retry_after seconds, then send it again with the same idempotency_key.")
	}
	b.tokens--
	return nil
}

// giveBack returns a token that was taken for nothing.
func (l *limiter) giveBack(name bucketName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.buckets[name]; b != nil {
		b.tokens = math.Min(b.tokens+1, l.rate(name.kind).burst())
	}
}

// fill adds what has come back since. A clock that goes back adds nothing.
func (b *bucket) fill(rate Rate, now time.Time) {
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.tokens = math.Min(rate.burst(), b.tokens+passed*rate.PerSecond)
		b.at = now
	}
}

// sweep must be called with the lock held.
func (l *limiter) sweep(now time.Time) {
	if now.Before(l.sweepAt) {
		return
	}
	l.sweepAt = now.Add(sweepEvery)
	for name, b := range l.buckets {
		rate := l.rate(name.kind)
		if b.fill(rate, now); b.tokens >= rate.burst() {
			delete(l.buckets, name)
		}
	}
}

// admitRequest counts a request that is about to reach its handler.
func (l *limiter) admitRequest(call *Call) *adcp.Error {
	return l.take(bucketName{kind: ofRequests, tenant: call.Tenant, principal: call.Principal})
}

// keyBucket is the bucket of a fresh idempotency key.
func keyBucket(op *adcp.Operation, scope IdempotencyScope) bucketName {
	name := bucketName{kind: ofReads, tenant: scope.Tenant, principal: scope.Principal, account: scope.Account}
	if op.Mutating {
		name.kind = ofWrites
	}
	return name
}
