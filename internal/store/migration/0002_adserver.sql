-- +goose Up

-- The built-in ad server's own books: what it was told to hold, and what it
-- has delivered. Hours and instants are microseconds UTC, amounts micros.

CREATE TABLE adserver_orders (
    tenant     TEXT    NOT NULL,
    order_id   TEXT    NOT NULL,
    advertiser TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    currency   TEXT    NOT NULL,
    paused     BOOLEAN NOT NULL,
    canceled   BOOLEAN NOT NULL,
    revision   BIGINT  NOT NULL,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL,
    PRIMARY KEY (tenant, order_id)
);

CREATE TABLE adserver_line_items (
    tenant               TEXT    NOT NULL,
    line_item_id         TEXT    NOT NULL,
    order_id             TEXT    NOT NULL,
    position             BIGINT  NOT NULL,
    -- the line item as applied, as JSON
    document             TEXT    NOT NULL,
    -- when it became known: it cannot deliver earlier
    live_from            BIGINT  NOT NULL,
    -- the first hour that has not been run, and whether any is left to run
    watermark            BIGINT  NOT NULL,
    finished             BOOLEAN NOT NULL,
    -- the end of the last hour that delivered, 0 for none, and the sums of all of them
    delivered_until      BIGINT  NOT NULL,
    impressions          BIGINT  NOT NULL,
    viewable_impressions BIGINT  NOT NULL,
    clicks               BIGINT  NOT NULL,
    views                BIGINT  NOT NULL,
    completed_views      BIGINT  NOT NULL,
    conversions          BIGINT  NOT NULL,
    plays                BIGINT  NOT NULL,
    grps                 BIGINT  NOT NULL,
    spend                BIGINT  NOT NULL,
    -- of a price for time: the part for hours in which nothing could be served
    forgone              BIGINT  NOT NULL,
    revision             BIGINT  NOT NULL,
    PRIMARY KEY (tenant, line_item_id)
);
CREATE INDEX adserver_line_items_by_order ON adserver_line_items (tenant, order_id, position);
CREATE INDEX adserver_line_items_by_watermark ON adserver_line_items (tenant, finished, watermark);

CREATE TABLE adserver_delivery (
    tenant               TEXT   NOT NULL,
    line_item_id         TEXT   NOT NULL,
    hour                 BIGINT NOT NULL,
    currency             TEXT   NOT NULL,
    impressions          BIGINT NOT NULL,
    viewable_impressions BIGINT NOT NULL,
    clicks               BIGINT NOT NULL,
    views                BIGINT NOT NULL,
    completed_views      BIGINT NOT NULL,
    conversions          BIGINT NOT NULL,
    plays                BIGINT NOT NULL,
    grps                 BIGINT NOT NULL,
    spend                BIGINT NOT NULL,
    -- the same split by creative, as JSON; '' where no creative is assigned
    creatives            TEXT   NOT NULL,
    PRIMARY KEY (tenant, line_item_id, hour)
);

-- +goose Down
DROP TABLE adserver_delivery;
DROP TABLE adserver_line_items;
DROP TABLE adserver_orders;
