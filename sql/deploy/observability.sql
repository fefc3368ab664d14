-- Deploy ngx_media:observability to pg
-- requires: queue_state

BEGIN;

SET LOCAL ROLE media_owner;

CREATE FUNCTION media.sample_queue()
RETURNS TABLE (
    due                    bigint,
    suspended              bigint,
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
    SELECT (t.totals ->> 'ready')::bigint,
           (t.totals ->> 'suspended')::bigint,
           (t.totals ->> 'running')::bigint,
           (t.totals ->> 'waiting')::bigint,
           coalesce(greatest(media.to_unix(now()) - (t.totals ->> 'oldest_at')::bigint, 0), 0)::double precision
    FROM media.queue_totals() AS t (totals);
END
$$;

COMMENT ON FUNCTION media.sample_queue() IS
'How many jobs are due, kept back by a suspended account, running under a lease, and waiting for their next attempt, '
'and the age in seconds of the oldest of all of them (0 when there is none).';
GRANT EXECUTE ON FUNCTION media.sample_queue() TO media_indexer;

COMMIT;
