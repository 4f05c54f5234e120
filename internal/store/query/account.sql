-- name: InsertAccountKey :exec
INSERT INTO account_keys (tenant, key_id, digest, principal, sandbox, operations, accounts,
    created_at, expires_at, revoked_at, last_used_at, replaced_by, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, '', 1);

-- name: AccountKey :one
SELECT * FROM account_keys WHERE tenant = $1 AND key_id = $2;

-- name: AccountKeyByDigest :one
SELECT * FROM account_keys WHERE tenant = $1 AND digest = $2;

-- name: AccountKeys :many
SELECT * FROM account_keys WHERE tenant = $1 ORDER BY created_at, key_id;

-- name: EndAccountKey :execrows
UPDATE account_keys
SET expires_at = sqlc.arg(expires_at), revoked_at = sqlc.arg(revoked_at),
    replaced_by = sqlc.arg(replaced_by), revision = revision + 1
WHERE tenant = sqlc.arg(tenant) AND key_id = sqlc.arg(key_id) AND revision = sqlc.arg(revision);

-- name: TouchAccountKey :exec
UPDATE account_keys SET last_used_at = sqlc.arg(last_used_at)
WHERE tenant = sqlc.arg(tenant) AND key_id = sqlc.arg(key_id) AND last_used_at < sqlc.arg(last_used_at);
