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
AS $$
BEGIN
    RETURN QUERY
    WITH held AS MATERIALIZED (
        SELECT j.id
        FROM media.jobs AS j
        WHERE j.id = ANY (p_jobs) AND j.lease_owner = p_owner
        ORDER BY j.id
        FOR UPDATE
    )
    UPDATE media.jobs AS j
    SET lease_until = now() + make_interval(secs => greatest(p_lease_seconds, 1))
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
        attempts = greatest(j.attempts - 1, 0)
    WHERE j.id = ANY (v_held);

    UPDATE media.media_files AS m
    SET download_status = 'pending',
        download_attempts = j.attempts
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
AS $$
DECLARE
    v_due_at timestamptz;
BEGIN
    SELECT min(first.due_at) INTO v_due_at
    FROM generate_series(0, 9) AS p (priority)
    CROSS JOIN LATERAL (
        SELECT j.due_at
        FROM media.jobs AS j
        WHERE j.priority = p.priority
        ORDER BY j.due_at
        LIMIT 1
    ) AS first;
    IF v_due_at IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN greatest(ceil(extract(EPOCH FROM v_due_at - clock_timestamp()) * 1000), 0);
END
$$;

COMMENT ON FUNCTION media.next_job_delay_ms() IS
'Milliseconds until the next job is due, held ones counting from the end of their lease: 0 when one is '
'due now, NULL when there is no job at all.';
GRANT EXECUTE ON FUNCTION media.next_job_delay_ms() TO media_indexer;

COMMIT;
