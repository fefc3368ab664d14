-- Deploy ngx_media:deliveries to pg
-- requires: accounts

BEGIN;

SET LOCAL ROLE media_owner;

CREATE TABLE media.deliveries (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    company_id   uuid NOT NULL,
    account_id   uuid NOT NULL,
    delivery_key media.external_key NOT NULL,
    headers      jsonb NOT NULL DEFAULT '{}',
    body         bytea NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, delivery_key),
    FOREIGN KEY (company_id, account_id) REFERENCES media.accounts (company_id, id) ON DELETE CASCADE
);
CREATE INDEX deliveries_received_at_idx ON media.deliveries USING brin (received_at);
COMMENT ON TABLE media.deliveries IS
'Every webhook as it came. delivery_key is the provider''s id of the delivery: the same one again is a '
'replay.';

COMMIT;
