-- Revert ngx_media:former_keys from pg

BEGIN;

DROP TABLE media.former_keys;

COMMIT;
