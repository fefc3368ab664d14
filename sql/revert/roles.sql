-- Revert ngx_media:roles from pg
-- A role that other databases of the cluster still use stays.

BEGIN;

DO $$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['media_nginx', 'media_indexer', 'media_owner'] LOOP
        BEGIN
            EXECUTE format('DROP ROLE IF EXISTS %I', v_role);
        EXCEPTION WHEN dependent_objects_still_exist THEN
            RAISE NOTICE 'role % is still used in this cluster and stays', v_role;
        END;
    END LOOP;
END
$$;

COMMIT;
