-- Verify ngx_media:downloads on pg

BEGIN;

SELECT 1 / has_function_privilege('media_indexer', 'media.remember_source'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.find_blob'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.complete_download'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.fail_job'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.retry_job'::regproc, 'EXECUTE')::int;
SELECT 1 / (NOT has_function_privilege('media_indexer', 'media.ensure_blob'::regproc, 'EXECUTE'))::int;
SELECT 1 / (outcome = 'lease_lost')::int
FROM media.complete_download(-1, 'verify', NULL, NULL, NULL, NULL, NULL);

ROLLBACK;
