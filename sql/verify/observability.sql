-- Verify ngx_media:observability on pg

BEGIN;

SELECT 1 / has_function_privilege('media_indexer', 'media.sample_queue'::regproc, 'EXECUTE')::int;

ROLLBACK;
