-- name: InsertAudience :exec
INSERT INTO audiences (tenant, account_id, audience_id, seller_id, principal, name, status, reason, status_from, status_at, document, revision, placed, created_at, synced_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, '', '', $8, $9, 1, 0, $10, $11);

-- name: UpdateAudience :execrows
UPDATE audiences SET name = $1, status = $2, document = $3, synced_at = $4, revision = revision + 1
WHERE tenant = $5 AND account_id = $6 AND audience_id = $7 AND revision = $8;

-- name: PlaceAudience :execrows
UPDATE audiences SET status = $1, placed = revision
WHERE tenant = $2 AND account_id = $3 AND audience_id = $4 AND revision = $5;

-- name: SetAudienceStatus :execrows
UPDATE audiences SET status = $1, reason = $2, status_from = $3, status_at = $4, revision = revision + 1
WHERE tenant = $5 AND account_id = $6 AND audience_id = $7 AND revision = $8;

-- name: Audience :one
SELECT * FROM audiences WHERE tenant = $1 AND account_id = $2 AND audience_id = $3;

-- name: AudiencesOfAccount :many
SELECT * FROM audiences WHERE tenant = $1 AND account_id = $2 ORDER BY created_at, audience_id;

-- name: AudiencesNamed :many
SELECT * FROM audiences WHERE tenant = $1 AND principal = $2 AND audience_id = $3 ORDER BY created_at, account_id;

-- name: DeleteAudience :exec
DELETE FROM audiences WHERE tenant = $1 AND account_id = $2 AND audience_id = $3;

-- name: PutAudienceMember :execrows
INSERT INTO audience_members (tenant, account_id, audience_id, member, submitted, matched)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant, account_id, audience_id, member) DO UPDATE SET submitted = excluded.submitted, matched = excluded.matched
WHERE audience_members.submitted <> excluded.submitted OR audience_members.matched <> excluded.matched;

-- name: DeleteAudienceMember :execrows
DELETE FROM audience_members WHERE tenant = $1 AND account_id = $2 AND audience_id = $3 AND member = $4;

-- name: DeleteAudienceMembers :exec
DELETE FROM audience_members WHERE tenant = $1 AND account_id = $2 AND audience_id = $3;

-- name: AudienceCounts :many
SELECT submitted, matched, COUNT(*) AS members FROM audience_members
WHERE tenant = $1 AND account_id = $2 AND audience_id = $3
GROUP BY submitted, matched;

-- name: PutAdserverAudience :exec
INSERT INTO adserver_audiences (tenant, audience_id, people, serves) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, audience_id) DO UPDATE SET people = excluded.people, serves = excluded.serves;

-- name: AdserverAudiences :many
SELECT * FROM adserver_audiences WHERE tenant = $1;
