-- Verify ngx_media:tenant_functions on pg

BEGIN;

SELECT 1 / has_function_privilege('media_indexer', 'media.add_company'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.add_user'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.find_company'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.find_user'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.find_users'::regproc, 'EXECUTE')::int;

ROLLBACK;
