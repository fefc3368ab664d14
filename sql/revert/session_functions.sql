-- Revert ngx_media:session_functions from pg

BEGIN;

DROP FUNCTION media.delete_expired_sessions(int);
DROP FUNCTION media.list_sessions(uuid);
DROP FUNCTION media.revoke_sessions(uuid);
DROP FUNCTION media.revoke_session(bytea);
DROP FUNCTION media.open_session(bytea, uuid, uuid, bigint);

COMMIT;
