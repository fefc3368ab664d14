-- Verify ngx_media:lookup_rendition on pg

BEGIN;

SELECT 1 / has_function_privilege('media_nginx', 'media.lookup_rendition'::regproc, 'EXECUTE')::int;
SELECT company_id, status, visibility, store, storage_key, mime_type, file_name, size, sha256, modified_at
FROM media.lookup_rendition('00000000-0000-0000-0000-000000000000', 'poster');
SELECT 1 / count(*) FROM pg_catalog.pg_trigger
WHERE tgrelid = 'media.renditions'::regclass AND tgname = 'notify_changed' AND tgenabled = 'O';

ROLLBACK;
