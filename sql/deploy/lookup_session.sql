-- Deploy ngx_media:lookup_session to pg
-- requires: tenants

BEGIN;

SET LOCAL ROLE media_owner;

-- PL/pgSQL for the kept plan, as lookup_media().
CREATE FUNCTION media.lookup_session(p_token_sha256 bytea)
RETURNS TABLE (
    user_id    text,
    companies  text[],
    role       text,
    expires_at bigint
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
ROWS 1
AS $$
BEGIN
    RETURN QUERY
    SELECT s.user_id::text,
           ARRAY[s.company_id::text],
           m.role,
           media.to_unix(s.expires_at)
    FROM media.sessions AS s
    JOIN media.company_members AS m ON m.company_id = s.company_id AND m.user_id = s.user_id
    WHERE s.token_sha256 = p_token_sha256
      AND s.revoked_at IS NULL
      AND s.expires_at > now();
END
$$;

COMMENT ON FUNCTION media.lookup_session(bytea) IS
'Who an opaque token (by its SHA-256) stands for: the user, the company that the session acts for, the '
'role there, and when the session ends (UTC seconds). No row: unknown, expired or revoked.';
GRANT EXECUTE ON FUNCTION media.lookup_session(bytea) TO media_nginx, media_indexer;

CREATE FUNCTION media.notify_session_changed() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('media_session_changed', 'token:' || encode(OLD.token_sha256, 'hex'));
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.notify_session_changed() IS
'Trigger (AFTER UPDATE OR DELETE, row, on sessions): NOTIFY media_session_changed with token:SHA-256.';

-- A new session needs none: nobody has had its token yet. Nor does the end of one that was over.
CREATE TRIGGER notify_changed AFTER UPDATE ON media.sessions
FOR EACH ROW
WHEN (
    (OLD.token_sha256, OLD.company_id, OLD.user_id, OLD.expires_at, OLD.revoked_at)
    IS DISTINCT FROM
    (NEW.token_sha256, NEW.company_id, NEW.user_id, NEW.expires_at, NEW.revoked_at)
)
EXECUTE FUNCTION media.notify_session_changed();
CREATE TRIGGER notify_deleted AFTER DELETE ON media.sessions
FOR EACH ROW
WHEN (OLD.revoked_at IS NULL AND OLD.expires_at > now())
EXECUTE FUNCTION media.notify_session_changed();

CREATE FUNCTION media.notify_member_changed() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM pg_notify('media_session_changed', 'user:' || OLD.user_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM pg_notify('media_session_changed', 'user:' || NEW.user_id);
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.notify_member_changed() IS
'Trigger (AFTER INSERT OR UPDATE OR DELETE, row, on company_members): NOTIFY media_session_changed with '
'user:ID; PostgreSQL sends equal ones of a transaction once.';

CREATE TRIGGER notify_changed AFTER INSERT OR DELETE ON media.company_members
FOR EACH ROW EXECUTE FUNCTION media.notify_member_changed();
CREATE TRIGGER notify_role_changed AFTER UPDATE ON media.company_members
FOR EACH ROW
WHEN ((OLD.company_id, OLD.user_id, OLD.role) IS DISTINCT FROM (NEW.company_id, NEW.user_id, NEW.role))
EXECUTE FUNCTION media.notify_member_changed();

CREATE FUNCTION media.notify_user_deleted() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('media_session_changed', 'user:' || OLD.id);
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.notify_user_deleted() IS
'Trigger (AFTER DELETE, row, on users): NOTIFY media_session_changed with user:ID, also of a user '
'without a company.';

CREATE TRIGGER notify_deleted AFTER DELETE ON media.users
FOR EACH ROW EXECUTE FUNCTION media.notify_user_deleted();

COMMIT;
