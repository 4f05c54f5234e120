package webhook

import "context"

// Prune does what the sweep does at the end of each round.
func (o *Outbox) Prune(ctx context.Context) error { return o.prune(ctx) }
