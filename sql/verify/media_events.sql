-- Verify ngx_media:media_events on pg

BEGIN;

SELECT at, company_id, media_id, actor, old_status, new_status, old_is_active, new_is_active, detail, account_id,
       file_type, bytes, is_duplicate, duration_ms
FROM media.media_events
WHERE FALSE;
SELECT at FROM media.media_events_default WHERE FALSE;
SELECT 1 / (count(*) = 2)::int FROM pg_catalog.pg_trigger
WHERE tgrelid = 'media.media_files'::regclass AND tgname IN ('log_created', 'log_changed');
SELECT 1 / has_function_privilege('media_indexer', 'media.ensure_event_partitions'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.drop_event_partitions'::regproc, 'EXECUTE')::int;

ROLLBACK;
