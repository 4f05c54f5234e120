-- Signatures that were accepted, so that none is accepted twice.

-- +goose Up
CREATE TABLE signature_nonces (
    tenant     TEXT   NOT NULL,
    -- The agent that published the key, and the key's id there.
    agent_url  TEXT   NOT NULL,
    key_id     TEXT   NOT NULL,
    nonce      TEXT   NOT NULL,
    -- Until when the signature could be accepted again.
    until_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant, agent_url, key_id, nonce)
);
CREATE INDEX signature_nonces_until ON signature_nonces (tenant, until_at);

-- How many of a key's signatures were accepted in each short period: the cap is
-- looked at for every request, and counting nonces would take as long as there are many.
CREATE TABLE signature_counts (
    tenant     TEXT   NOT NULL,
    agent_url  TEXT   NOT NULL,
    key_id     TEXT   NOT NULL,
    period     BIGINT NOT NULL,
    accepted   BIGINT NOT NULL,
    PRIMARY KEY (tenant, agent_url, key_id, period)
);

-- +goose Down
DROP TABLE signature_counts;
DROP TABLE signature_nonces;
