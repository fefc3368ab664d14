-- Verify ngx_media:explain_media on pg

BEGIN;

SELECT 1 / has_function_privilege('media_indexer', 'media.find_media'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.explain_media'::regproc, 'EXECUTE')::int;

ROLLBACK;
