-- Deploy ngx_media:queue_upkeep to pg
-- requires: claim_jobs

BEGIN;

SET LOCAL ROLE media_owner;

CREATE FUNCTION media.expire_downloads(p_limit int) RETURNS int
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_late record;
    v_count int := 0;
BEGIN
    FOR v_late IN
        SELECT j.id, j.media_id, j.last_error
        FROM media.jobs AS j
        JOIN media.media_files AS m ON m.id = j.media_id
        WHERE j.lease_owner IS NULL AND m.deadline <= now()
        LIMIT p_limit
        FOR NO KEY UPDATE OF m SKIP LOCKED
        FOR UPDATE OF j SKIP LOCKED
    LOOP
        PERFORM media.end_download(v_late.id, v_late.media_id, 'expired',
                                   coalesce('after ' || v_late.last_error, 'the provider keeps media no longer than this'));
        v_count := v_count + 1;
    END LOOP;
    RETURN v_count;
END
$$;

COMMENT ON FUNCTION media.expire_downloads(int) IS
'Fails downloads, p_limit at most, that nobody works on and whose media the provider has lost by now, as those of '
'accounts that stayed suspended. Returns how many.';
GRANT EXECUTE ON FUNCTION media.expire_downloads(int) TO media_indexer;

CREATE FUNCTION media.delete_idle_suspensions(p_limit int) RETURNS int
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_count int;
BEGIN
    DELETE FROM media.account_suspensions AS s
    WHERE (s.account_id, s.host) IN (
        SELECT i.account_id, i.host
        FROM media.account_suspensions AS i
        WHERE i.noted_at < now() - interval '1 day'
          AND NOT EXISTS (SELECT FROM media.jobs AS j WHERE j.account_id = i.account_id AND i.host IN ('', j.host))
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    );
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;

COMMENT ON FUNCTION media.delete_idle_suspensions(int) IS
'Forgets failures and suspensions, p_limit at most, that are a day old and have no job to find out more. Returns '
'how many.';
GRANT EXECUTE ON FUNCTION media.delete_idle_suspensions(int) TO media_indexer;

COMMIT;
