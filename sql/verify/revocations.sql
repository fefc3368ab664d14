-- Verify ngx_media:revocations on pg

BEGIN;

SELECT id, token_sha256, user_id, revoked_before, expires_at, created_at FROM media.revocations WHERE FALSE;
SELECT 1 / has_function_privilege('media_nginx', 'media.lookup_revocation'::regproc, 'EXECUTE')::int;
SELECT revoked FROM media.lookup_revocation('\x00', 'nobody', 0);
SELECT 1 / has_function_privilege('media_indexer', 'media.revoke_token'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.revoke_user'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.delete_expired_revocations'::regproc, 'EXECUTE')::int;
SELECT 1 / count(*) FROM pg_catalog.pg_trigger
WHERE tgrelid = 'media.revocations'::regclass AND tgname = 'notify_revoked' AND tgenabled = 'O';

ROLLBACK;
