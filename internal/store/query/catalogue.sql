-- name: CatalogueHead :one
SELECT * FROM catalogue WHERE tenant = $1;

-- name: InsertCatalogueHead :execrows
INSERT INTO catalogue (tenant, document, origin, revision, changed_at, changed_by)
VALUES ($1, $2, $3, 1, $4, $5)
ON CONFLICT (tenant) DO NOTHING;

-- name: AdvanceCatalogueHead :execrows
UPDATE catalogue
SET document = sqlc.arg(document), revision = revision + 1, changed_at = sqlc.arg(changed_at), changed_by = sqlc.arg(changed_by)
WHERE tenant = sqlc.arg(tenant) AND revision = sqlc.arg(revision);

-- name: PutCatalogueProduct :exec
INSERT INTO catalogue_product (tenant, product_id, position, document, revision, changed_in, changed_at, changed_by, removed)
VALUES ($1, $2, $3, $4, 1, $5, $6, $7, FALSE)
ON CONFLICT (tenant, product_id) DO UPDATE
SET position = excluded.position, document = excluded.document, revision = catalogue_product.revision + 1,
    changed_in = excluded.changed_in, changed_at = excluded.changed_at, changed_by = excluded.changed_by, removed = FALSE;

-- name: RemoveCatalogueProduct :exec
UPDATE catalogue_product
SET document = '', removed = TRUE, revision = revision + 1, changed_in = sqlc.arg(changed_in),
    changed_at = sqlc.arg(changed_at), changed_by = sqlc.arg(changed_by)
WHERE tenant = sqlc.arg(tenant) AND product_id = sqlc.arg(product_id) AND NOT removed;

-- name: CatalogueProduct :one
SELECT * FROM catalogue_product WHERE tenant = $1 AND product_id = $2 AND NOT removed;

-- name: CatalogueProducts :many
SELECT * FROM catalogue_product
WHERE tenant = sqlc.arg(tenant) AND NOT removed AND position > sqlc.arg(after_position)
ORDER BY position, product_id
LIMIT CAST(sqlc.arg(max_rows) AS BIGINT);

-- name: CatalogueProductsChanged :many
SELECT * FROM catalogue_product
WHERE tenant = sqlc.arg(tenant) AND changed_in > sqlc.arg(since)
ORDER BY position, product_id;
