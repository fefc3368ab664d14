-- Verify ngx_media:account_functions on pg

BEGIN;

SELECT 1 / has_function_privilege('media_indexer', 'media.add_account'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.change_account'::regproc, 'EXECUTE')::int;
SELECT 1 / (NOT has_function_privilege('media_indexer', 'media.add_secrets'::regproc, 'EXECUTE'))::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.account_secrets'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.find_account'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.list_accounts'::regproc, 'EXECUTE')::int;
SELECT 1 / (NOT has_function_privilege('media_nginx', 'media.list_accounts'::regproc, 'EXECUTE'))::int;
SELECT 1 / count(*) FROM pg_trigger WHERE tgname = 'notify_changed' AND tgrelid = 'media.accounts'::regclass;
SELECT 1 / (NOT has_function_privilege('media_nginx', 'media.account_secrets'::regproc, 'EXECUTE'))::int;

ROLLBACK;
