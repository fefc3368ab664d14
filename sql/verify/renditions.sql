-- Verify ngx_media:renditions on pg

BEGIN;

SELECT company_id, blob_id, kind, store, storage_key, width, height, size, mime_type, sha256, created_at
FROM media.renditions
WHERE FALSE;

ROLLBACK;
