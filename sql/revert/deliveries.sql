-- Revert ngx_media:deliveries from pg

BEGIN;

DROP TABLE media.deliveries;

COMMIT;
