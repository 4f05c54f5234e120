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

-- name: AddAdserverDeliveryDay :exec
INSERT INTO adserver_delivery_days (tenant, line_item_id, day, creative_id, impressions, viewable_impressions, clicks, views,
    completed_views, conversions, plays, grps, spend)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (tenant, line_item_id, day, creative_id) DO UPDATE SET
    impressions = adserver_delivery_days.impressions + excluded.impressions,
    viewable_impressions = adserver_delivery_days.viewable_impressions + excluded.viewable_impressions,
    clicks = adserver_delivery_days.clicks + excluded.clicks,
    views = adserver_delivery_days.views + excluded.views,
    completed_views = adserver_delivery_days.completed_views + excluded.completed_views,
    conversions = adserver_delivery_days.conversions + excluded.conversions,
    plays = adserver_delivery_days.plays + excluded.plays,
    grps = adserver_delivery_days.grps + excluded.grps,
    spend = adserver_delivery_days.spend + excluded.spend;

-- name: AdserverDeliveryDays :many
SELECT d.* FROM adserver_delivery_days d
JOIN adserver_line_items li ON li.tenant = d.tenant AND li.line_item_id = d.line_item_id
WHERE li.tenant = sqlc.arg(tenant) AND li.order_id = sqlc.arg(order_id) AND d.day >= sqlc.arg(from_day) AND d.day < sqlc.arg(to_day)
ORDER BY d.day, d.line_item_id, d.creative_id;

-- name: AdserverDeliveryTotals :many
SELECT d.line_item_id, d.creative_id, CAST(MIN(d.day) AS BIGINT) AS day,
    CAST(COALESCE(SUM(d.impressions), 0) AS BIGINT) AS impressions,
    CAST(COALESCE(SUM(d.viewable_impressions), 0) AS BIGINT) AS viewable_impressions,
    CAST(COALESCE(SUM(d.clicks), 0) AS BIGINT) AS clicks,
    CAST(COALESCE(SUM(d.views), 0) AS BIGINT) AS views,
    CAST(COALESCE(SUM(d.completed_views), 0) AS BIGINT) AS completed_views,
    CAST(COALESCE(SUM(d.conversions), 0) AS BIGINT) AS conversions,
    CAST(COALESCE(SUM(d.plays), 0) AS BIGINT) AS plays,
    CAST(COALESCE(SUM(d.grps), 0) AS BIGINT) AS grps,
    CAST(COALESCE(SUM(d.spend), 0) AS BIGINT) AS spend
FROM adserver_delivery_days d
JOIN adserver_line_items li ON li.tenant = d.tenant AND li.line_item_id = d.line_item_id
WHERE li.tenant = sqlc.arg(tenant) AND li.order_id = sqlc.arg(order_id) AND d.day >= sqlc.arg(from_day) AND d.day < sqlc.arg(to_day)
GROUP BY d.line_item_id, d.creative_id
ORDER BY d.line_item_id, d.creative_id;
