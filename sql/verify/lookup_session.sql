-- Verify ngx_media:lookup_session on pg

BEGIN;

SELECT 1 / has_function_privilege('media_nginx', 'media.lookup_session'::regproc, 'EXECUTE')::int;
SELECT user_id, companies, role, expires_at FROM media.lookup_session('\x00');
SELECT 1 / (count(*) = 5)::int FROM pg_catalog.pg_trigger
WHERE (tgrelid = 'media.sessions'::regclass AND tgname IN ('notify_changed', 'notify_deleted'))
   OR (tgrelid = 'media.company_members'::regclass AND tgname IN ('notify_changed', 'notify_role_changed'))
   OR (tgrelid = 'media.users'::regclass AND tgname = 'notify_deleted');

ROLLBACK;
