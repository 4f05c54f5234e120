package adserver

import "context"

// AudienceHolder is an [Adapter] that can serve by audience: lists of people that
// an advertiser has handed in. Line items name them in their [Targeting].
type AudienceHolder interface {
	// Match tells of each identifier whether the ad server knows somebody by it.
	// It keeps none of them.
	Match(ctx context.Context, identifiers []Identifier) ([]bool, error)
	// PutAudience makes the ad server hold the audience as it is now, so many people
	// and whether it may be served to; it creates or replaces it and is idempotent.
	// An audience that was never put has nobody in it.
	PutAudience(ctx context.Context, a Audience) error
}

// Identifier is one hashed or universal identifier of a person.
type Identifier struct {
	// Type is the protocol's name, such as hashed_email or uid2 (AdCP 3.1,
	// enums/match-id-type); Value is never a raw address.
	Type, Value string
}

// Audience is a list of people as the ad server holds it.
type Audience struct {
	// ID is unique over the ad server.
	ID string
	// People is how many of its members the ad server knows.
	People int64
	// Serves says whether it may be used now. Line items that are to reach one that
	// may not are not served to it; those that are to avoid it still do.
	Serves bool
}
