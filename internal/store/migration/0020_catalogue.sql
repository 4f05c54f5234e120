-- What a seller sells, as its people published it. Every change of the catalogue
-- raises its revision, and a product that changed holds the revision that it
-- changed in: a process that has read up to one revision reads what came after.

-- +goose Up
CREATE TABLE catalogue (
    tenant       TEXT    NOT NULL PRIMARY KEY,
    -- Seller, standard_formats and formats in the catalogue's own form, as JSON.
    document     TEXT    NOT NULL,
    -- Names the content of the file that was read first.
    origin       TEXT    NOT NULL,
    revision     BIGINT  NOT NULL,
    changed_at   BIGINT  NOT NULL,
    changed_by   TEXT    NOT NULL
);

CREATE TABLE catalogue_product (
    tenant       TEXT    NOT NULL,
    product_id   TEXT    NOT NULL,
    -- Products are shown in this order.
    position     BIGINT  NOT NULL,
    -- The product in the catalogue's own form, as JSON; empty for a removed one.
    document     TEXT    NOT NULL,
    revision     BIGINT  NOT NULL,
    -- The catalogue's revision that the product changed in.
    changed_in   BIGINT  NOT NULL,
    changed_at   BIGINT  NOT NULL,
    changed_by   TEXT    NOT NULL,
    removed      BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, product_id)
);

CREATE INDEX catalogue_product_changed ON catalogue_product (tenant, changed_in);
CREATE INDEX catalogue_product_position ON catalogue_product (tenant, removed, position);

-- +goose Down
DROP TABLE catalogue_product;
DROP TABLE catalogue;
