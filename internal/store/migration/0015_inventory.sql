-- The ledger of guaranteed impressions: what is promised of a product, by country
-- and day. A day's reservation is the sum of the lines that cover it.

-- +goose Up
CREATE TABLE inventory_lines (
    tenant     TEXT   NOT NULL,
    -- A package of a media buy, or a proposal that holds.
    owner      TEXT   NOT NULL,
    position   BIGINT NOT NULL,
    product_id TEXT   NOT NULL,
    -- '' where the product's supply is not told apart by country.
    country    TEXT   NOT NULL,
    -- Days since 1970-01-01 UTC, both included, and impressions on each of them.
    first_day  BIGINT NOT NULL,
    last_day   BIGINT NOT NULL,
    per_day    BIGINT NOT NULL,
    -- From then on the line counts for nothing; 0 is never.
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, owner, position)
);
CREATE INDEX inventory_lines_by_product ON inventory_lines (tenant, product_id, last_day);

-- +goose Down
DROP TABLE inventory_lines;
