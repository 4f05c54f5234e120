-- +goose Up

-- What the built-in ad server has delivered, added up by UTC day, so that reports
-- need not add up hours: a line item's days under creative_id '', and each
-- creative's part of them beside. It is written together with the hours.
CREATE TABLE adserver_delivery_days (
    tenant               TEXT   NOT NULL,
    line_item_id         TEXT   NOT NULL,
    day                  BIGINT NOT NULL,
    creative_id          TEXT   NOT NULL,
    impressions          BIGINT NOT NULL,
    viewable_impressions BIGINT NOT NULL,
    clicks               BIGINT NOT NULL,
    views                BIGINT NOT NULL,
    completed_views      BIGINT NOT NULL,
    conversions          BIGINT NOT NULL,
    plays                BIGINT NOT NULL,
    grps                 BIGINT NOT NULL,
    spend                BIGINT NOT NULL,
    PRIMARY KEY (tenant, line_item_id, day, creative_id)
);

-- Hours that were run before have their days, though not split by creative: that
-- part of them is JSON, which the two databases read differently.
INSERT INTO adserver_delivery_days (tenant, line_item_id, day, creative_id, impressions, viewable_impressions, clicks, views,
    completed_views, conversions, plays, grps, spend)
SELECT tenant, line_item_id, hour - hour % 86400000000, '', CAST(SUM(impressions) AS BIGINT), CAST(SUM(viewable_impressions) AS BIGINT),
    CAST(SUM(clicks) AS BIGINT), CAST(SUM(views) AS BIGINT), CAST(SUM(completed_views) AS BIGINT), CAST(SUM(conversions) AS BIGINT),
    CAST(SUM(plays) AS BIGINT), CAST(SUM(grps) AS BIGINT), CAST(SUM(spend) AS BIGINT)
FROM adserver_delivery GROUP BY tenant, line_item_id, hour - hour % 86400000000;

-- +goose Down
DROP TABLE adserver_delivery_days;
