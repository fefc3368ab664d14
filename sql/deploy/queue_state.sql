-- Deploy ngx_media:queue_state to pg
-- requires: dead_letters
-- requires: suspensions

BEGIN;

SET LOCAL ROLE media_owner;

CREATE FUNCTION media.queue_totals() RETURNS jsonb
LANGUAGE plpgsql
STABLE
AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object(
            'ready', count(*) FILTER (WHERE j.is_ready AND NOT s.is_suspended),
            'suspended', count(*) FILTER (WHERE j.lease_owner IS NULL AND s.is_suspended),
            'running', count(*) FILTER (WHERE NOT j.is_ready AND j.lease_owner IS NOT NULL),
            'waiting', count(*) FILTER (WHERE NOT j.is_ready AND j.lease_owner IS NULL AND NOT s.is_suspended),
            'failed', (SELECT count(*) FROM media.dead_letters),
            'oldest_at', media.to_unix(min(j.created_at))
        )
        FROM media.jobs AS j
        CROSS JOIN LATERAL (
            SELECT EXISTS (
                SELECT
                FROM media.account_suspensions AS a
                WHERE a.account_id = j.account_id AND a.host IN ('', j.host) AND a.suspended_at IS NOT NULL
            ) AS is_suspended
        ) AS s
    );
END
$$;

COMMENT ON FUNCTION media.queue_totals() IS 'How many jobs are in which state. Internal to queue_state().';

CREATE FUNCTION media.queue_companies(p_top int) RETURNS jsonb
LANGUAGE plpgsql
STABLE
AS $$
BEGIN
    RETURN (
        SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.jobs DESC, t.company), '[]')
        FROM (
            SELECT c.name AS company,
                   count(*) AS jobs,
                   count(*) FILTER (WHERE j.is_ready) AS ready,
                   count(*) FILTER (WHERE NOT j.is_ready AND j.lease_owner IS NOT NULL) AS running,
                   count(*) FILTER (WHERE NOT j.is_ready AND j.lease_owner IS NULL) AS waiting,
                   media.to_unix(min(j.created_at)) AS oldest_at
            FROM media.jobs AS j
            JOIN media.companies AS c ON c.id = j.company_id
            GROUP BY c.id
            ORDER BY count(*) DESC, c.name
            LIMIT p_top
        ) AS t
    );
END
$$;

COMMENT ON FUNCTION media.queue_companies(int) IS
'The companies with the most jobs, the first p_top. Internal to queue_state().';

CREATE FUNCTION media.queue_suspensions() RETURNS jsonb
LANGUAGE plpgsql
STABLE
AS $$
BEGIN
    RETURN (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'company', s.company,
            'provider', s.provider,
            'external_id', s.external_id,
            'host', s.host,
            'reason', s.reason,
            'error', s.error,
            'since', media.to_unix(s.suspended_at),
            'probe_at', media.to_unix(s.probe_at),
            'jobs', (
                SELECT count(*)
                FROM media.jobs AS j
                WHERE j.account_id = s.account_id AND s.host IN ('', j.host)
            )
        ) ORDER BY s.suspended_at), '[]')
        FROM media.list_suspensions() AS s
    );
END
$$;

COMMENT ON FUNCTION media.queue_suspensions() IS
'The suspended accounts, as of list_suspensions(), with the number of their jobs. Internal to queue_state().';

CREATE FUNCTION media.queue_deadlines(p_top int) RETURNS jsonb
LANGUAGE plpgsql
STABLE
AS $$
BEGIN
    RETURN (
        SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.expires_at, t.media_id), '[]')
        FROM (
            SELECT j.media_id,
                   c.name AS company,
                   a.provider,
                   media.to_unix(j.expires_at) AS expires_at,
                   j.attempts,
                   j.last_error
            FROM media.jobs AS j
            JOIN media.companies AS c ON c.id = j.company_id
            JOIN media.accounts AS a ON a.id = j.account_id
            WHERE j.expires_at < 'infinity'
            ORDER BY j.expires_at, j.media_id
            LIMIT p_top
        ) AS t
    );
END
$$;

COMMENT ON FUNCTION media.queue_deadlines(int) IS
'The jobs whose URL or media is lost next, the first p_top. Internal to queue_state().';

CREATE FUNCTION media.queue_state(p_top int) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN media.queue_totals() || jsonb_build_object(
        'at', media.to_unix(now()),
        'companies', media.queue_companies(p_top),
        'suspensions', media.queue_suspensions(),
        'deadlines', media.queue_deadlines(p_top)
    );
END
$$;

COMMENT ON FUNCTION media.queue_state(int) IS
'What an operator wants to know of the queue, times in UTC seconds: {"at", "ready", "suspended", "running", '
'"waiting", "failed" (dead letters), "oldest_at" (of the oldest job), "companies": [{"company", "jobs", "ready", '
'"running", "waiting", "oldest_at"}], "suspensions": [{"company", "provider", "external_id", "host" (empty: all), '
'"reason", "error", "since", "probe_at", "jobs"}], "deadlines": [{"media_id", "company", "provider", "expires_at", '
'"attempts", "last_error"}]}; of companies and deadlines the first p_top. Looks at every job.';
GRANT EXECUTE ON FUNCTION media.queue_state(int) TO media_indexer;

COMMIT;
