-- Revert ngx_media:revocations from pg

BEGIN;

DROP FUNCTION media.delete_expired_revocations(int);
DROP FUNCTION media.revoke_user(text);
DROP FUNCTION media.revoke_token(bytea, bigint);
DROP FUNCTION media.lookup_revocation(bytea, text, bigint);
DROP TABLE media.revocations;
DROP FUNCTION media.notify_revoked();

COMMIT;
