// Package api is the REST interface for a tenant's own people and tools, below
// /api/v1, with its OpenAPI document at /api/v1/openapi.json. Buying agents do not
// come here: they speak the protocol.
//
// A resource has a file of its own: the narrow interface that it needs of an
// agent, its documents, and its operations, registered with [Handle]. Who calls is
// a member of staff with a role (see [github.com/upfront-media/upfront/internal/account.Staff]).
//
// It stands on the agents and on account, and knows neither stores nor transports
// of the protocol.
package api
