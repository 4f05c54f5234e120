-- Where the simulated clock of a demonstration or a sandbox stands, so that it
-- goes on from there after a restart.

-- +goose Up
CREATE TABLE simulation_clocks (
    tenant     TEXT NOT NULL PRIMARY KEY,
    started_at BIGINT NOT NULL,
    stands_at  BIGINT NOT NULL
);

-- +goose Down
DROP TABLE simulation_clocks;
