-- Media plans that were offered to buyers. What was offered never changes: a
-- refined plan is another proposal, and a commitment is written once beside it.

-- +goose Up
CREATE TABLE proposals (
    tenant      TEXT   NOT NULL,
    proposal_id TEXT   NOT NULL,
    principal   TEXT   NOT NULL,
    -- draft, committed, bought or lapsed
    status      TEXT   NOT NULL,
    -- Draft: until when it can be finalized. Committed: until when it holds.
    expires_at  BIGINT NOT NULL,
    -- The plan as it was drafted, and as it was committed to; '' is not yet.
    document    TEXT   NOT NULL,
    commitment  TEXT   NOT NULL,
    -- The task of the order that bought it; '' is none.
    task_id     TEXT   NOT NULL,
    revision    BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant, proposal_id)
);
CREATE INDEX proposals_by_expiry ON proposals (tenant, status, expires_at);

-- +goose Down
DROP TABLE proposals;
