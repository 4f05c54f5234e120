-- name: InsertStaff :execrows
INSERT INTO staff (tenant, name, roles, key_id, digest, created_at, expires_at, removed_at, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 1)
ON CONFLICT (tenant, name) DO UPDATE
SET roles = excluded.roles, key_id = excluded.key_id, digest = excluded.digest, created_at = excluded.created_at,
    expires_at = excluded.expires_at, removed_at = 0, revision = staff.revision + 1
WHERE staff.removed_at <> 0;

-- name: StaffByDigest :one
SELECT * FROM staff WHERE tenant = $1 AND digest = $2;

-- name: Staff :many
SELECT * FROM staff WHERE tenant = $1 ORDER BY name;

-- name: RemoveStaff :execrows
UPDATE staff SET removed_at = sqlc.arg(removed_at), revision = revision + 1
WHERE tenant = sqlc.arg(tenant) AND name = sqlc.arg(name) AND removed_at = 0;
