-- name: PutAccountGovernance :exec
INSERT INTO account_governance (tenant, account_id, principal, url, scheme, credentials, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (tenant, account_id) DO UPDATE SET
    principal = excluded.principal, url = excluded.url, scheme = excluded.scheme,
    credentials = excluded.credentials, updated_at = excluded.updated_at;

-- name: AccountGovernance :one
SELECT * FROM account_governance WHERE tenant = $1 AND account_id = $2;

-- name: InsertGovernanceCheck :exec
INSERT INTO governance_checks (tenant, id, account_id, media_buy_id, phase, plan_id, verdict, document, checked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: GovernanceChecks :many
SELECT * FROM governance_checks WHERE tenant = $1 AND media_buy_id = $2 ORDER BY checked_at, id;
