-- Verify ngx_media:adoption on pg

BEGIN;

SELECT 1 / has_function_privilege('media_indexer', 'media.find_adopted'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.adopt_file'::regproc, 'EXECUTE')::int;

ROLLBACK;
