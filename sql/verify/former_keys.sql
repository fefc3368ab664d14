-- Verify ngx_media:former_keys on pg

BEGIN;

SELECT storage_key, blob_id FROM media.former_keys WHERE FALSE;

ROLLBACK;
