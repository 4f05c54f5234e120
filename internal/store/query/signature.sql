-- name: claimSignatureNonce :execrows
INSERT INTO signature_nonces (tenant, agent_url, key_id, nonce, until_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant, agent_url, key_id, nonce) DO NOTHING;

-- name: signaturesAccepted :one
SELECT CAST(COALESCE(SUM(accepted), 0) AS BIGINT) FROM signature_counts
WHERE tenant = $1 AND agent_url = $2 AND key_id = $3 AND period > sqlc.arg(after_period);

-- name: countSignature :exec
INSERT INTO signature_counts (tenant, agent_url, key_id, period, accepted) VALUES ($1, $2, $3, $4, 1)
ON CONFLICT (tenant, agent_url, key_id, period) DO UPDATE SET accepted = signature_counts.accepted + 1;

-- name: pruneSignatureNonces :execrows
DELETE FROM signature_nonces WHERE tenant = $1 AND until_at < sqlc.arg(before);

-- name: pruneSignatureCounts :exec
DELETE FROM signature_counts WHERE tenant = $1 AND period <= sqlc.arg(until_period);
