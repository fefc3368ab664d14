-- Verify ngx_media:known_files on pg

BEGIN;

SELECT store, storage_key, kind, blob_id, rendition, size, sha256, changed_at FROM media.known_files WHERE FALSE;

ROLLBACK;
