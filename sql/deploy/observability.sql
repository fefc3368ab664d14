-- Deploy ngx_media:observability to pg
-- requires: claim_jobs

BEGIN;

SET LOCAL ROLE media_owner;

CREATE FUNCTION media.sample_queue()
RETURNS TABLE (
    due                    bigint,
    running                bigint,
    waiting                bigint,
    oldest_pending_seconds double precision
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT count(*) FILTER (WHERE j.due_at <= now()),
           count(*) FILTER (WHERE j.due_at > now() AND j.lease_owner IS NOT NULL),
           count(*) FILTER (WHERE j.due_at > now() AND j.lease_owner IS NULL),
           coalesce(greatest(extract(EPOCH FROM now() - min(j.created_at)), 0), 0)::double precision
    FROM media.jobs AS j;
END
$$;

COMMENT ON FUNCTION media.sample_queue() IS
'How many jobs are due, running under a lease, and waiting for their next attempt, and the age in seconds of '
'the oldest of all of them (0 when there is none).';
GRANT EXECUTE ON FUNCTION media.sample_queue() TO media_indexer;

COMMIT;
