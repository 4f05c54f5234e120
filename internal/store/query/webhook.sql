-- name: InsertWebhookNotification :execrows
INSERT INTO webhook_notifications (tenant, event_id, lane, position, receiver, resource, url, scheme, registration_id,
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

-- name: InsertWebhookRegistration :exec
INSERT INTO webhook_registrations (tenant, registration_id, url, operation_id, scheme, form, sealed, closed, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, FALSE, $8)
ON CONFLICT (tenant, registration_id) DO NOTHING;

-- name: WebhookRegistration :one
SELECT * FROM webhook_registrations WHERE tenant = $1 AND registration_id = $2;

-- name: CloseWebhookRegistration :exec
UPDATE webhook_registrations SET closed = TRUE WHERE tenant = $1 AND registration_id = $2;

-- A closed registration goes with its secrets once no letter needs it any more. A
-- dead one may be replayed, and does.
-- name: EraseWebhookRegistration :exec
DELETE FROM webhook_registrations
WHERE webhook_registrations.tenant = sqlc.arg(tenant) AND webhook_registrations.registration_id = sqlc.arg(registration_id) AND closed
  AND NOT EXISTS (SELECT 1 FROM webhook_notifications n
    WHERE n.tenant = webhook_registrations.tenant AND n.registration_id = webhook_registrations.registration_id
      AND n.status IN ('pending', 'dead'));

-- name: PruneWebhookNotifications :execrows
DELETE FROM webhook_notifications
WHERE tenant = sqlc.arg(tenant) AND status = sqlc.arg(status) AND ended_at < sqlc.arg(before);

-- name: PruneWebhookRegistrations :execrows
DELETE FROM webhook_registrations
WHERE webhook_registrations.tenant = sqlc.arg(tenant) AND closed
  AND NOT EXISTS (SELECT 1 FROM webhook_notifications n
    WHERE n.tenant = webhook_registrations.tenant AND n.registration_id = webhook_registrations.registration_id
      AND n.status IN ('pending', 'dead'));

-- name: SealedWebhookRegistrations :one
SELECT CAST(COUNT(*) AS BIGINT) AS sealed FROM webhook_registrations WHERE tenant = $1 AND sealed <> '';

-- name: SecretKey :one
SELECT * FROM secret_keys WHERE tenant = $1;

-- name: SaveSecretKey :exec
INSERT INTO secret_keys (tenant, key_id, created_at) VALUES ($1, $2, $3)
ON CONFLICT (tenant) DO UPDATE SET key_id = excluded.key_id, created_at = excluded.created_at;

-- name: claimWebhookSeen :execrows
INSERT INTO webhooks_seen (tenant, sender, key, handled, holder, lease_until, seen_at)
VALUES ($1, $2, $3, FALSE, $4, $5, $6)
ON CONFLICT (tenant, sender, key) DO NOTHING;

-- name: webhookSeen :one
SELECT * FROM webhooks_seen WHERE tenant = $1 AND sender = $2 AND key = $3;

-- name: reclaimWebhookSeen :execrows
UPDATE webhooks_seen SET holder = sqlc.arg(holder), lease_until = sqlc.arg(lease_until)
WHERE tenant = sqlc.arg(tenant) AND sender = sqlc.arg(sender) AND key = sqlc.arg(key) AND handled = FALSE
  AND holder = sqlc.arg(former_holder) AND lease_until = sqlc.arg(former_lease_until);

-- name: finishWebhookSeen :execrows
UPDATE webhooks_seen SET handled = TRUE, holder = '', lease_until = 0
WHERE tenant = sqlc.arg(tenant) AND sender = sqlc.arg(sender) AND key = sqlc.arg(key) AND handled = FALSE AND holder = sqlc.arg(holder);

-- name: abandonWebhookSeen :execrows
DELETE FROM webhooks_seen
WHERE tenant = sqlc.arg(tenant) AND sender = sqlc.arg(sender) AND key = sqlc.arg(key) AND handled = FALSE AND holder = sqlc.arg(holder);

-- name: pruneWebhookSeen :execrows
DELETE FROM webhooks_seen WHERE tenant = $1 AND handled AND seen_at < $2;
