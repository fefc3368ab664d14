-- Verify ngx_media:account_functions on pg

BEGIN;

SELECT 1 / has_function_privilege('media_indexer', 'media.add_account'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.change_account'::regproc, 'EXECUTE')::int;
SELECT 1 / (NOT has_function_privilege('media_indexer', 'media.add_secrets'::regproc, 'EXECUTE'))::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.account_secrets'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.find_account'::regproc, 'EXECUTE')::int;
SELECT 1 / (NOT has_function_privilege('media_nginx', 'media.account_secrets'::regproc, 'EXECUTE'))::int;

ROLLBACK;
