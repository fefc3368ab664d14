-- Deploy ngx_media:tenant_functions to pg
-- requires: tenants

BEGIN;

SET LOCAL ROLE media_owner;

CREATE FUNCTION media.add_company(p_name text) RETURNS uuid
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_id uuid;
BEGIN
    INSERT INTO media.companies (name) VALUES (p_name) RETURNING id INTO v_id;
    RETURN v_id;
END
$$;

COMMENT ON FUNCTION media.add_company(text) IS
'Makes a company and returns its id. Errors: 23505 the name is taken; 23514 it is empty or longer than '
'200 characters.';
GRANT EXECUTE ON FUNCTION media.add_company(text) TO media_indexer;

CREATE FUNCTION media.add_user(p_company uuid, p_name text, p_role text) RETURNS uuid
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_id uuid;
BEGIN
    -- Additions to one company take turns, so that a name stays unique in it.
    PERFORM FROM media.companies WHERE id = p_company FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no company %', p_company USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF EXISTS (SELECT FROM media.company_members AS m
               JOIN media.users AS u ON u.id = m.user_id
               WHERE m.company_id = p_company AND u.name = p_name) THEN
        RAISE EXCEPTION 'company % has a user of this name', p_company USING ERRCODE = 'unique_violation';
    END IF;
    INSERT INTO media.users (name) VALUES (p_name) RETURNING id INTO v_id;
    INSERT INTO media.company_members (company_id, user_id, role) VALUES (p_company, v_id, p_role);
    RETURN v_id;
END
$$;

COMMENT ON FUNCTION media.add_user(uuid, text, text) IS
'Makes a user who is a member of the company, in a role (viewer, agent, manager, admin), and returns '
'the user''s id. Errors: 23503 no such company; 23505 the company has a user of this name; 23514 bad '
'name or role.';
GRANT EXECUTE ON FUNCTION media.add_user(uuid, text, text) TO media_indexer;

CREATE FUNCTION media.find_company(p_name_or_id text) RETURNS uuid
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_id uuid;
BEGIN
    SELECT c.id INTO v_id FROM media.companies AS c WHERE c.id::text = lower(p_name_or_id);
    IF NOT FOUND THEN
        SELECT c.id INTO v_id FROM media.companies AS c WHERE c.name = p_name_or_id;
    END IF;
    RETURN v_id;
END
$$;

COMMENT ON FUNCTION media.find_company(text) IS
'The id of the company with this id or else this name; NULL when there is none.';
GRANT EXECUTE ON FUNCTION media.find_company(text) TO media_indexer;

CREATE FUNCTION media.find_user(p_company uuid, p_name_or_id text)
RETURNS TABLE (
    user_id uuid,
    role    text
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT m.user_id, m.role
    FROM media.company_members AS m
    WHERE m.company_id = p_company AND m.user_id::text = lower(p_name_or_id);
    IF NOT FOUND THEN
        RETURN QUERY
        SELECT m.user_id, m.role
        FROM media.company_members AS m
        JOIN media.users AS u ON u.id = m.user_id
        WHERE m.company_id = p_company AND u.name = p_name_or_id;
    END IF;
END
$$;

COMMENT ON FUNCTION media.find_user(uuid, text) IS
'The member of the company with this id or else this name, and their role; no row when there is none.';
GRANT EXECUTE ON FUNCTION media.find_user(uuid, text) TO media_indexer;

CREATE FUNCTION media.find_users(p_name_or_id text) RETURNS SETOF uuid
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT u.id FROM media.users AS u WHERE u.id::text = lower(p_name_or_id);
    IF NOT FOUND THEN
        RETURN QUERY SELECT u.id FROM media.users AS u WHERE u.name = p_name_or_id ORDER BY u.id;
    END IF;
END
$$;

COMMENT ON FUNCTION media.find_users(text) IS
'The user with this id, or else all users of this name: companies may have one each.';
GRANT EXECUTE ON FUNCTION media.find_users(text) TO media_indexer;

COMMIT;
