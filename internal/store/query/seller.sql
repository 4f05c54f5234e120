-- name: InsertSellerAccount :exec
INSERT INTO seller_accounts (tenant, account_id, principal, brand_domain, brand_id, operator, sandbox, status, document, revision, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11);

-- name: UpdateSellerAccount :execrows
UPDATE seller_accounts SET status = $1, document = $2, updated_at = $3, revision = revision + 1
WHERE tenant = $4 AND account_id = $5 AND revision = $6;

-- name: SellerAccount :one
SELECT * FROM seller_accounts WHERE tenant = $1 AND principal = $2 AND account_id = $3;

-- name: SellerAccountOfAnyone :one
SELECT * FROM seller_accounts WHERE tenant = $1 AND account_id = $2;

-- name: SellerAccountByKey :one
SELECT * FROM seller_accounts
WHERE tenant = $1 AND principal = $2 AND brand_domain = $3 AND brand_id = $4 AND operator = $5 AND sandbox = $6;

-- name: SellerAccounts :many
SELECT * FROM seller_accounts WHERE tenant = $1 AND principal = $2 ORDER BY created_at, account_id;

-- name: InsertMediaBuy :exec
INSERT INTO media_buys (tenant, media_buy_id, principal, account_id, status, currency, start_at, end_at, pending_task, document, revision, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', $9, $10, $11, $12);

-- name: UpdateMediaBuy :execrows
UPDATE media_buys SET status = $1, start_at = $2, end_at = $3, pending_task = '', document = $4, updated_at = $5, revision = revision + 1
WHERE tenant = $6 AND media_buy_id = $7 AND revision = $8 AND pending_task = $9;

-- name: HoldMediaBuy :execrows
UPDATE media_buys SET pending_task = $1
WHERE tenant = $2 AND media_buy_id = $3 AND revision = $4 AND pending_task = '';

-- name: ReleaseMediaBuy :execrows
UPDATE media_buys SET pending_task = ''
WHERE tenant = $1 AND media_buy_id = $2 AND pending_task = $3;

-- name: MediaBuy :one
SELECT * FROM media_buys WHERE tenant = $1 AND media_buy_id = $2;

-- name: MediaBuysOfPrincipal :many
SELECT * FROM media_buys WHERE tenant = $1 AND principal = $2 ORDER BY created_at, media_buy_id;

-- name: MediaBuysStarting :many
SELECT * FROM media_buys
WHERE tenant = $1 AND status = 'pending_start' AND pending_task = '' AND start_at <= $2
ORDER BY start_at, media_buy_id;

-- name: MediaBuysEnding :many
SELECT * FROM media_buys
WHERE tenant = $1 AND status IN ('pending_creatives', 'pending_start', 'active', 'paused') AND pending_task = '' AND end_at <= $2
ORDER BY end_at, media_buy_id;

-- name: CountMediaBuysOfAccount :one
SELECT COUNT(*) FROM media_buys WHERE tenant = $1 AND account_id = $2 AND status <> 'rejected';

-- A package stays its media buy's, and what was agreed about its product stays too.
-- name: SaveMediaBuyPackage :execrows
INSERT INTO media_buy_packages (tenant, package_id, media_buy_id, position, product_id, pricing_option_id, budget, currency, start_at, end_at, paused, canceled, document)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (tenant, package_id) DO UPDATE
SET budget = excluded.budget, start_at = excluded.start_at, end_at = excluded.end_at,
    paused = excluded.paused, canceled = excluded.canceled, document = excluded.document
WHERE media_buy_packages.media_buy_id = excluded.media_buy_id;

-- name: MediaBuyPackages :many
SELECT * FROM media_buy_packages WHERE tenant = $1 AND media_buy_id = $2 ORDER BY position;

-- name: MediaBuyPackage :one
SELECT * FROM media_buy_packages WHERE tenant = $1 AND package_id = $2;

-- name: InsertMediaBuyHistory :exec
INSERT INTO media_buy_history (tenant, media_buy_id, revision, position, at, actor, action, package_id, summary)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: MediaBuyHistory :many
SELECT * FROM media_buy_history WHERE tenant = $1 AND media_buy_id = $2
ORDER BY revision DESC, position DESC LIMIT CAST(sqlc.arg(max_rows) AS BIGINT);

-- name: InsertSellerTask :exec
INSERT INTO seller_tasks (tenant, task_id, principal, account_id, task_type, status, due_at, document, result, error, decided_by, decided_at, created_at, updated_at, answered, completed_at, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', '', $9, $10, $11, $12, $13, 0, 1);

-- name: DecideSellerTask :execrows
UPDATE seller_tasks SET status = $1, due_at = 0, decided_by = $2, decided_at = $3, updated_at = $4, revision = revision + 1
WHERE tenant = $5 AND task_id = $6 AND revision = $7;

-- name: AskSellerTask :execrows
UPDATE seller_tasks SET status = $1, due_at = $2, document = $3, updated_at = $4, revision = revision + 1
WHERE tenant = $5 AND task_id = $6 AND revision = $7;

-- No change of the task, but of who is told of it.
-- name: NoteSellerTask :execrows
UPDATE seller_tasks SET document = $1 WHERE tenant = $2 AND task_id = $3 AND revision = $4;

-- name: FinishSellerTask :execrows
UPDATE seller_tasks SET status = $1, result = $2, error = $3, due_at = 0, decided_by = $4, decided_at = $5, updated_at = $6, completed_at = $7, revision = revision + 1
WHERE tenant = $8 AND task_id = $9 AND revision = $10;

-- Only while the task has no end: the call that finds it ended answers with that.
-- name: AnswerSellerTask :execrows
UPDATE seller_tasks SET answered = TRUE
WHERE tenant = $1 AND task_id = $2 AND status IN ('working', 'submitted', 'input-required');

-- name: SellerTask :one
SELECT * FROM seller_tasks WHERE tenant = $1 AND task_id = $2;

-- name: SellerTasksOfPrincipal :many
SELECT * FROM seller_tasks WHERE tenant = $1 AND principal = $2 ORDER BY created_at, task_id;

-- name: SellerTasksWithStatus :many
SELECT * FROM seller_tasks WHERE tenant = $1 AND status = $2 ORDER BY created_at, task_id;

-- name: InsertCreative :exec
INSERT INTO creatives (tenant, account_id, creative_id, name, format_agent_url, format_id, status, document, revision, created_at, updated_at, review)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $11);

-- name: UpdateCreative :execrows
UPDATE creatives SET name = $1, format_agent_url = $2, format_id = $3, status = $4, document = $5, updated_at = $6, review = $7, revision = revision + 1
WHERE tenant = $8 AND account_id = $9 AND creative_id = $10 AND revision = $11;

-- name: Creative :one
SELECT * FROM creatives WHERE tenant = $1 AND account_id = $2 AND creative_id = $3;

-- name: CreativesOfAccount :many
SELECT * FROM creatives WHERE tenant = $1 AND account_id = $2 ORDER BY created_at, creative_id;

-- name: CreativesWithStatus :many
SELECT * FROM creatives WHERE tenant = $1 AND status = $2 ORDER BY updated_at, account_id, creative_id;

-- name: InsertCreativeAssignment :exec
INSERT INTO creative_assignments (tenant, package_id, creative_id, media_buy_id, account_id, position, weight, approved, assigned_at, released_at, approval, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: DeleteCreativeAssignments :exec
DELETE FROM creative_assignments WHERE tenant = $1 AND media_buy_id = $2;

-- name: CreativeAssignmentsOfMediaBuy :many
SELECT * FROM creative_assignments WHERE tenant = $1 AND media_buy_id = $2 ORDER BY package_id, position;

-- name: CreativeAssignmentsOfAccount :many
SELECT * FROM creative_assignments WHERE tenant = $1 AND account_id = $2 ORDER BY creative_id, assigned_at, package_id;

-- name: LiveMediaBuysOfAccount :many
SELECT * FROM media_buys
WHERE tenant = $1 AND account_id = $2 AND status IN ('pending_creatives', 'pending_start', 'active', 'paused')
ORDER BY created_at, media_buy_id;

-- name: MediaBuysOfAccount :many
SELECT * FROM media_buys WHERE tenant = $1 AND account_id = $2 ORDER BY created_at, media_buy_id;

-- name: ForgetSellerTask :execrows
DELETE FROM seller_tasks WHERE tenant = $1 AND principal = $2 AND task_id = $3;
