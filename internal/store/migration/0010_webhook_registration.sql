-- Who asked to be told: addresses with their secrets, which are sealed and go when
-- the last letter to them is done. And webhooks coming in, each handled once.

-- +goose Up
CREATE TABLE webhook_registrations (
    tenant          TEXT    NOT NULL,
    registration_id TEXT    NOT NULL,
    url             TEXT    NOT NULL,
    -- What every webhook repeats; empty where the receiver named none.
    operation_id    TEXT    NOT NULL,
    -- RFC9421, HMAC-SHA256 or Bearer.
    scheme          TEXT    NOT NULL,
    -- The form of what is sent: empty is the protocol's own.
    form            TEXT    NOT NULL,
    -- The shared secret and the token, sealed; empty where there is neither.
    sealed          TEXT    NOT NULL,
    -- Nothing more will be told.
    closed          BOOLEAN NOT NULL,
    created_at      BIGINT  NOT NULL,
    PRIMARY KEY (tenant, registration_id)
);

ALTER TABLE webhook_notifications ADD COLUMN registration_id TEXT NOT NULL DEFAULT '';
ALTER TABLE webhook_notifications DROP COLUMN secret;
CREATE INDEX webhook_notifications_registration ON webhook_notifications (tenant, registration_id, status);

-- Which key a tenant's secrets are sealed with: a process with another one must not
-- start, or it could not read what is there.
CREATE TABLE secret_keys (
    tenant     TEXT   NOT NULL,
    key_id     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant)
);

-- Webhooks that came in, by who sent them and their idempotency key.
CREATE TABLE webhooks_seen (
    tenant      TEXT    NOT NULL,
    sender      TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    handled     BOOLEAN NOT NULL,
    -- Who handles it, and until when nobody else may try.
    holder      TEXT    NOT NULL,
    lease_until BIGINT  NOT NULL,
    seen_at     BIGINT  NOT NULL,
    PRIMARY KEY (tenant, sender, key)
);
CREATE INDEX webhooks_seen_at ON webhooks_seen (tenant, seen_at);

-- The call that made the task was answered before the task ended.
ALTER TABLE seller_tasks ADD COLUMN answered BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE seller_tasks DROP COLUMN answered;
DROP TABLE webhooks_seen;
DROP TABLE secret_keys;
DROP INDEX webhook_notifications_registration;
ALTER TABLE webhook_notifications ADD COLUMN secret TEXT NOT NULL DEFAULT '';
ALTER TABLE webhook_notifications DROP COLUMN registration_id;
DROP TABLE webhook_registrations;
