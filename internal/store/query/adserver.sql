-- name: AdserverOrder :one
SELECT * FROM adserver_orders WHERE tenant = $1 AND order_id = $2;

-- name: InsertAdserverOrder :exec
INSERT INTO adserver_orders (tenant, order_id, advertiser, name, currency, paused, canceled, revision, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8);

-- name: UpdateAdserverOrder :execrows
UPDATE adserver_orders SET advertiser = $1, name = $2, currency = $3, paused = $4, canceled = $5, updated_at = $6, revision = revision + 1
WHERE tenant = $7 AND order_id = $8 AND revision = $9;

-- name: AdserverLineItem :one
SELECT * FROM adserver_line_items WHERE tenant = $1 AND line_item_id = $2;

-- name: AdserverLineItems :many
SELECT * FROM adserver_line_items WHERE tenant = $1 AND order_id = $2 ORDER BY position, line_item_id;

-- name: AdserverLineItemsToRun :many
SELECT sqlc.embed(li), o.currency AS order_currency, o.paused AS order_paused, o.canceled AS order_canceled
FROM adserver_line_items li
JOIN adserver_orders o ON o.tenant = li.tenant AND o.order_id = li.order_id
WHERE li.tenant = $1 AND NOT li.finished AND li.watermark < $2
ORDER BY li.line_item_id;

-- name: InsertAdserverLineItem :exec
INSERT INTO adserver_line_items (tenant, line_item_id, order_id, position, document, live_from, watermark, finished,
    delivered_until, impressions, viewable_impressions, clicks, views, completed_views, conversions, plays, grps, spend, forgone, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

-- name: UpdateAdserverLineItem :execrows
UPDATE adserver_line_items SET position = $1, document = $2, live_from = $3, watermark = $4, finished = $5, forgone = $6, revision = revision + 1
WHERE tenant = $7 AND line_item_id = $8 AND revision = $9;

-- name: AdvanceAdserverLineItem :execrows
UPDATE adserver_line_items SET watermark = $1, finished = $2, delivered_until = $3, impressions = $4, viewable_impressions = $5,
    clicks = $6, views = $7, completed_views = $8, conversions = $9, plays = $10, grps = $11, spend = $12, forgone = $13,
    revision = revision + 1
WHERE tenant = $14 AND line_item_id = $15 AND revision = $16;

-- name: DeleteAdserverLineItem :execrows
DELETE FROM adserver_line_items WHERE tenant = $1 AND line_item_id = $2 AND revision = $3;

-- name: InsertAdserverDelivery :exec
INSERT INTO adserver_delivery (tenant, line_item_id, hour, currency, impressions, viewable_impressions, clicks, views,
    completed_views, conversions, plays, grps, spend, creatives)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);

-- name: AdserverDelivery :many
SELECT * FROM adserver_delivery
WHERE tenant = sqlc.arg(tenant) AND line_item_id = sqlc.arg(line_item_id) AND hour >= sqlc.arg(from_hour) AND hour < sqlc.arg(to_hour)
ORDER BY hour;

-- name: PutAdserverDelivery :exec
INSERT INTO adserver_delivery (tenant, line_item_id, hour, currency, impressions, viewable_impressions, clicks, views,
    completed_views, conversions, plays, grps, spend, creatives)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (tenant, line_item_id, hour) DO UPDATE SET
    impressions = excluded.impressions, viewable_impressions = excluded.viewable_impressions, clicks = excluded.clicks,
    views = excluded.views, completed_views = excluded.completed_views, conversions = excluded.conversions,
    plays = excluded.plays, grps = excluded.grps, spend = excluded.spend, creatives = excluded.creatives;
