-- Webhooks on their way out: what is to be told to whom, and how each receiver is
-- doing. A notification is written in the transaction that caused it.

-- +goose Up
CREATE TABLE webhook_notifications (
    tenant          TEXT   NOT NULL,
    -- What happened: an event is told once to a receiver's address.
    event_id        TEXT   NOT NULL,
    -- Receiver's address and resource: what is told in order.
    lane            TEXT   NOT NULL,
    position        BIGINT NOT NULL,
    -- The receiver's origin, which the breaker is for.
    receiver        TEXT   NOT NULL,
    resource        TEXT   NOT NULL,
    url             TEXT   NOT NULL,
    -- RFC9421, HMAC-SHA256 or Bearer; the secret is the receiver's, for the latter two.
    scheme          TEXT   NOT NULL,
    secret          TEXT   NOT NULL,
    idempotency_key TEXT   NOT NULL,
    body            TEXT   NOT NULL,
    -- pending, delivered or dead.
    status          TEXT   NOT NULL,
    attempts        BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    next_at         BIGINT NOT NULL,
    -- When it is given up.
    deadline_at     BIGINT NOT NULL,
    -- Until when somebody is trying to deliver it; 0 is nobody.
    lease_until     BIGINT NOT NULL,
    ended_at        BIGINT NOT NULL,
    last_error      TEXT   NOT NULL,
    revision        BIGINT NOT NULL,
    PRIMARY KEY (tenant, event_id)
);
CREATE INDEX webhook_notifications_lane ON webhook_notifications (tenant, lane, status, position);
CREATE INDEX webhook_notifications_status ON webhook_notifications (tenant, status, next_at);

CREATE TABLE webhook_receivers (
    tenant     TEXT   NOT NULL,
    receiver   TEXT   NOT NULL,
    -- closed, open or half_open.
    state      TEXT   NOT NULL,
    -- Failures since the last success, and how often it opened since then.
    failures   BIGINT NOT NULL,
    trips      BIGINT NOT NULL,
    -- Open: until when nothing is sent. Half open: until when the trial may take.
    until_at   BIGINT NOT NULL,
    revision   BIGINT NOT NULL,
    PRIMARY KEY (tenant, receiver)
);

-- +goose Down
DROP TABLE webhook_receivers;
DROP TABLE webhook_notifications;
