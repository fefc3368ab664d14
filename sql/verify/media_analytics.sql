-- Verify ngx_media:media_analytics on pg

BEGIN;

SELECT company_id, day, provider, file_type, received, completed, failed, bytes_stored, bytes_deduplicated,
       download_ms, download_ms_max, views
FROM media.media_analytics
WHERE FALSE;
SELECT company_id, day, provider, file_type, reason, failed FROM media.media_failures WHERE FALSE;
SELECT id, at, company_id, account_id, file_type, old_status, new_status, detail, bytes, is_duplicate, duration_ms, views
FROM media.analytics_deltas
WHERE FALSE;
SELECT 1 / count(*) FROM pg_catalog.pg_trigger
WHERE tgrelid = 'media.media_events'::regclass AND tgname = 'count_event' AND tgenabled = 'O';
SELECT 1 / has_function_privilege('media_indexer', 'media.count_views'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.fold_analytics'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.recompute_analytics'::regproc, 'EXECUTE')::int;

ROLLBACK;
