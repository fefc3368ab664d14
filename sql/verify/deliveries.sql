-- Verify ngx_media:deliveries on pg

BEGIN;

SELECT id, company_id, account_id, delivery_key, headers, body, received_at
FROM media.deliveries
WHERE FALSE;

ROLLBACK;
