-- Verify ngx_media:session_functions on pg

BEGIN;

SELECT 1 / has_function_privilege('media_indexer', 'media.open_session'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.revoke_session'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.revoke_sessions'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.delete_expired_sessions'::regproc, 'EXECUTE')::int;
SELECT id, company_id, company, state, created_at, expires_at, revoked_at
FROM media.list_sessions('00000000-0000-0000-0000-000000000000');

ROLLBACK;
