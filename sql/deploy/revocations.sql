-- Deploy ngx_media:revocations to pg
-- requires: session_functions

BEGIN;

SET LOCAL ROLE media_owner;

CREATE TABLE media.revocations (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    token_sha256   media.sha256 UNIQUE,
    user_id        varchar(256) UNIQUE CHECK (user_id <> ''),
    revoked_before timestamptz,
    expires_at     timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT revocations_of_a_token_or_a_user CHECK (num_nonnulls(token_sha256, user_id) = 1),
    CONSTRAINT revocations_of_a_user_have_a_time CHECK ((user_id IS NULL) = (revoked_before IS NULL))
);
CREATE INDEX revocations_expires_at_idx ON media.revocations (expires_at);

COMMENT ON TABLE media.revocations IS
'Self-contained tokens (JWT) that count no longer, though their signature is good: one token, or all '
'that a user got before a time. Whose company that is, only the token knows.';
COMMENT ON COLUMN media.revocations.token_sha256 IS
'Of a signed token: of header.payload, since its signature may have good twins; of an encrypted one: of '
'all of it.';
COMMENT ON COLUMN media.revocations.user_id IS
'The user as tokens name it: of users, or of the site''s own tables.';
COMMENT ON COLUMN media.revocations.expires_at IS
'When what is revoked is over by itself, and the row of no use; NULL: never.';

-- Nobody reads it but through the functions below.
ALTER TABLE media.revocations ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION media.lookup_revocation(p_token_sha256 bytea, p_user text, p_issued_at bigint)
RETURNS TABLE (
    revoked boolean
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
ROWS 1
AS $$
BEGIN
    RETURN QUERY
    SELECT EXISTS (SELECT FROM media.revocations AS r WHERE r.token_sha256 = p_token_sha256)
        OR EXISTS (
            SELECT FROM media.revocations AS r
            WHERE r.user_id = p_user
              AND (p_issued_at IS NULL OR p_issued_at <= media.to_unix(r.revoked_before))
        );
END
$$;

COMMENT ON FUNCTION media.lookup_revocation(bytea, text, bigint) IS
'Whether a token that is good by itself was revoked; always one row. p_issued_at is its iat (UTC '
'seconds): iat is in whole seconds, so tokens of the second of the revocation are revoked with it, and '
'so are those without iat (NULL).';
GRANT EXECUTE ON FUNCTION media.lookup_revocation(bytea, text, bigint) TO media_nginx, media_indexer;

CREATE FUNCTION media.revoke_token(p_token_sha256 bytea, p_expires_at bigint) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    PERFORM media.commit_durably();
    INSERT INTO media.revocations AS r (token_sha256, expires_at)
    VALUES (p_token_sha256, media.from_unix(p_expires_at))
    ON CONFLICT (token_sha256) DO UPDATE
    SET expires_at = CASE
        WHEN r.expires_at IS NOT NULL AND EXCLUDED.expires_at IS NOT NULL
        THEN greatest(r.expires_at, EXCLUDED.expires_at)
    END;
END
$$;

COMMENT ON FUNCTION media.revoke_token(bytea, bigint) IS
'Revokes the token with this SHA-256, which by itself would be good until p_expires_at (its exp, UTC '
'seconds; NULL: for ever). Error 23514: the hash is not 32 bytes.';
GRANT EXECUTE ON FUNCTION media.revoke_token(bytea, bigint) TO media_indexer;

CREATE FUNCTION media.revoke_user(p_user text) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_revoked bigint := 0;
BEGIN
    PERFORM media.commit_durably();
    INSERT INTO media.revocations AS r (user_id, revoked_before)
    VALUES (p_user, now())
    ON CONFLICT (user_id) DO UPDATE
    SET revoked_before = greatest(r.revoked_before, EXCLUDED.revoked_before);
    SELECT media.revoke_sessions(u.id) INTO v_revoked FROM media.users AS u WHERE u.id::text = p_user;
    RETURN coalesce(v_revoked, 0);
END
$$;

COMMENT ON FUNCTION media.revoke_user(text) IS
'Ends all that a user has been given until now: every session, and every token that names the user. '
'p_user is an id of users, or whatever the site''s own tokens have in its place. Returns how many '
'sessions were good until then. Error 23514: p_user is empty.';
GRANT EXECUTE ON FUNCTION media.revoke_user(text) TO media_indexer;

CREATE FUNCTION media.delete_expired_revocations(p_limit int) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_deleted bigint;
BEGIN
    -- A day more than the token has: clocks differ, and nginx may be told to be lenient.
    DELETE FROM media.revocations AS r
    WHERE r.id IN (
        SELECT e.id
        FROM media.revocations AS e
        WHERE e.expires_at <= now() - interval '1 day'
        ORDER BY e.expires_at
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    );
    GET DIAGNOSTICS v_deleted = ROW_COUNT;
    RETURN v_deleted;
END
$$;

COMMENT ON FUNCTION media.delete_expired_revocations(int) IS
'Deletes up to p_limit revocations of tokens that ended more than a day ago and returns how many; fewer '
'than p_limit: none is left. Several daemons may do it at once.';
GRANT EXECUTE ON FUNCTION media.delete_expired_revocations(int) TO media_indexer;

CREATE FUNCTION media.notify_revoked() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('media_session_changed',
                      coalesce('token:' || encode(NEW.token_sha256, 'hex'), 'user:' || NEW.user_id));
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.notify_revoked() IS
'Trigger (AFTER INSERT OR UPDATE, row, on revocations): NOTIFY media_session_changed with token:SHA-256 '
'or user:ID.';

CREATE TRIGGER notify_revoked AFTER INSERT OR UPDATE ON media.revocations
FOR EACH ROW EXECUTE FUNCTION media.notify_revoked();

COMMIT;
