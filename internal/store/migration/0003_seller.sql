-- +goose Up

-- The sales agent's books. Money is micros beside its currency, times are
-- microseconds UTC (0 is "not yet"), and what is only echoed is in document.

CREATE TABLE seller_accounts (
    tenant       TEXT    NOT NULL,
    account_id   TEXT    NOT NULL,
    principal    TEXT    NOT NULL,
    brand_domain TEXT    NOT NULL,
    brand_id     TEXT    NOT NULL,
    operator     TEXT    NOT NULL,
    sandbox      BOOLEAN NOT NULL,
    status       TEXT    NOT NULL,
    document     TEXT    NOT NULL,
    revision     BIGINT  NOT NULL,
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL,
    PRIMARY KEY (tenant, account_id),
    UNIQUE (tenant, principal, brand_domain, brand_id, operator, sandbox)
);

CREATE TABLE media_buys (
    tenant       TEXT    NOT NULL,
    media_buy_id TEXT    NOT NULL,
    principal    TEXT    NOT NULL,
    account_id   TEXT    NOT NULL,
    status       TEXT    NOT NULL,
    currency     TEXT    NOT NULL,
    start_at     BIGINT  NOT NULL,
    end_at       BIGINT  NOT NULL,
    -- the task whose change is on its way to the ad server; '' is none
    pending_task TEXT    NOT NULL,
    document     TEXT    NOT NULL,
    revision     BIGINT  NOT NULL,
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL,
    PRIMARY KEY (tenant, media_buy_id)
);
CREATE INDEX media_buys_by_principal ON media_buys (tenant, principal, created_at, media_buy_id);
CREATE INDEX media_buys_by_status ON media_buys (tenant, status);

CREATE TABLE media_buy_packages (
    tenant            TEXT    NOT NULL,
    package_id        TEXT    NOT NULL,
    media_buy_id      TEXT    NOT NULL,
    position          BIGINT  NOT NULL,
    product_id        TEXT    NOT NULL,
    pricing_option_id TEXT    NOT NULL,
    budget            BIGINT  NOT NULL,
    currency          TEXT    NOT NULL,
    start_at          BIGINT  NOT NULL,
    end_at            BIGINT  NOT NULL,
    paused            BOOLEAN NOT NULL,
    canceled          BOOLEAN NOT NULL,
    document          TEXT    NOT NULL,
    PRIMARY KEY (tenant, package_id)
);
CREATE INDEX media_buy_packages_by_buy ON media_buy_packages (tenant, media_buy_id, position);

CREATE TABLE media_buy_history (
    tenant       TEXT   NOT NULL,
    media_buy_id TEXT   NOT NULL,
    revision     BIGINT NOT NULL,
    position     BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    actor        TEXT   NOT NULL,
    action       TEXT   NOT NULL,
    package_id   TEXT   NOT NULL,
    summary      TEXT   NOT NULL,
    PRIMARY KEY (tenant, media_buy_id, revision, position)
);

CREATE TABLE seller_tasks (
    tenant       TEXT   NOT NULL,
    task_id      TEXT   NOT NULL,
    principal    TEXT   NOT NULL,
    account_id   TEXT   NOT NULL,
    task_type    TEXT   NOT NULL,
    status       TEXT   NOT NULL,
    -- when the sales desk's policy decides by itself; 0 is never
    due_at       BIGINT NOT NULL,
    -- the change to make, then the answer or the error, each as JSON
    document     TEXT   NOT NULL,
    result       TEXT   NOT NULL,
    error        TEXT   NOT NULL,
    decided_by   TEXT   NOT NULL,
    decided_at   BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    completed_at BIGINT NOT NULL,
    revision     BIGINT NOT NULL,
    PRIMARY KEY (tenant, task_id)
);
CREATE INDEX seller_tasks_by_principal ON seller_tasks (tenant, principal, created_at, task_id);
CREATE INDEX seller_tasks_by_due ON seller_tasks (tenant, status, due_at);

CREATE TABLE creatives (
    tenant           TEXT   NOT NULL,
    account_id       TEXT   NOT NULL,
    creative_id      TEXT   NOT NULL,
    name             TEXT   NOT NULL,
    format_agent_url TEXT   NOT NULL,
    format_id        TEXT   NOT NULL,
    status           TEXT   NOT NULL,
    document         TEXT   NOT NULL,
    revision         BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    PRIMARY KEY (tenant, account_id, creative_id)
);

CREATE TABLE creative_assignments (
    tenant       TEXT    NOT NULL,
    package_id   TEXT    NOT NULL,
    creative_id  TEXT    NOT NULL,
    media_buy_id TEXT    NOT NULL,
    account_id   TEXT    NOT NULL,
    position     BIGINT  NOT NULL,
    -- relative weight in millionths; -1 where the buyer left it to even rotation
    weight       BIGINT  NOT NULL,
    approved     BOOLEAN NOT NULL,
    assigned_at  BIGINT  NOT NULL,
    -- set when the buy ended and let its creatives go
    released_at  BIGINT  NOT NULL,
    PRIMARY KEY (tenant, package_id, creative_id)
);
CREATE INDEX creative_assignments_by_creative ON creative_assignments (tenant, account_id, creative_id);

-- +goose Down
DROP TABLE creative_assignments;
DROP TABLE creatives;
DROP TABLE seller_tasks;
DROP TABLE media_buy_history;
DROP TABLE media_buy_packages;
DROP TABLE media_buys;
DROP TABLE seller_accounts;
