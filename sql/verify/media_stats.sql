-- Verify ngx_media:media_stats on pg

BEGIN;

SELECT 1 / has_function_privilege('media_indexer', 'media.get_media_storage_stats'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.list_companies'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.queue_media_processing'::regproc, 'EXECUTE')::int;

ROLLBACK;
