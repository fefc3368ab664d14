-- Deploy ngx_media:claim_jobs to pg
-- requires: jobs
-- requires: suspensions
-- requires: dead_letters
-- requires: media_events

BEGIN;

SET LOCAL ROLE media_owner;

-- Locks are taken in the order media_files, jobs everywhere: deletes cascade that way. A claim begins with the
-- jobs, but it never waits.

CREATE FUNCTION media.end_download(p_job bigint, p_media uuid, p_reason text, p_error text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE media.media_files
    SET download_status = 'failed',
        last_error = left(p_reason || ': ' || coalesce(p_error, ''), 1000)
    WHERE id = p_media;
    PERFORM media.bury_download(p_media, p_reason);
    DELETE FROM media.jobs WHERE id = p_job;
END
$$;

COMMENT ON FUNCTION media.end_download(bigint, uuid, text, text) IS
'Marks a media file failed, makes it a dead letter and removes its job; the caller holds both rows. Internal to the queue.';

-- What a worker runs already, and how much of it may be of one company or from one host.
CREATE TYPE media.worker_load AS (
    per_company  int,
    per_host     int,
    companies    uuid[],
    hosts        text[],
    last_company uuid
);
COMMENT ON TYPE media.worker_load IS
'The limits of a worker, the company and the host of each job that it runs, and the company that it served last.';

CREATE FUNCTION media.ready_due_jobs() RETURNS int
LANGUAGE plpgsql
AS $$
DECLARE
    v_count int;
BEGIN
    UPDATE media.jobs AS j
    SET is_ready = TRUE
    WHERE j.id IN (
        SELECT d.id
        FROM media.jobs AS d
        WHERE NOT d.is_ready AND d.due_at <= now()
        ORDER BY d.due_at
        LIMIT 1000
        FOR UPDATE SKIP LOCKED
    );
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;

COMMENT ON FUNCTION media.ready_due_jobs() IS
'Makes jobs ready that have waited long enough or whose lease ran out, a thousand at once. Returns how many. '
'Internal to claim_jobs().';

CREATE FUNCTION media.lock_company_jobs(
    p_priority int,
    p_company  uuid,
    p_limit    int,
    p_load     media.worker_load,
    p_taken    bigint[]
)
RETURNS TABLE (
    job_id bigint,
    host   text
)
LANGUAGE plpgsql
AS $$
BEGIN
    RETURN QUERY
    WITH RECURSIVE lanes AS (
        (
            SELECT j.account_id, j.host
            FROM media.jobs AS j
            WHERE j.is_ready AND j.priority = p_priority AND j.company_id = p_company
            ORDER BY j.account_id, j.host
            LIMIT 1
        )
        UNION ALL
        SELECT n.account_id, n.host
        FROM lanes AS l
        CROSS JOIN LATERAL (
            SELECT j.account_id, j.host
            FROM media.jobs AS j
            WHERE j.is_ready
              AND j.priority = p_priority
              AND j.company_id = p_company
              AND (j.account_id, j.host) > (l.account_id, l.host)
            ORDER BY j.account_id, j.host
            LIMIT 1
        ) AS n
    ),
    open_lanes AS (
        SELECT l.account_id, l.host, p_load.per_host - cardinality(array_positions(p_load.hosts, l.host::text)) AS room
        FROM lanes AS l
        WHERE NOT media.is_suspended(l.account_id, l.host)
    ),
    locked AS MATERIALIZED (
        SELECT f.id, l.host, f.expires_at, l.room
        FROM open_lanes AS l
        CROSS JOIN LATERAL (
            SELECT j.id, j.expires_at
            FROM media.jobs AS j
            WHERE j.is_ready
              AND j.priority = p_priority
              AND j.company_id = p_company
              AND j.account_id = l.account_id
              AND j.host = l.host
              AND j.id <> ALL (p_taken)
            ORDER BY j.expires_at, j.id
            LIMIT greatest(least(p_limit, l.room), 0)
            FOR UPDATE SKIP LOCKED
        ) AS f
    ),
    ranked AS (
        SELECT l.*, row_number() OVER (PARTITION BY l.host ORDER BY l.expires_at, l.id) AS nth_of_host
        FROM locked AS l
    )
    SELECT r.id, r.host::text
    FROM ranked AS r
    WHERE r.nth_of_host <= r.room
    ORDER BY r.expires_at, r.id
    LIMIT p_limit;
END
$$;

COMMENT ON FUNCTION media.lock_company_jobs(int, uuid, int, media.worker_load, bigint[]) IS
'Locks up to p_limit ready jobs of a company, those first that expire first, passing over '
'what others hold, what is taken, suspended accounts and hosts without room. Internal to claim_jobs().';

CREATE FUNCTION media.next_company(p_priority int, p_after uuid, p_until uuid) RETURNS uuid
LANGUAGE plpgsql
AS $$
BEGIN
    RETURN (
        SELECT j.company_id
        FROM media.jobs AS j
        WHERE j.is_ready AND j.priority = p_priority AND j.company_id > p_after AND j.company_id <= p_until
        ORDER BY j.company_id
        LIMIT 1
    );
END
$$;

COMMENT ON FUNCTION media.next_company(int, uuid, uuid) IS
'The next company with a ready job of this priority; NULL when there is none up to p_until. Internal to claim_jobs().';

CREATE FUNCTION media.lock_round(
    p_priority int,
    p_share    int,
    p_limit    int,
    INOUT p_load media.worker_load,
    INOUT p_jobs bigint[],
    OUT   givers int,
    OUT   has_more boolean
)
LANGUAGE plpgsql
AS $$
DECLARE
    c_first CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    c_last CONSTANT uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    v_start CONSTANT uuid := p_load.last_company;
    v_company uuid := v_start;
    v_until uuid := c_last;
    v_room int;
    v_wanted int;
    v_before int;
    v_job record;
BEGIN
    givers := 0;
    has_more := FALSE;
    WHILE cardinality(p_jobs) < p_limit LOOP
        v_company := media.next_company(p_priority, v_company, v_until);
        IF v_company IS NULL THEN
            EXIT WHEN v_until = v_start;
            v_company := c_first;
            v_until := v_start;
            CONTINUE;
        END IF;

        v_room := p_load.per_company - cardinality(array_positions(p_load.companies, v_company));
        CONTINUE WHEN v_room <= 0;
        v_before := cardinality(p_jobs);
        v_wanted := least(p_share, v_room, p_limit - v_before);
        FOR v_job IN
            SELECT l.job_id, l.host
            FROM media.lock_company_jobs(p_priority, v_company, v_wanted, p_load, p_jobs) AS l
        LOOP
            p_jobs := p_jobs || v_job.job_id;
            p_load.companies := p_load.companies || v_company;
            p_load.hosts := p_load.hosts || v_job.host;
            givers := givers + (p_load.last_company IS DISTINCT FROM v_company OR givers = 0)::int;
            p_load.last_company := v_company;
        END LOOP;
        has_more := has_more OR cardinality(p_jobs) = v_before + v_wanted;
    END LOOP;
END
$$;

COMMENT ON FUNCTION media.lock_round(int, int, int, media.worker_load, bigint[]) IS
'Goes once around the companies with ready jobs of a priority, from behind the one that was served last, and '
'takes up to p_share of each, until there are p_limit. Adds them to p_jobs and p_load; says how many companies '
'gave any, and whether one gave all that was wanted of it: else another round is in vain. Internal to claim_jobs().';

CREATE FUNCTION media.lock_ready_jobs(p_limit int, INOUT p_load media.worker_load, OUT jobs bigint[])
LANGUAGE plpgsql
AS $$
DECLARE
    v_priority int := -1;
    v_share int;
    v_round record;
BEGIN
    jobs := '{}';
    WHILE cardinality(jobs) < p_limit LOOP
        v_priority := (
            SELECT j.priority
            FROM media.jobs AS j
            WHERE j.is_ready AND j.priority > v_priority
            ORDER BY j.priority
            LIMIT 1
        );
        EXIT WHEN v_priority IS NULL;
        -- One of each company; then what is left, in equal parts.
        v_share := 1;
        WHILE cardinality(jobs) < p_limit LOOP
            v_round := media.lock_round(v_priority, v_share, p_limit, p_load, jobs);
            p_load := v_round.p_load;
            jobs := v_round.p_jobs;
            EXIT WHEN NOT v_round.has_more;
            v_share := greatest((p_limit - cardinality(jobs)) / v_round.givers, 1);
        END LOOP;
    END LOOP;
END
$$;

COMMENT ON FUNCTION media.lock_ready_jobs(int, media.worker_load) IS
'Locks up to p_limit jobs for a worker: by priority, and within it one company after the other. Internal to '
'claim_jobs().';

CREATE FUNCTION media.lock_lane_job(p_company uuid, p_account uuid, p_host text) RETURNS bigint
LANGUAGE plpgsql
AS $$
BEGIN
    RETURN (
        SELECT f.id
        FROM generate_series(0, 9) AS p (priority)
        CROSS JOIN LATERAL (
            SELECT j.id
            FROM media.jobs AS j
            WHERE j.is_ready
              AND j.priority = p.priority
              AND j.company_id = p_company
              AND j.account_id = p_account
              AND j.host >= p_host
              AND j.host <= coalesce(nullif(p_host, ''), chr(127))
            ORDER BY j.host, j.expires_at, j.id
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        ) AS f
        LIMIT 1
    );
END
$$;

COMMENT ON FUNCTION media.lock_lane_job(uuid, uuid, text) IS
'Locks a ready job of an account and host (empty: any); NULL when there is none. Internal to '
'claim_jobs().';

CREATE FUNCTION media.lock_probes(p_limit int) RETURNS bigint[]
LANGUAGE plpgsql
AS $$
DECLARE
    v_probes bigint[] := '{}';
    v_due record;
    v_job bigint;
BEGIN
    FOR v_due IN
        SELECT s.company_id, s.account_id, s.host, media.suspension_pause(s.reason, s.pauses) AS pause
        FROM media.account_suspensions AS s
        WHERE s.probe_at <= now()
          -- A host of a suspended account waits for the account.
          AND NOT (s.host <> '' AND media.is_suspended(s.account_id, ''))
        ORDER BY s.probe_at
        FOR UPDATE SKIP LOCKED
    LOOP
        EXIT WHEN cardinality(v_probes) >= p_limit;
        v_job := media.lock_lane_job(v_due.company_id, v_due.account_id, v_due.host);
        CONTINUE WHEN v_job IS NULL OR v_job = ANY (v_probes);
        -- Until it is heard of: one at a time.
        UPDATE media.account_suspensions AS s
        SET probe_job = v_job,
            probe_at = now() + greatest(v_due.pause, interval '1 minute')
        WHERE s.account_id = v_due.account_id AND s.host = v_due.host;
        v_probes := v_probes || v_job;
    END LOOP;
    RETURN v_probes;
END
$$;

COMMENT ON FUNCTION media.lock_probes(int) IS
'Locks one job of each suspended account whose pause is over, up to p_limit. What becomes of it tells whether '
'the account works again. Internal to claim_jobs().';

CREATE FUNCTION media.lock_media_of(p_jobs bigint[]) RETURNS bigint[]
LANGUAGE plpgsql
AS $$
BEGIN
    RETURN ARRAY(
        SELECT t.id
        FROM unnest(p_jobs) WITH ORDINALITY AS t (id, nth)
        CROSS JOIN LATERAL (
            SELECT
            FROM media.media_files AS m
            WHERE m.id = (SELECT j.media_id FROM media.jobs AS j WHERE j.id = t.id)
            FOR NO KEY UPDATE SKIP LOCKED
        ) AS m
        ORDER BY t.nth
    );
END
$$;

COMMENT ON FUNCTION media.lock_media_of(bigint[]) IS
'Locks the media rows of these jobs. Returns the jobs, in their order, but for those whose media others hold. '
'Internal to claim_jobs().';

CREATE FUNCTION media.drop_dead_jobs(p_jobs bigint[]) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    v_dead record;
BEGIN
    FOR v_dead IN
        SELECT j.id, j.media_id, m.is_active
        FROM media.jobs AS j
        JOIN media.media_files AS m ON m.id = j.media_id
        WHERE j.id = ANY (p_jobs)
    LOOP
        IF v_dead.is_active THEN
            PERFORM media.end_download(v_dead.id, v_dead.media_id, 'network', 'worker lost');
        ELSE
            UPDATE media.media_files SET download_status = 'pending'
            WHERE id = v_dead.media_id AND download_status = 'downloading';
            DELETE FROM media.jobs WHERE id = v_dead.id;
        END IF;
    END LOOP;
END
$$;

COMMENT ON FUNCTION media.drop_dead_jobs(bigint[]) IS
'Removes these locked jobs: their media are deleted, or else failed because the last attempt never '
'reported. Internal to claim_jobs().';

CREATE FUNCTION media.lease_jobs(p_owner text, p_jobs bigint[], p_lease_seconds int) RETURNS bigint[]
LANGUAGE plpgsql
AS $$
DECLARE
    -- A job that kills its worker each time must come to an end.
    c_patience CONSTANT int := 8;
    v_leased bigint[];
BEGIN
    WITH leased AS (
        UPDATE media.jobs AS j
        SET lease_owner = p_owner,
            lease_until = now() + make_interval(secs => greatest(p_lease_seconds, 1)),
            is_ready = FALSE,
            attempts = j.attempts + 1,
            -- The lease of a job that is ready ran out.
            lost_attempts = CASE WHEN j.lease_owner IS NULL THEN 0 ELSE j.lost_attempts + 1 END
        FROM media.media_files AS m
        WHERE j.id = ANY (p_jobs)
          AND j.attempts < j.max_attempts
          AND j.lost_attempts < c_patience
          AND m.id = j.media_id
          AND m.is_active
        RETURNING j.id, j.media_id
    ),
    started AS (
        UPDATE media.media_files AS m
        SET download_status = 'downloading',
            download_attempts = m.download_attempts + 1
        FROM leased AS l
        WHERE m.id = l.media_id
        RETURNING l.id
    )
    SELECT array_agg(id) INTO v_leased FROM started;
    RETURN v_leased;
END
$$;

COMMENT ON FUNCTION media.lease_jobs(text, bigint[], int) IS
'Leases those of these locked jobs that have an attempt left and media to fetch. Returns their ids, '
'NULL when there are none. Internal to claim_jobs().';

CREATE FUNCTION media.claim_jobs(
    p_owner         text,
    p_limit         int,
    p_lease_seconds int,
    p_after         uuid DEFAULT NULL,
    p_per_company   int DEFAULT NULL,
    p_per_host      int DEFAULT NULL,
    p_companies     uuid[] DEFAULT '{}',
    p_hosts         text[] DEFAULT '{}'
)
RETURNS TABLE (
    job_id              bigint,
    kind                text,
    attempts            int,
    max_attempts        int,
    media_id            uuid,
    company_id          uuid,
    account_id          uuid,
    host                text,
    provider            text,
    account_external_id text,
    message_external_id text,
    sender              text,
    sent_at             bigint,
    item_index          int,
    event_kind          text,
    provider_media_id   text,
    url                 text,
    url_expires_at      bigint,
    file_name           text,
    file_type           text,
    declared_mime_type  text,
    expected_size       bigint,
    expected_sha256     bytea,
    is_content_new      boolean,
    deadline            bigint,
    bucket              text,
    max_bytes           bigint,
    allowed_mime_types  jsonb,
    key_template        text
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
-- Planning costs more than running; and a plan made while the queue was empty must do for a full one. What is
-- disabled counts as costly, which would bring in the compiler.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
SET enable_bitmapscan = off
SET enable_sort = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    c_many CONSTANT int := 1000000;
    c_nobody CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    v_load media.worker_load := (coalesce(p_per_company, c_many), coalesce(p_per_host, c_many), p_companies, p_hosts,
                                 coalesce(p_after, c_nobody));
    v_ready record;
    v_due bigint[];
    v_locked bigint[];
    v_is_last boolean := FALSE;
    v_leased bigint[];
    v_claimed bigint[] := '{}';
BEGIN
    IF p_owner IS NULL OR p_owner = '' THEN
        RAISE EXCEPTION 'a lease needs an owner' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM set_config('media.actor', p_owner, TRUE);
    PERFORM media.ready_due_jobs();
    v_due := media.lock_probes(coalesce(p_limit, 0));
    WHILE cardinality(v_claimed) < p_limit LOOP
        IF v_due = '{}' THEN
            v_ready := media.lock_ready_jobs(p_limit - cardinality(v_claimed), v_load);
            v_load := v_ready.p_load;
            v_due := v_ready.jobs;
            v_is_last := cardinality(v_due) < p_limit - cardinality(v_claimed);
            EXIT WHEN v_due = '{}';
        END IF;
        v_locked := media.lock_media_of(v_due);
        -- Those whose media others hold would be found again.
        v_is_last := v_is_last OR cardinality(v_locked) < cardinality(v_due);
        v_due := v_locked;
        v_leased := coalesce(media.lease_jobs(p_owner, v_due, p_lease_seconds), '{}');
        IF cardinality(v_leased) < cardinality(v_due) THEN
            PERFORM media.drop_dead_jobs(ARRAY(SELECT unnest(v_due) EXCEPT SELECT unnest(v_leased)));
            v_due := ARRAY(
                SELECT d.id
                FROM unnest(v_due) WITH ORDINALITY AS d (id, nth)
                WHERE d.id = ANY (v_leased)
                ORDER BY d.nth
            );
            SELECT p_companies || array_agg(j.company_id), p_hosts || array_agg(j.host::text)
            INTO v_load.companies, v_load.hosts
            FROM media.jobs AS j
            WHERE j.id = ANY (v_claimed || v_due);
        END IF;
        v_claimed := v_claimed || v_due;
        EXIT WHEN v_is_last;
        v_due := '{}';
    END LOOP;

    RETURN QUERY
    SELECT j.id,
           j.kind::text,
           j.attempts::int,
           j.max_attempts::int,
           m.id,
           m.company_id,
           m.account_id,
           j.host::text,
           a.provider,
           a.external_id,
           g.external_id::text,
           g.sender::text,
           media.to_unix(g.sent_at),
           m.item_index::int,
           m.event_kind::text,
           m.provider_media_id::text,
           m.provider_media_url::text,
           media.to_unix(m.url_expires_at),
           m.file_name::text,
           m.file_type::text,
           m.declared_mime_type::text,
           m.provider_size::bigint,
           m.provider_sha256::bytea,
           m.provider_sha256 IS NOT NULL AND NOT EXISTS (
               SELECT
               FROM media.blobs AS o
               WHERE o.company_id = m.company_id
                 AND o.bucket = b.name
                 AND o.sha256 = m.provider_sha256
                 AND o.state = 'live'
           ),
           media.to_unix(m.deadline),
           b.name,
           least(b.max_bytes, media.size_limit(a.provider, b.name, m.declared_mime_type)),
           to_jsonb(b.allowed_mime_types),
           b.key_template::text
    FROM unnest(v_claimed) WITH ORDINALITY AS c (id, nth)
    JOIN media.jobs AS j ON j.id = c.id
    JOIN media.media_files AS m ON m.id = j.media_id
    JOIN media.messages AS g ON g.id = m.message_id
    JOIN media.accounts AS a ON a.id = m.account_id
    JOIN media.buckets AS b ON b.name = media.bucket_of(m.file_type)
    ORDER BY c.nth;
END
$$;

COMMENT ON FUNCTION media.claim_jobs(text, int, int, uuid, int, int, uuid[], text[]) IS
'Leases up to p_limit jobs that are ready (new, waiting no longer, or left by a lease that ran out) to '
'p_owner for p_lease_seconds, and returns all that the work needs; their media become downloading. '
'Priority goes first; within it companies take turns, beginning with the one after p_after (that of the last job '
'of the last claim); within a company goes first what expires first. At most p_per_company jobs of a company and '
'p_per_host of a host, counting those that the worker runs already: p_companies and p_hosts have one element for '
'each of them. Jobs of suspended accounts stay where they are, but for a single one when a pause is over. '
'p_owner must be different for every run of a daemon. is_content_new: no blob of the company''s bucket has '
'expected_sha256 yet. attempts counts this one; times are UTC seconds; '
'max_bytes is what bucket and media.size_limits allow; allowed_mime_types NULL means any. Jobs of deleted '
'media are dropped; a job whose last eight attempts were never heard of fails with "network: worker lost". Error '
'22023: p_owner is empty.';
GRANT EXECUTE ON FUNCTION media.claim_jobs(text, int, int, uuid, int, int, uuid[], text[]) TO media_indexer;

COMMIT;
