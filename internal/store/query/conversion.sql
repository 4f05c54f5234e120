-- name: InsertEventSource :exec
INSERT INTO event_sources (tenant, account_id, event_source_id, seller_id, principal, document, revision, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8);

-- name: UpdateEventSource :execrows
UPDATE event_sources SET document = $1, updated_at = $2, revision = revision + 1
WHERE tenant = $3 AND account_id = $4 AND event_source_id = $5 AND revision = $6;

-- name: EventSourcesOfAccount :many
SELECT * FROM event_sources WHERE tenant = $1 AND account_id = $2 ORDER BY created_at, event_source_id;

-- name: EventSourcesNamed :many
SELECT * FROM event_sources WHERE tenant = $1 AND principal = $2 AND event_source_id = $3 ORDER BY created_at, account_id;

-- name: DeleteEventSource :exec
DELETE FROM event_sources WHERE tenant = $1 AND account_id = $2 AND event_source_id = $3;

-- name: InsertConversionEvent :execrows
INSERT INTO conversion_events (tenant, account_id, event_source_id, event_type, event_id, custom_name, occurred_at, document, logged_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (tenant, account_id, event_source_id, event_type, event_id) DO NOTHING;

-- name: ConversionEvents :many
SELECT * FROM conversion_events
WHERE tenant = $1 AND account_id = $2 AND occurred_at >= sqlc.arg(from_at) AND occurred_at < sqlc.arg(to_at)
ORDER BY occurred_at, event_id, event_source_id;

-- name: InsertPerformanceFeedback :execrows
INSERT INTO performance_feedback (tenant, feedback_id, principal, account_id, media_buy_id, package_id, creative_id, period_start, period_end, performance, metric_type, source, given_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (tenant, feedback_id) DO NOTHING;

-- name: PerformanceFeedback :many
SELECT * FROM performance_feedback WHERE tenant = $1 AND media_buy_id = $2 ORDER BY given_at, feedback_id;
