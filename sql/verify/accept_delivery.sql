-- Verify ngx_media:accept_delivery on pg

BEGIN;

SELECT 1 / has_function_privilege('media_indexer', 'media.accept_delivery'::regproc, 'EXECUTE')::int;
SELECT 1 / (NOT has_function_privilege('media_indexer', 'media.add_media'::regproc, 'EXECUTE'))::int;
SELECT delivery_id, is_new, media_created
FROM media.accept_delivery(NULL, NULL, NULL, NULL, NULL)
WHERE FALSE;

ROLLBACK;
