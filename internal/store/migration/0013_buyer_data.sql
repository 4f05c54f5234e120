-- What a buyer declares on its account at the seller: audiences, catalogs, event
-- sources with the events logged for them, and what it says of performance.

-- +goose Up
CREATE TABLE audiences (
    tenant      TEXT   NOT NULL,
    account_id  TEXT   NOT NULL,
    -- The buyer's identifier, and the one that the ad server knows the audience by.
    audience_id TEXT   NOT NULL,
    seller_id   TEXT   NOT NULL,
    principal   TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    status      TEXT   NOT NULL,
    -- Why and since when it has the status; what it was before.
    reason      TEXT   NOT NULL,
    status_from TEXT   NOT NULL,
    status_at   BIGINT NOT NULL,
    document    TEXT   NOT NULL,
    revision    BIGINT NOT NULL,
    -- The revision that the ad server holds; 0 is none.
    placed      BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    synced_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant, account_id, audience_id)
);

-- A member is the digest of the buyer's identifier of a person. The person's hashed
-- identifiers are matched when they come and not kept: only which kinds there were
-- (a bit each) and which of them the ad server knew.
CREATE TABLE audience_members (
    tenant      TEXT   NOT NULL,
    account_id  TEXT   NOT NULL,
    audience_id TEXT   NOT NULL,
    member      TEXT   NOT NULL,
    submitted   BIGINT NOT NULL,
    matched     BIGINT NOT NULL,
    PRIMARY KEY (tenant, account_id, audience_id, member)
);

-- The built-in ad server's own copy.
CREATE TABLE adserver_audiences (
    tenant      TEXT    NOT NULL,
    audience_id TEXT    NOT NULL,
    people      BIGINT  NOT NULL,
    serves      BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, audience_id)
);

CREATE TABLE buyer_catalogs (
    tenant      TEXT   NOT NULL,
    account_id  TEXT   NOT NULL,
    catalog_id  TEXT   NOT NULL,
    platform_id TEXT   NOT NULL,
    principal   TEXT   NOT NULL,
    type        TEXT   NOT NULL,
    -- Everything of the catalog but its items.
    document    TEXT   NOT NULL,
    revision    BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    synced_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant, account_id, catalog_id)
);

CREATE TABLE buyer_catalog_items (
    tenant     TEXT   NOT NULL,
    account_id TEXT   NOT NULL,
    catalog_id TEXT   NOT NULL,
    item_id    TEXT   NOT NULL,
    position   BIGINT NOT NULL,
    status     TEXT   NOT NULL,
    -- Why it is not approved, as a JSON list; '' where it is.
    reasons    TEXT   NOT NULL,
    document   TEXT   NOT NULL,
    PRIMARY KEY (tenant, account_id, catalog_id, item_id)
);

CREATE TABLE event_sources (
    tenant          TEXT   NOT NULL,
    account_id      TEXT   NOT NULL,
    event_source_id TEXT   NOT NULL,
    seller_id       TEXT   NOT NULL,
    principal       TEXT   NOT NULL,
    document        TEXT   NOT NULL,
    revision        BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (tenant, account_id, event_source_id)
);
CREATE INDEX event_sources_by_principal ON event_sources (tenant, principal, event_source_id);

CREATE TABLE conversion_events (
    tenant          TEXT    NOT NULL,
    account_id      TEXT    NOT NULL,
    event_source_id TEXT    NOT NULL,
    event_type      TEXT    NOT NULL,
    event_id        TEXT    NOT NULL,
    -- The name of an event of type custom.
    custom_name     TEXT    NOT NULL,
    occurred_at     BIGINT  NOT NULL,
    -- custom_data as it came.
    document        TEXT    NOT NULL,
    logged_at       BIGINT  NOT NULL,
    PRIMARY KEY (tenant, account_id, event_source_id, event_type, event_id)
);
CREATE INDEX conversion_events_by_time ON conversion_events (tenant, account_id, occurred_at);

CREATE TABLE performance_feedback (
    tenant       TEXT   NOT NULL,
    feedback_id  TEXT   NOT NULL,
    principal    TEXT   NOT NULL,
    account_id   TEXT   NOT NULL,
    media_buy_id TEXT   NOT NULL,
    -- '' is the whole media buy, and any creative.
    package_id   TEXT   NOT NULL,
    creative_id  TEXT   NOT NULL,
    period_start BIGINT NOT NULL,
    period_end   BIGINT NOT NULL,
    -- In millionths: 1,000,000 is as expected.
    performance  BIGINT NOT NULL,
    metric_type  TEXT   NOT NULL,
    source       TEXT   NOT NULL,
    given_at     BIGINT NOT NULL,
    PRIMARY KEY (tenant, feedback_id)
);
CREATE INDEX performance_feedback_by_buy ON performance_feedback (tenant, media_buy_id, given_at);

-- +goose Down
DROP TABLE performance_feedback;
DROP TABLE conversion_events;
DROP TABLE event_sources;
DROP TABLE buyer_catalog_items;
DROP TABLE buyer_catalogs;
DROP TABLE adserver_audiences;
DROP TABLE audience_members;
DROP TABLE audiences;
