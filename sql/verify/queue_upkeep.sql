-- Verify ngx_media:queue_upkeep on pg

BEGIN;

SELECT 1 / has_function_privilege('media_indexer', 'media.expire_downloads'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.delete_idle_suspensions'::regproc, 'EXECUTE')::int;

ROLLBACK;
