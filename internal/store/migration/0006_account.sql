-- API keys. A key itself is never stored: its digest finds it, and key_id, its
-- first characters, names it to people.

-- +goose Up
CREATE TABLE account_keys (
    tenant       TEXT    NOT NULL,
    key_id       TEXT    NOT NULL,
    -- SHA-256 of the whole key, in hex.
    digest       TEXT    NOT NULL,
    principal    TEXT    NOT NULL,
    sandbox      BOOLEAN NOT NULL,
    -- JSON lists: what the key may call and which accounts it reaches.
    operations   TEXT    NOT NULL,
    accounts     TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    -- 0 is never.
    expires_at   BIGINT  NOT NULL,
    revoked_at   BIGINT  NOT NULL,
    -- Coarse: a busy key is written once in a while, not once a call.
    last_used_at BIGINT  NOT NULL,
    -- The key that took over from this one, or ''.
    replaced_by  TEXT    NOT NULL,
    revision     BIGINT  NOT NULL,
    PRIMARY KEY (tenant, key_id),
    UNIQUE (tenant, digest)
);

-- +goose Down
DROP TABLE account_keys;
