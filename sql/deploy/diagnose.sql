-- Deploy ngx_media:diagnose to pg
-- requires: observability

BEGIN;

SET LOCAL ROLE media_owner;

CREATE FUNCTION media.count_expiring(p_within interval)
RETURNS TABLE (
    provider text,
    files    bigint,
    first_at timestamptz
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT a.provider, count(*), min(m.deadline)
    FROM media.jobs AS j
    JOIN media.media_files AS m ON m.id = j.media_id
    JOIN media.accounts AS a ON a.id = m.account_id
    WHERE m.deadline < now() + p_within
    GROUP BY a.provider
    ORDER BY min(m.deadline);
END
$$;

COMMENT ON FUNCTION media.count_expiring(interval) IS
'Media that is not downloaded and that its provider loses within this time, by provider, and the first moment.';
GRANT EXECUTE ON FUNCTION media.count_expiring(interval) TO media_indexer;

CREATE FUNCTION media.count_failures(p_since timestamptz)
RETURNS TABLE (
    provider text,
    reason   text,
    files    bigint,
    last_at  timestamptz
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT coalesce(a.provider, 'unknown'), split_part(coalesce(e.detail, 'unknown'), ':', 1), count(*), max(e.at)
    FROM media.media_events AS e
    LEFT JOIN media.media_files AS m ON m.id = e.media_id
    LEFT JOIN media.accounts AS a ON a.id = m.account_id
    WHERE e.at >= p_since AND e.new_status = 'failed' AND e.old_status IS DISTINCT FROM 'failed'
    GROUP BY 1, 2
    ORDER BY count(*) DESC, 1, 2;
END
$$;

COMMENT ON FUNCTION media.count_failures(timestamptz) IS
'Downloads that were given up since a time, by provider and reason code, and when the last one was.';
GRANT EXECUTE ON FUNCTION media.count_failures(timestamptz) TO media_indexer;

CREATE FUNCTION media.check_event_partitions()
RETURNS TABLE (
    months_ahead   int,
    in_default     bigint
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    SELECT count(*) INTO months_ahead
    FROM generate_series(0, 2) AS ahead (month)
    WHERE to_regclass('media.' || to_char(
        date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead.month),
        '"media_events_y"YYYY"m"MM'
    )) IS NOT NULL;
    SELECT count(*) INTO in_default FROM (SELECT FROM media.media_events_default LIMIT 1000) AS counted;
    RETURN NEXT;
END
$$;

COMMENT ON FUNCTION media.check_event_partitions() IS
'How many of this and the two following months have a partition of media_events, and how many rows (counted up to '
'1000) are in the default partition.';
GRANT EXECUTE ON FUNCTION media.check_event_partitions() TO media_indexer;

COMMIT;
