-- Verify ngx_media:dead_letters on pg

BEGIN;

SELECT media_id, company_id, reason, failed_at
FROM media.dead_letters
WHERE FALSE;
SELECT 1 / has_function_privilege('media_indexer', 'media.retry_failed_downloads'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.retry_download'::regproc, 'EXECUTE')::int;
SELECT 1 / (NOT has_function_privilege('media_indexer', 'media.queue_downloads'::regproc, 'EXECUTE'))::int;
SELECT 1 / (media.retry_download('00000000-0000-0000-0000-000000000000') = 'not_found')::int;

ROLLBACK;
