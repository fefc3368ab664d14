-- Verify ngx_media:file_moves on pg

BEGIN;

SELECT id, company_id, blob_id, kind, from_store, from_key, to_store, to_key, moved_at FROM media.file_moves WHERE FALSE;
SELECT 1 / has_function_privilege('media_indexer', name, 'EXECUTE')::int
FROM unnest(ARRAY['media.find_accounts'::regproc, 'media.stored_files', 'media.count_stored_files', 'media.move_file',
                  'media.discard_copy', 'media.is_stored_at', 'media.undoable_moves', 'media.try_lock_moves']) AS name;
SELECT 1 / (NOT has_function_privilege('media_indexer', 'media.leave_file'::regproc, 'EXECUTE'))::int;

ROLLBACK;
