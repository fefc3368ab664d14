-- Verify ngx_media:replay_delivery on pg

BEGIN;

SELECT 1 / has_function_privilege('media_indexer', 'media.count_deliveries'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.list_deliveries'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.find_deliveries'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.replay_delivery'::regproc, 'EXECUTE')::int;

ROLLBACK;
