-- How a creative of an account's library came to its state, and what was decided
-- on it for each package, which is something else than whether it is served there
-- now (approved).

-- +goose Up
ALTER TABLE creatives ADD COLUMN review TEXT NOT NULL DEFAULT '';
ALTER TABLE creative_assignments ADD COLUMN approval TEXT NOT NULL DEFAULT '';
ALTER TABLE creative_assignments ADD COLUMN reason TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE creatives DROP COLUMN review;
ALTER TABLE creative_assignments DROP COLUMN approval;
ALTER TABLE creative_assignments DROP COLUMN reason;
