-- +goose Up

-- What test drivers have asked of a sandbox, by kind: seeds, the arms that coming
-- calls are to take, what reports are to say. Each is its principal's own.

CREATE TABLE sandbox_items (
    tenant     TEXT   NOT NULL,
    principal  TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    item_id    TEXT   NOT NULL,
    document   TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, principal, kind, item_id)
);

-- +goose Down
DROP TABLE sandbox_items;
