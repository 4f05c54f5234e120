-- name: SellerReport :one
SELECT * FROM seller_reports WHERE tenant = $1 AND media_buy_id = $2;

-- name: SellerReportsDue :many
SELECT * FROM seller_reports
WHERE tenant = sqlc.arg(tenant) AND finished = FALSE AND due_at <= sqlc.arg(now)
ORDER BY due_at, media_buy_id LIMIT CAST(sqlc.arg(max_rows) AS BIGINT);

-- A new registration takes over from the one before; what was sent is not sent again.
-- name: SaveSellerReport :exec
INSERT INTO seller_reports (tenant, media_buy_id, registration_id, frequency, metrics, sequence, period_start, due_at, delayed, finished, revision)
VALUES ($1, $2, $3, $4, $5, 0, $6, $7, FALSE, FALSE, 1)
ON CONFLICT (tenant, media_buy_id) DO UPDATE SET registration_id = excluded.registration_id, frequency = excluded.frequency,
    metrics = excluded.metrics, due_at = excluded.due_at, revision = seller_reports.revision + 1;

-- name: UpdateSellerReport :execrows
UPDATE seller_reports
SET sequence = sqlc.arg(sequence), period_start = sqlc.arg(period_start), due_at = sqlc.arg(due_at),
    delayed = sqlc.arg(delayed), finished = sqlc.arg(finished), revision = revision + 1
WHERE tenant = sqlc.arg(tenant) AND media_buy_id = sqlc.arg(media_buy_id) AND revision = sqlc.arg(revision);

-- The media buy has ended: what is left to report is due.
-- name: HurrySellerReport :exec
UPDATE seller_reports SET due_at = sqlc.arg(now), revision = revision + 1
WHERE tenant = sqlc.arg(tenant) AND media_buy_id = sqlc.arg(media_buy_id) AND finished = FALSE;
