-- Verify ngx_media:lookup_media_by_key on pg

BEGIN;

SELECT 1 / has_function_privilege('media_nginx', 'media.lookup_media_by_key'::regproc, 'EXECUTE')::int;
SELECT company_id, status, visibility, store, storage_key, mime_type, file_name, size, sha256, modified_at, media_id
FROM media.lookup_media_by_key('no/such.key');

ROLLBACK;
