-- name: claimIdempotency :execrows
INSERT INTO idempotency_records
    (tenant, principal, account, operation, key, digest, holder, lease_until, finished, response, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, FALSE, '', $9)
ON CONFLICT (tenant, principal, account, operation, key) DO NOTHING;

-- name: idempotencyRecord :one
SELECT * FROM idempotency_records
WHERE tenant = $1 AND principal = $2 AND account = $3 AND operation = $4 AND key = $5;

-- name: reclaimIdempotency :execrows
UPDATE idempotency_records
SET holder = sqlc.arg(holder), lease_until = sqlc.arg(lease_until), created_at = sqlc.arg(created_at)
WHERE tenant = sqlc.arg(tenant) AND principal = sqlc.arg(principal) AND account = sqlc.arg(account)
  AND operation = sqlc.arg(operation) AND key = sqlc.arg(key)
  AND NOT finished AND holder = sqlc.arg(former_holder) AND lease_until = sqlc.arg(former_lease_until);

-- name: renewIdempotency :execrows
UPDATE idempotency_records SET lease_until = sqlc.arg(lease_until)
WHERE tenant = sqlc.arg(tenant) AND principal = sqlc.arg(principal) AND account = sqlc.arg(account)
  AND operation = sqlc.arg(operation) AND key = sqlc.arg(key)
  AND NOT finished AND holder = sqlc.arg(holder);

-- name: finishIdempotency :execrows
UPDATE idempotency_records SET finished = TRUE, holder = '', response = sqlc.arg(response)
WHERE tenant = sqlc.arg(tenant) AND principal = sqlc.arg(principal) AND account = sqlc.arg(account)
  AND operation = sqlc.arg(operation) AND key = sqlc.arg(key)
  AND NOT finished AND holder = sqlc.arg(holder);

-- name: abandonIdempotency :execrows
DELETE FROM idempotency_records
WHERE tenant = sqlc.arg(tenant) AND principal = sqlc.arg(principal) AND account = sqlc.arg(account)
  AND operation = sqlc.arg(operation) AND key = sqlc.arg(key)
  AND NOT finished AND holder = sqlc.arg(holder);

-- name: pruneIdempotency :execrows
DELETE FROM idempotency_records WHERE finished AND created_at < $1;

-- name: nextEventSequence :one
INSERT INTO event_counters (tenant, last) VALUES ($1, 1)
ON CONFLICT (tenant) DO UPDATE SET last = event_counters.last + 1
RETURNING last;

-- name: hasEvent :one
SELECT EXISTS (SELECT 1 FROM event_log WHERE tenant = $1 AND event_id = $2);

-- name: insertEvent :exec
INSERT INTO event_log (tenant, sequence, event_id, at, kind, subject, campaign_id, flow_id, actor, document)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: eventsAfter :many
SELECT * FROM event_log
WHERE tenant = sqlc.arg(tenant) AND sequence > sqlc.arg(after)
  AND (CAST(sqlc.arg(kind) AS TEXT) = '' OR kind = CAST(sqlc.arg(kind) AS TEXT))
  AND (CAST(sqlc.arg(subject) AS TEXT) = '' OR subject = CAST(sqlc.arg(subject) AS TEXT))
  AND (CAST(sqlc.arg(campaign_id) AS TEXT) = '' OR campaign_id = CAST(sqlc.arg(campaign_id) AS TEXT))
  AND (CAST(sqlc.arg(flow_id) AS TEXT) = '' OR flow_id = CAST(sqlc.arg(flow_id) AS TEXT))
ORDER BY sequence
LIMIT CAST(sqlc.arg(max_rows) AS BIGINT);
