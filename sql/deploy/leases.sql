-- Deploy ngx_media:leases to pg
-- requires: claim_jobs

BEGIN;

SET LOCAL ROLE media_owner;

CREATE FUNCTION media.extend_leases(p_owner text, p_jobs bigint[], p_lease_seconds int) RETURNS SETOF bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    WITH held AS MATERIALIZED (
        SELECT j.id
        FROM media.jobs AS j
        WHERE j.id = ANY (p_jobs) AND j.lease_owner = p_owner
        ORDER BY j.media_id
        FOR UPDATE
    )
    UPDATE media.jobs AS j
    SET lease_until = now() + make_interval(secs => greatest(p_lease_seconds, 1)),
        is_ready = FALSE
    FROM held AS h
    WHERE j.id = h.id
    RETURNING j.id;
END
$$;

COMMENT ON FUNCTION media.extend_leases(text, bigint[], int) IS
'Lets p_owner''s leases on these jobs end p_lease_seconds from now. Returns the jobs that are still '
'p_owner''s; work on the others must stop.';
GRANT EXECUTE ON FUNCTION media.extend_leases(text, bigint[], int) TO media_indexer;

CREATE FUNCTION media.release_jobs(p_owner text, p_jobs bigint[]) RETURNS int
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    v_held bigint[];
BEGIN
    PERFORM set_config('media.actor', p_owner, TRUE);
    WITH held AS MATERIALIZED (
        SELECT j.id
        FROM media.jobs AS j
        JOIN media.media_files AS m ON m.id = j.media_id
        WHERE j.id = ANY (p_jobs) AND j.lease_owner = p_owner
        ORDER BY m.id
        FOR NO KEY UPDATE OF m
        FOR UPDATE OF j
    )
    SELECT coalesce(array_agg(h.id), '{}') INTO v_held FROM held AS h;

    UPDATE media.jobs AS j
    SET lease_owner = NULL,
        lease_until = NULL,
        is_ready = TRUE,
        attempts = greatest(j.attempts - 1, 0)
    WHERE j.id = ANY (v_held);

    UPDATE media.media_files AS m
    SET download_status = 'pending',
        download_attempts = greatest(m.download_attempts - 1, 0)
    FROM media.jobs AS j
    WHERE j.id = ANY (v_held) AND m.id = j.media_id;
    RETURN cardinality(v_held);
END
$$;

COMMENT ON FUNCTION media.release_jobs(text, bigint[]) IS
'Gives back jobs that p_owner holds and has not run, without counting the attempt; they are due at '
'once. Returns how many; jobs that are not p_owner''s are left alone.';
GRANT EXECUTE ON FUNCTION media.release_jobs(text, bigint[]) TO media_indexer;

CREATE FUNCTION media.next_job_delay_ms() RETURNS bigint
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    v_next timestamptz;
BEGIN
    SELECT least(
        (SELECT j.due_at FROM media.jobs AS j WHERE NOT j.is_ready ORDER BY j.due_at LIMIT 1),
        (SELECT min(s.probe_at) FROM media.account_suspensions AS s WHERE s.probe_at > now()),
        (SELECT now() + interval '1 second' WHERE EXISTS (SELECT FROM media.jobs AS j WHERE j.is_ready))
    )
    INTO v_next;
    IF v_next IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN greatest(ceil(extract(EPOCH FROM v_next - clock_timestamp()) * 1000), 0);
END
$$;

COMMENT ON FUNCTION media.next_job_delay_ms() IS
'Milliseconds until a claim that has just come back short is worth repeating: when the next job is due (held '
'ones counting from the end of their lease) or a suspended account is probed; a second at most while there are '
'jobs that could not be taken, because of a limit or a suspension. NULL: there is nothing to wait for.';
GRANT EXECUTE ON FUNCTION media.next_job_delay_ms() TO media_indexer;

COMMIT;
