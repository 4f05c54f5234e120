-- Who watches over an account's spending for the buyer, what was checked there; what
-- an account has committed itself to; and what was reported as used.

-- +goose Up
CREATE TABLE account_governance (
    tenant      TEXT   NOT NULL,
    account_id  TEXT   NOT NULL,
    principal   TEXT   NOT NULL,
    url         TEXT   NOT NULL,
    scheme      TEXT   NOT NULL,
    -- Sealed; see internal/secret.
    credentials TEXT   NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant, account_id)
);

CREATE TABLE governance_checks (
    tenant       TEXT   NOT NULL,
    -- Ours: the agent's own check_id is in the document.
    id           TEXT   NOT NULL,
    account_id   TEXT   NOT NULL,
    media_buy_id TEXT   NOT NULL,
    phase        TEXT   NOT NULL,
    plan_id      TEXT   NOT NULL,
    verdict      TEXT   NOT NULL,
    -- What was planned and what the agent said of it.
    document     TEXT   NOT NULL,
    checked_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX governance_checks_by_buy ON governance_checks (tenant, media_buy_id, checked_at);

-- Every change of what an account owes or may come to owe: a commitment adds, and
-- what comes to nothing is taken back. The sum is what is outstanding.
CREATE TABLE account_commitments (
    tenant       TEXT   NOT NULL,
    account_id   TEXT   NOT NULL,
    entry_id     TEXT   NOT NULL,
    media_buy_id TEXT   NOT NULL,
    -- committed, released or paid.
    kind         TEXT   NOT NULL,
    amount       BIGINT NOT NULL,
    currency     TEXT   NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (tenant, entry_id)
);
CREATE INDEX account_commitments_by_account ON account_commitments (tenant, account_id, currency, at);
CREATE INDEX account_commitments_by_buy ON account_commitments (tenant, media_buy_id);

CREATE TABLE usage_records (
    tenant            TEXT   NOT NULL,
    -- What a record is about, so that reporting it again counts once.
    record_id         TEXT   NOT NULL,
    principal         TEXT   NOT NULL,
    account_id        TEXT   NOT NULL,
    media_buy_id      TEXT   NOT NULL,
    pricing_option_id TEXT   NOT NULL,
    vendor_cost       BIGINT NOT NULL,
    currency          TEXT   NOT NULL,
    period_start      BIGINT NOT NULL,
    period_end        BIGINT NOT NULL,
    final             BOOLEAN NOT NULL,
    document          TEXT   NOT NULL,
    reported_at       BIGINT NOT NULL,
    PRIMARY KEY (tenant, record_id)
);
CREATE INDEX usage_records_by_account ON usage_records (tenant, account_id, period_start);

-- +goose Down
DROP TABLE usage_records;
DROP TABLE account_commitments;
DROP TABLE governance_checks;
DROP TABLE account_governance;
