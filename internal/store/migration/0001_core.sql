-- The facts every agent keeps: answers remembered by idempotency key, and the
-- event log from which every decision can be read later.

-- +goose Up
CREATE TABLE idempotency_records (
    tenant      TEXT    NOT NULL,
    principal   TEXT    NOT NULL,
    account     TEXT    NOT NULL,
    operation   TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    digest      TEXT    NOT NULL,
    -- The store instance that runs the operation; empty once it is finished.
    holder      TEXT    NOT NULL,
    -- Real time until which the holder is believed alive, in microseconds UTC.
    lease_until BIGINT  NOT NULL,
    finished    BOOLEAN NOT NULL,
    response    TEXT    NOT NULL,
    -- Time in the agent's clock of the first sight of the key, in microseconds UTC.
    created_at  BIGINT  NOT NULL,
    PRIMARY KEY (tenant, principal, account, operation, key)
);
CREATE INDEX idempotency_records_by_age ON idempotency_records (created_at);

CREATE TABLE event_counters (
    tenant TEXT   NOT NULL PRIMARY KEY,
    last   BIGINT NOT NULL
);

CREATE TABLE event_log (
    tenant      TEXT   NOT NULL,
    -- Counts 1, 2, 3 within the tenant, in the order in which transactions commit.
    sequence    BIGINT NOT NULL,
    event_id    TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    kind        TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    campaign_id TEXT   NOT NULL,
    flow_id     TEXT   NOT NULL,
    actor       TEXT   NOT NULL,
    document    TEXT   NOT NULL,
    PRIMARY KEY (tenant, sequence),
    UNIQUE (tenant, event_id)
);
CREATE INDEX event_log_by_subject ON event_log (tenant, subject, sequence);
CREATE INDEX event_log_by_campaign ON event_log (tenant, campaign_id, sequence);
CREATE INDEX event_log_by_flow ON event_log (tenant, flow_id, sequence);

-- +goose Down
DROP TABLE event_log;
DROP TABLE event_counters;
DROP TABLE idempotency_records;
