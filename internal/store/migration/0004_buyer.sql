-- +goose Up

-- The brand agent's books. Money is micros beside its currency, times are
-- microseconds UTC (0 is "not yet").

CREATE TABLE buyer_campaigns (
    tenant       TEXT   NOT NULL,
    campaign_id  TEXT   NOT NULL,
    campaign_key TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    advertiser   TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    reason       TEXT   NOT NULL,
    -- the typed brief as it was handed in, what planning read from it, and the
    -- digest of the former
    brief        TEXT   NOT NULL,
    intent       TEXT   NOT NULL,
    brief_digest TEXT   NOT NULL,
    budget       BIGINT NOT NULL,
    currency     TEXT   NOT NULL,
    start_at     BIGINT NOT NULL,
    end_at       BIGINT NOT NULL,
    -- '' until planned; the digest binds the approval to this plan
    plan         TEXT   NOT NULL,
    plan_digest  TEXT   NOT NULL,
    -- who may spend how much; 0 until somebody has signed
    authority    BIGINT NOT NULL,
    approved_by  TEXT   NOT NULL,
    approved_at  BIGINT NOT NULL,
    approval     TEXT   NOT NULL,
    revision     BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant, campaign_id)
);
CREATE INDEX buyer_campaigns_by_state ON buyer_campaigns (tenant, state, created_at, campaign_id);

CREATE TABLE buyer_transitions (
    tenant      TEXT   NOT NULL,
    campaign_id TEXT   NOT NULL,
    position    BIGINT NOT NULL,
    from_state  TEXT   NOT NULL,
    to_state    TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    actor       TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    PRIMARY KEY (tenant, campaign_id, position)
);

CREATE TABLE buyer_lines (
    tenant            TEXT   NOT NULL,
    line_id           TEXT   NOT NULL,
    campaign_id       TEXT   NOT NULL,
    position          BIGINT NOT NULL,
    seller            TEXT   NOT NULL,
    product_id        TEXT   NOT NULL,
    pricing_option_id TEXT   NOT NULL,
    budget            BIGINT NOT NULL,
    currency          TEXT   NOT NULL,
    -- the price that was agreed: fixed, or the bid of an auction; the other is 0
    price             BIGINT NOT NULL,
    bid               BIGINT NOT NULL,
    -- what booking needs besides, as JSON
    document          TEXT   NOT NULL,
    -- '' until the seller has booked it
    package_id        TEXT   NOT NULL,
    PRIMARY KEY (tenant, line_id)
);
CREATE INDEX buyer_lines_by_campaign ON buyer_lines (tenant, campaign_id, position);

CREATE TABLE buyer_bookings (
    tenant          TEXT   NOT NULL,
    booking_id      TEXT   NOT NULL,
    campaign_id     TEXT   NOT NULL,
    seller          TEXT   NOT NULL,
    attempt         BIGINT NOT NULL,
    state           TEXT   NOT NULL,
    idempotency_key TEXT   NOT NULL,
    -- the very bytes of create_media_buy, written before they are first sent
    request         TEXT   NOT NULL,
    -- how often it was sent, and whether one of those may have arrived unanswered
    tries           BIGINT NOT NULL,
    in_doubt        BOOLEAN NOT NULL,
    task_id         TEXT   NOT NULL,
    media_buy_id    TEXT   NOT NULL,
    -- the media buy's own status at the seller, and its packages, as last read
    status          TEXT   NOT NULL,
    packages        TEXT   NOT NULL,
    -- creative identifiers by package once the seller has them; '' until then
    creatives       TEXT   NOT NULL,
    reason          TEXT   NOT NULL,
    revision        BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (tenant, booking_id),
    UNIQUE (tenant, campaign_id, seller, attempt)
);

-- Every unit of money from plan to delivery. An entry adds its amount, which
-- may be negative, to one balance of one line.
CREATE TABLE buyer_ledger (
    tenant      TEXT   NOT NULL,
    campaign_id TEXT   NOT NULL,
    position    BIGINT NOT NULL,
    entry_id    TEXT   NOT NULL,
    -- authorised, planned, reserved, committed, delivered or released
    kind        TEXT   NOT NULL,
    -- '' for the authority, which is of the whole campaign
    line_id     TEXT   NOT NULL,
    amount      BIGINT NOT NULL,
    currency    TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    actor       TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    PRIMARY KEY (tenant, campaign_id, position),
    UNIQUE (tenant, entry_id)
);

CREATE TABLE buyer_delivery (
    tenant      TEXT   NOT NULL,
    booking_id  TEXT   NOT NULL,
    package_id  TEXT   NOT NULL,
    campaign_id TEXT   NOT NULL,
    line_id     TEXT   NOT NULL,
    impressions BIGINT NOT NULL,
    spend       BIGINT NOT NULL,
    currency    TEXT   NOT NULL,
    read_at     BIGINT NOT NULL,
    PRIMARY KEY (tenant, booking_id, package_id)
);

-- +goose Down
DROP TABLE buyer_delivery;
DROP TABLE buyer_ledger;
DROP TABLE buyer_bookings;
DROP TABLE buyer_lines;
DROP TABLE buyer_transitions;
DROP TABLE buyer_campaigns;
