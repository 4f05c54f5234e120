-- name: InsertInventoryLine :exec
INSERT INTO inventory_lines (tenant, owner, position, product_id, country, first_day, last_day, per_day, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: DeleteInventoryLines :exec
DELETE FROM inventory_lines WHERE tenant = $1 AND owner = $2;

-- name: InventoryLinesOfOwner :many
SELECT * FROM inventory_lines WHERE tenant = $1 AND owner = $2 ORDER BY position;

-- name: InventoryLinesOfProduct :many
SELECT * FROM inventory_lines
WHERE tenant = sqlc.arg(tenant) AND product_id = sqlc.arg(product_id)
  AND last_day >= CAST(sqlc.arg(from_day) AS BIGINT) AND first_day <= CAST(sqlc.arg(through_day) AS BIGINT)
  AND (expires_at = 0 OR expires_at > CAST(sqlc.arg(at) AS BIGINT))
ORDER BY owner, position;
