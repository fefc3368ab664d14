-- Deploy ngx_media:session_functions to pg
-- requires: tenants

BEGIN;

SET LOCAL ROLE media_owner;

CREATE FUNCTION media.open_session(p_token_sha256 bytea, p_company uuid, p_user uuid, p_ttl_seconds bigint)
RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    -- Whole seconds, as nginx counts; rounded up, so that it lasts as long as was asked.
    v_expires_at bigint := ceil(extract(EPOCH FROM now()))::bigint + p_ttl_seconds;
BEGIN
    PERFORM media.commit_durably();
    INSERT INTO media.sessions (company_id, user_id, token_sha256, expires_at)
    VALUES (p_company, p_user, p_token_sha256, media.from_unix(v_expires_at));
    RETURN v_expires_at;
END
$$;

COMMENT ON FUNCTION media.open_session(bytea, uuid, uuid, bigint) IS
'Opens a session for a member of the company and returns when it ends (UTC seconds). The token itself '
'is never stored. Errors: 23503 not a member; 23505 there is a session of this token; 23514 the hash '
'is not 32 bytes.';
GRANT EXECUTE ON FUNCTION media.open_session(bytea, uuid, uuid, bigint) TO media_indexer;

CREATE FUNCTION media.revoke_session(p_token_sha256 bytea) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    PERFORM media.commit_durably();
    UPDATE media.sessions AS s
    SET revoked_at = coalesce(s.revoked_at, now())
    WHERE s.token_sha256 = p_token_sha256;
    RETURN FOUND;
END
$$;

COMMENT ON FUNCTION media.revoke_session(bytea) IS
'Ends the session of this token for good. False: there is none.';
GRANT EXECUTE ON FUNCTION media.revoke_session(bytea) TO media_indexer;

CREATE FUNCTION media.revoke_sessions(p_user uuid) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_revoked bigint;
BEGIN
    PERFORM media.commit_durably();
    UPDATE media.sessions AS s
    SET revoked_at = now()
    WHERE s.user_id = p_user AND s.revoked_at IS NULL AND s.expires_at > now();
    GET DIAGNOSTICS v_revoked = ROW_COUNT;
    RETURN v_revoked;
END
$$;

COMMENT ON FUNCTION media.revoke_sessions(uuid) IS
'Ends all sessions of a user, in every company, and returns how many were good until then.';
GRANT EXECUTE ON FUNCTION media.revoke_sessions(uuid) TO media_indexer;

CREATE FUNCTION media.list_sessions(p_user uuid)
RETURNS TABLE (
    id         uuid,
    company_id uuid,
    company    text,
    state      text,
    created_at timestamptz,
    expires_at timestamptz,
    revoked_at timestamptz
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT s.id,
           s.company_id,
           c.name,
           CASE
               WHEN s.revoked_at IS NOT NULL THEN 'revoked'
               WHEN s.expires_at <= now() THEN 'expired'
               ELSE 'active'
           END,
           s.created_at,
           s.expires_at,
           s.revoked_at
    FROM media.sessions AS s
    JOIN media.companies AS c ON c.id = s.company_id
    WHERE s.user_id = p_user
    ORDER BY s.created_at, s.id;
END
$$;

COMMENT ON FUNCTION media.list_sessions(uuid) IS
'The sessions of a user, in every company, oldest first; state is active, revoked or expired.';
GRANT EXECUTE ON FUNCTION media.list_sessions(uuid) TO media_indexer;

CREATE FUNCTION media.delete_expired_sessions(p_limit int) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_deleted bigint;
BEGIN
    DELETE FROM media.sessions AS s
    WHERE s.id IN (
        SELECT e.id
        FROM media.sessions AS e
        WHERE e.expires_at <= now()
        ORDER BY e.expires_at
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    );
    GET DIAGNOSTICS v_deleted = ROW_COUNT;
    RETURN v_deleted;
END
$$;

COMMENT ON FUNCTION media.delete_expired_sessions(int) IS
'Deletes up to p_limit sessions whose time is over and returns how many; fewer than p_limit: none is '
'left. Several daemons may do it at once.';
GRANT EXECUTE ON FUNCTION media.delete_expired_sessions(int) TO media_indexer;

COMMIT;
