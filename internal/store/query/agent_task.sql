-- name: insertAgentTask :execrows
INSERT INTO agent_tasks (tenant, task_id, principal, account_id, task_type, status, has_webhook, document, result, error, created_at, updated_at, completed_at, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (tenant, task_id) DO NOTHING;

-- name: updateAgentTask :execrows
UPDATE agent_tasks SET status = sqlc.arg(status), document = sqlc.arg(document), result = sqlc.arg(result), error = sqlc.arg(error),
    updated_at = sqlc.arg(updated_at), completed_at = sqlc.arg(completed_at), revision = revision + 1
WHERE tenant = sqlc.arg(tenant) AND task_id = sqlc.arg(task_id) AND revision = sqlc.arg(revision);

-- name: agentTask :one
SELECT * FROM agent_tasks WHERE tenant = $1 AND task_id = $2;

-- name: agentTasksOfPrincipal :many
SELECT * FROM agent_tasks WHERE tenant = $1 AND principal = $2 ORDER BY created_at, task_id;
