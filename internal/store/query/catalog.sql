-- name: InsertBuyerCatalog :exec
INSERT INTO buyer_catalogs (tenant, account_id, catalog_id, platform_id, principal, type, document, revision, created_at, synced_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9);

-- name: UpdateBuyerCatalog :execrows
UPDATE buyer_catalogs SET type = $1, document = $2, synced_at = $3, revision = revision + 1
WHERE tenant = $4 AND account_id = $5 AND catalog_id = $6 AND revision = $7;

-- name: BuyerCatalog :one
SELECT * FROM buyer_catalogs WHERE tenant = $1 AND account_id = $2 AND catalog_id = $3;

-- name: BuyerCatalogs :many
SELECT * FROM buyer_catalogs WHERE tenant = $1 AND account_id = $2 ORDER BY created_at, catalog_id;

-- name: DeleteBuyerCatalog :exec
DELETE FROM buyer_catalogs WHERE tenant = $1 AND account_id = $2 AND catalog_id = $3;

-- name: InsertBuyerCatalogItem :exec
INSERT INTO buyer_catalog_items (tenant, account_id, catalog_id, item_id, position, status, reasons, document)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: DeleteBuyerCatalogItems :exec
DELETE FROM buyer_catalog_items WHERE tenant = $1 AND account_id = $2 AND catalog_id = $3;

-- name: BuyerCatalogItems :many
SELECT * FROM buyer_catalog_items WHERE tenant = $1 AND account_id = $2 AND catalog_id = $3 ORDER BY position;

-- name: SetBuyerCatalogItemStatus :execrows
UPDATE buyer_catalog_items SET status = $1, reasons = $2
WHERE tenant = $3 AND account_id = $4 AND catalog_id = $5 AND item_id = $6;
