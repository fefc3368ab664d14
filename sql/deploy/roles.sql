-- Deploy ngx_media:roles to pg
-- Roles belong to the cluster, not to this database: another database may have made them.

BEGIN;

DO $$
DECLARE
    v_role text;
    v_login text;
    v_what text;
BEGIN
    FOR v_role, v_login, v_what IN
        VALUES ('media_owner', 'NOLOGIN', 'owns the schema media; nobody logs in as this role'),
               ('media_indexer', 'LOGIN', 'the daemon: calls functions, reads a tenant through row-level security'),
               ('media_nginx', 'LOGIN', 'the nginx module: may only call the lookup functions')
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = v_role);
        BEGIN
            EXECUTE format('CREATE ROLE %I %s', v_role, v_login);
            EXECUTE format('COMMENT ON ROLE %I IS %L', v_role, 'ngx_media: ' || v_what);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- another deployment was faster
        END;
    END LOOP;

    -- Later changes run as media_owner; who is not a superuser must be a member.
    IF NOT pg_has_role(current_user, 'media_owner', 'USAGE') THEN
        EXECUTE format('GRANT media_owner TO %I', current_user);
    END IF;
END
$$;

COMMIT;
