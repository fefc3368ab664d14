-- Verify ngx_media:lookup_media on pg

BEGIN;

SELECT 1 / has_function_privilege('media_nginx', 'media.lookup_media'::regproc, 'EXECUTE')::int;
SELECT company_id, status, visibility, store, storage_key, mime_type, file_name, size, sha256, modified_at
FROM media.lookup_media('00000000-0000-0000-0000-000000000000');
SELECT 1 / has_function_privilege('media_nginx', 'media.lookup_media_many'::regproc, 'EXECUTE')::int;
SELECT asked, company_id, status, visibility, store, storage_key, mime_type, file_name, size, sha256, modified_at
FROM media.lookup_media_many('{00000000-0000-0000-0000-000000000000}');
SELECT 1 / (count(*) = 4)::int FROM pg_catalog.pg_trigger
WHERE (tgrelid = 'media.media_files'::regclass AND tgname IN ('notify_changed', 'notify_progress', 'notify_deleted'))
   OR (tgrelid = 'media.blobs'::regclass AND tgname = 'notify_changed');

ROLLBACK;
