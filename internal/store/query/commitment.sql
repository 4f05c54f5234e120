-- name: InsertAccountCommitment :execrows
INSERT INTO account_commitments (tenant, account_id, entry_id, media_buy_id, kind, amount, currency, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (tenant, entry_id) DO NOTHING;

-- name: AccountOutstanding :one
SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS amount FROM account_commitments
WHERE tenant = $1 AND account_id = $2 AND currency = $3;

-- name: AccountCommittedSince :one
SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS amount FROM account_commitments
WHERE tenant = $1 AND account_id = $2 AND currency = $3 AND kind = 'committed' AND at >= sqlc.arg(from_at);

-- name: MediaBuyCommitted :one
SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS amount FROM account_commitments
WHERE tenant = $1 AND media_buy_id = $2;

-- name: AccountCurrencies :many
SELECT DISTINCT currency FROM account_commitments WHERE tenant = $1 AND account_id = $2 ORDER BY currency;

-- name: InsertUsageRecord :execrows
INSERT INTO usage_records (tenant, record_id, principal, account_id, media_buy_id, pricing_option_id, vendor_cost, currency, period_start, period_end, final, document, reported_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (tenant, record_id) DO NOTHING;

-- name: UsageRecords :many
SELECT * FROM usage_records WHERE tenant = $1 AND account_id = $2 ORDER BY period_start, record_id;

-- name: UsageRecord :one
SELECT * FROM usage_records WHERE tenant = $1 AND record_id = $2;

-- name: UpdateUsageRecord :execrows
UPDATE usage_records SET vendor_cost = $1, currency = $2, final = $3, document = $4, reported_at = $5
WHERE tenant = $6 AND record_id = $7 AND final = FALSE;
