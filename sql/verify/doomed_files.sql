-- Verify ngx_media:doomed_files on pg

BEGIN;

SELECT id, blob_id, since FROM media.loose_blobs WHERE FALSE;
SELECT storage_key, store, is_spare, doomed_at, removing_at, removed_at FROM media.doomed_files WHERE FALSE;
SELECT 1 / (count(*) = 4)::int FROM pg_catalog.pg_trigger
WHERE tgname IN ('doom_files', 'note_loose_blob', 'note_loose_blobs') AND tgenabled = 'O';
SELECT 1 / has_function_privilege('media_indexer', 'media.give_up_blobs'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.claim_doomed_files'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.files_removed'::regproc, 'EXECUTE')::int;

ROLLBACK;
