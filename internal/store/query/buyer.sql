-- name: InsertCampaign :execrows
INSERT INTO buyer_campaigns (tenant, campaign_id, campaign_key, name, advertiser, state, reason, brief, intent, brief_digest,
    budget, currency, start_at, end_at, plan, plan_digest, authority, approved_by, approved_at, approval, revision, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, '', '', 0, '', 0, '', 1, $15, $16)
ON CONFLICT (tenant, campaign_id) DO NOTHING;

-- name: Campaign :one
SELECT * FROM buyer_campaigns WHERE tenant = $1 AND campaign_id = $2;

-- name: Campaigns :many
SELECT * FROM buyer_campaigns WHERE tenant = $1 ORDER BY created_at, campaign_id;

-- name: MoveCampaign :execrows
UPDATE buyer_campaigns SET state = $1, reason = $2, updated_at = $3, revision = revision + 1
WHERE tenant = $4 AND campaign_id = $5 AND revision = $6;

-- name: TouchCampaign :execrows
UPDATE buyer_campaigns SET updated_at = $1, revision = revision + 1
WHERE tenant = $2 AND campaign_id = $3 AND revision = $4;

-- name: SetCampaignPlan :execrows
UPDATE buyer_campaigns SET plan = $1, plan_digest = $2 WHERE tenant = $3 AND campaign_id = $4;

-- name: SetCampaignAuthority :execrows
UPDATE buyer_campaigns SET authority = $1, approved_by = $2, approved_at = $3, approval = $4
WHERE tenant = $5 AND campaign_id = $6;

-- name: InsertCampaignTransition :exec
INSERT INTO buyer_transitions (tenant, campaign_id, position, from_state, to_state, at, actor, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: CampaignTransitions :many
SELECT * FROM buyer_transitions WHERE tenant = $1 AND campaign_id = $2 ORDER BY position;

-- name: InsertPlanLine :exec
INSERT INTO buyer_lines (tenant, line_id, campaign_id, position, seller, product_id, pricing_option_id, budget, currency, price, bid, document, package_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '');

-- name: PlanLines :many
SELECT * FROM buyer_lines WHERE tenant = $1 AND campaign_id = $2 ORDER BY position;

-- name: SetPlanLinePackage :execrows
UPDATE buyer_lines SET package_id = $1 WHERE tenant = $2 AND line_id = $3;

-- name: InsertBooking :exec
INSERT INTO buyer_bookings (tenant, booking_id, campaign_id, seller, attempt, state, idempotency_key, request, tries, in_doubt,
    task_id, media_buy_id, status, packages, creatives, reason, revision, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, FALSE, '', '', '', '', '', '', 1, $9, $10);

-- name: UpdateBooking :execrows
UPDATE buyer_bookings SET state = $1, tries = $2, in_doubt = $3, task_id = $4, media_buy_id = $5, status = $6, packages = $7,
    creatives = $8, reason = $9, updated_at = $10, revision = revision + 1
WHERE tenant = $11 AND booking_id = $12 AND revision = $13;

-- name: Booking :one
SELECT * FROM buyer_bookings WHERE tenant = $1 AND booking_id = $2;

-- name: Bookings :many
SELECT * FROM buyer_bookings WHERE tenant = $1 AND campaign_id = $2 ORDER BY seller, attempt;

-- name: InsertLedgerEntry :exec
INSERT INTO buyer_ledger (tenant, campaign_id, position, entry_id, kind, line_id, amount, currency, at, actor, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: LedgerEntries :many
SELECT * FROM buyer_ledger WHERE tenant = $1 AND campaign_id = $2 ORDER BY position;

-- name: UpsertPackageDelivery :exec
INSERT INTO buyer_delivery (tenant, booking_id, package_id, campaign_id, line_id, impressions, spend, currency, read_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (tenant, booking_id, package_id)
DO UPDATE SET impressions = excluded.impressions, spend = excluded.spend, currency = excluded.currency, read_at = excluded.read_at;

-- name: PackageDeliveries :many
SELECT * FROM buyer_delivery WHERE tenant = $1 AND campaign_id = $2 ORDER BY booking_id, package_id;
