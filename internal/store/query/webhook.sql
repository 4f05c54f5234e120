-- name: InsertWebhookNotification :execrows
INSERT INTO webhook_notifications (tenant, event_id, lane, position, receiver, resource, url, scheme, secret,
    idempotency_key, body, status, attempts, created_at, next_at, deadline_at, lease_until, ended_at, last_error, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'pending', 0, $12, $13, $14, 0, 0, '', 1)
ON CONFLICT (tenant, event_id) DO NOTHING;

-- name: WebhookNotification :one
SELECT * FROM webhook_notifications WHERE tenant = $1 AND event_id = $2;

-- name: WebhookLaneEnd :one
SELECT CAST(COALESCE(MAX(position), 0) AS BIGINT) AS position
FROM webhook_notifications WHERE tenant = $1 AND lane = $2;

-- name: WebhookLaneHead :one
SELECT * FROM webhook_notifications
WHERE tenant = $1 AND lane = $2 AND status = 'pending'
ORDER BY position LIMIT 1;

-- name: WebhookLanesDue :many
SELECT DISTINCT lane FROM webhook_notifications
WHERE tenant = sqlc.arg(tenant) AND status = 'pending' AND next_at <= sqlc.arg(now)
ORDER BY lane;

-- name: UpdateWebhookNotification :execrows
UPDATE webhook_notifications
SET status = sqlc.arg(status), position = sqlc.arg(position), attempts = sqlc.arg(attempts),
    next_at = sqlc.arg(next_at), deadline_at = sqlc.arg(deadline_at), lease_until = sqlc.arg(lease_until),
    ended_at = sqlc.arg(ended_at), last_error = sqlc.arg(last_error), revision = revision + 1
WHERE tenant = sqlc.arg(tenant) AND event_id = sqlc.arg(event_id) AND revision = sqlc.arg(revision);

-- name: WebhookNotifications :many
SELECT * FROM webhook_notifications
WHERE tenant = sqlc.arg(tenant) AND CAST(sqlc.arg(status) AS TEXT) IN ('', status)
ORDER BY created_at DESC, event_id LIMIT CAST(sqlc.arg(max_rows) AS BIGINT);

-- name: WebhookReceiver :one
SELECT * FROM webhook_receivers WHERE tenant = $1 AND receiver = $2;

-- name: SaveWebhookReceiver :exec
INSERT INTO webhook_receivers (tenant, receiver, state, failures, trips, until_at, revision)
VALUES ($1, $2, $3, $4, $5, $6, 1)
ON CONFLICT (tenant, receiver) DO UPDATE SET state = excluded.state, failures = excluded.failures,
    trips = excluded.trips, until_at = excluded.until_at, revision = webhook_receivers.revision + 1;
