-- Verify ngx_media:multipart_uploads on pg

BEGIN;

SELECT store, upload_id, storage_key, sha256, size, part_bytes, touched_at FROM media.multipart_uploads WHERE FALSE;
SELECT 1 / has_function_privilege('media_indexer', 'media.begin_multipart_upload'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.resume_multipart_upload'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.end_multipart_upload'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.stale_multipart_uploads'::regproc, 'EXECUTE')::int;

ROLLBACK;
