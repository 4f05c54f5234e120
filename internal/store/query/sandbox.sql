-- name: PutSandboxItem :exec
INSERT INTO sandbox_items (tenant, principal, kind, item_id, document, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant, principal, kind, item_id) DO UPDATE SET document = excluded.document;

-- name: SandboxItem :one
SELECT * FROM sandbox_items WHERE tenant = $1 AND principal = $2 AND kind = $3 AND item_id = $4;

-- name: SandboxItems :many
SELECT * FROM sandbox_items WHERE tenant = $1 AND principal = $2 AND kind = $3 ORDER BY created_at, item_id;

-- name: SandboxItemsOfKind :many
SELECT * FROM sandbox_items WHERE tenant = $1 AND kind = $2 ORDER BY principal, created_at, item_id;

-- name: DeleteSandboxItem :execrows
DELETE FROM sandbox_items WHERE tenant = $1 AND principal = $2 AND kind = $3 AND item_id = $4;
