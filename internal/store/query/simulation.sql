-- name: SimulationClock :one
SELECT * FROM simulation_clocks WHERE tenant = sqlc.arg(tenant);

-- name: StartSimulationClock :exec
INSERT INTO simulation_clocks (tenant, started_at, stands_at)
VALUES (sqlc.arg(tenant), sqlc.arg(started_at), sqlc.arg(started_at))
ON CONFLICT (tenant) DO NOTHING;

-- name: AdvanceSimulationClock :exec
UPDATE simulation_clocks SET stands_at = sqlc.arg(stands_at)
WHERE tenant = sqlc.arg(tenant) AND stands_at < sqlc.arg(stands_at);
