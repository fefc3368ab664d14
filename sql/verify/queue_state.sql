-- Verify ngx_media:queue_state on pg

BEGIN;

SELECT 1 / has_function_privilege('media_indexer', 'media.queue_state'::regproc, 'EXECUTE')::int;
SELECT 1 / (media.queue_state(1) ? 'ready')::int;

ROLLBACK;
