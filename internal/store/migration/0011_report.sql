-- Delivery reports that buyers asked to be sent: one stream for a media buy.

-- +goose Up
CREATE TABLE seller_reports (
    tenant          TEXT    NOT NULL,
    media_buy_id    TEXT    NOT NULL,
    registration_id TEXT    NOT NULL,
    -- hourly, daily or monthly
    frequency       TEXT    NOT NULL,
    -- the metrics asked for, as a JSON array; empty is all of them
    metrics         TEXT    NOT NULL,
    -- the notifications sent so far
    sequence        BIGINT  NOT NULL,
    -- the start of the period that is reported next, and when to do so
    period_start    BIGINT  NOT NULL,
    due_at          BIGINT  NOT NULL,
    -- the buyer knows that this period's report is late
    delayed         BOOLEAN NOT NULL,
    -- the final report is sent
    finished        BOOLEAN NOT NULL,
    revision        BIGINT  NOT NULL,
    PRIMARY KEY (tenant, media_buy_id)
);
CREATE INDEX seller_reports_due ON seller_reports (tenant, finished, due_at);

-- +goose Down
DROP TABLE seller_reports;
