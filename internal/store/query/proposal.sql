-- name: InsertProposal :execrows
INSERT INTO proposals (tenant, proposal_id, principal, status, expires_at, document, commitment, task_id, revision, created_at, updated_at)
VALUES ($1, $2, $3, 'draft', $4, $5, '', '', 1, $6, $6)
ON CONFLICT (tenant, proposal_id) DO NOTHING;

-- name: Proposal :one
SELECT * FROM proposals WHERE tenant = $1 AND principal = $2 AND proposal_id = $3;

-- name: CommitProposal :execrows
UPDATE proposals SET status = 'committed', commitment = $1, expires_at = $2, updated_at = $3, revision = revision + 1
WHERE tenant = $4 AND proposal_id = $5 AND revision = $6 AND status = 'draft';

-- name: MoveProposal :execrows
UPDATE proposals SET status = $1, task_id = $2, updated_at = $3, revision = revision + 1
WHERE tenant = $4 AND proposal_id = $5 AND revision = $6;

-- name: ProposalsLapsing :many
SELECT principal, proposal_id FROM proposals
WHERE tenant = $1 AND status = 'committed' AND expires_at <= $2
ORDER BY expires_at, proposal_id;
