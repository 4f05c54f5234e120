-- The people of a tenant: who works at the sales desk or in ad operations, and
-- what they may do there. A key is never stored: its digest finds the person.

-- +goose Up
CREATE TABLE staff (
    tenant       TEXT    NOT NULL,
    -- The name that decisions are recorded under, such as "maria".
    name         TEXT    NOT NULL,
    -- A JSON list of roles.
    roles        TEXT    NOT NULL,
    key_id       TEXT    NOT NULL,
    digest       TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    -- 0 is never.
    expires_at   BIGINT  NOT NULL,
    removed_at   BIGINT  NOT NULL,
    revision     BIGINT  NOT NULL,
    PRIMARY KEY (tenant, name),
    UNIQUE (tenant, digest)
);

-- +goose Down
DROP TABLE staff;
