-- Verify ngx_media:diagnose on pg

BEGIN;

SELECT 1 / has_function_privilege('media_indexer', 'media.count_expiring'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.count_failures'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.check_event_partitions'::regproc, 'EXECUTE')::int;

ROLLBACK;
