-- Deploy ngx_media:claim_jobs to pg
-- requires: jobs
-- requires: media_events

BEGIN;

SET LOCAL ROLE media_owner;

-- Locks are taken in the order media_files, jobs everywhere: deletes cascade that way.

CREATE FUNCTION media.end_download(p_job bigint, p_media uuid, p_reason text, p_error text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE media.media_files
    SET download_status = 'failed',
        last_error = left(p_reason || ': ' || coalesce(p_error, ''), 1000)
    WHERE id = p_media;
    DELETE FROM media.jobs WHERE id = p_job;
END
$$;

COMMENT ON FUNCTION media.end_download(bigint, uuid, text, text) IS
'Marks a media file failed and removes its job; the caller holds both rows. Internal to the queue.';

CREATE FUNCTION media.lock_due_jobs(p_limit int) RETURNS bigint[]
LANGUAGE plpgsql
AS $$
BEGIN
    RETURN (
        WITH due AS MATERIALIZED (
            SELECT of_priority.id
            FROM generate_series(0, 9) AS p (priority)
            CROSS JOIN LATERAL (
                SELECT j.id
                FROM media.jobs AS j
                JOIN media.media_files AS m ON m.id = j.media_id
                WHERE j.priority = p.priority AND j.due_at <= now()
                ORDER BY j.due_at
                LIMIT p_limit
                FOR NO KEY UPDATE OF m SKIP LOCKED
                FOR UPDATE OF j SKIP LOCKED
            ) AS of_priority
            LIMIT p_limit
        )
        SELECT array_agg(id) FROM due
    );
END
$$;

COMMENT ON FUNCTION media.lock_due_jobs(int) IS
'Locks up to p_limit jobs that are due, with their media rows, passing over those that others hold; '
'priority first, then the time they were due. Returns their ids, NULL when there are none. Internal to '
'claim_jobs().';

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
    v_leased bigint[];
BEGIN
    WITH leased AS (
        UPDATE media.jobs AS j
        SET lease_owner = p_owner,
            lease_until = now() + make_interval(secs => greatest(p_lease_seconds, 1)),
            attempts = j.attempts + 1
        FROM media.media_files AS m
        WHERE j.id = ANY (p_jobs)
          AND j.attempts < j.max_attempts
          AND m.id = j.media_id
          AND m.is_active
        RETURNING j.id, j.media_id, j.attempts
    ),
    started AS (
        UPDATE media.media_files AS m
        SET download_status = 'downloading',
            download_attempts = l.attempts
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

CREATE FUNCTION media.claim_jobs(p_owner text, p_limit int, p_lease_seconds int)
RETURNS TABLE (
    job_id              bigint,
    kind                text,
    attempts            int,
    max_attempts        int,
    media_id            uuid,
    company_id          uuid,
    account_id          uuid,
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
    deadline            bigint,
    bucket              text,
    store               text,
    max_bytes           bigint,
    allowed_mime_types  jsonb,
    key_template        text
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
-- Planning costs more than running; and a plan made while the queue was empty must do for a full one.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_due bigint[];
    v_leased bigint[];
    v_claimed bigint[] := '{}';
BEGIN
    IF p_owner IS NULL OR p_owner = '' THEN
        RAISE EXCEPTION 'a lease needs an owner' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM set_config('media.actor', p_owner, TRUE);
    WHILE cardinality(v_claimed) < p_limit LOOP
        v_due := media.lock_due_jobs(p_limit - cardinality(v_claimed));
        EXIT WHEN v_due IS NULL;
        v_leased := media.lease_jobs(p_owner, v_due, p_lease_seconds);
        v_claimed := v_claimed || v_leased;
        IF v_leased IS NULL OR cardinality(v_leased) < cardinality(v_due) THEN
            PERFORM media.drop_dead_jobs(ARRAY(SELECT unnest(v_due) EXCEPT SELECT unnest(v_leased)));
        END IF;
    END LOOP;

    RETURN QUERY
    SELECT j.id,
           j.kind::text,
           j.attempts::int,
           j.max_attempts::int,
           m.id,
           m.company_id,
           m.account_id,
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
           media.to_unix(m.deadline),
           b.name,
           b.store::text,
           least(b.max_bytes, media.size_limit(a.provider, b.name, m.declared_mime_type)),
           to_jsonb(b.allowed_mime_types),
           b.key_template::text
    FROM media.jobs AS j
    JOIN media.media_files AS m ON m.id = j.media_id
    JOIN media.messages AS g ON g.id = m.message_id
    JOIN media.accounts AS a ON a.id = m.account_id
    JOIN media.buckets AS b ON b.name = media.bucket_of(m.file_type)
    WHERE j.id = ANY (v_claimed)
    ORDER BY j.priority, j.run_at, j.id;
END
$$;

COMMENT ON FUNCTION media.claim_jobs(text, int, int) IS
'Leases up to p_limit jobs that are due (new, waiting no longer, or left by a lease that ran out) to '
'p_owner for p_lease_seconds, and returns all that the work needs; their media become downloading. '
'p_owner must be different for every run of a daemon. attempts counts this one; times are UTC seconds; '
'max_bytes is what bucket and media.size_limits allow; allowed_mime_types NULL means any. Jobs of deleted media are dropped; a job whose last attempt never '
'reported fails with "network: worker lost". Error 22023: p_owner is empty.';
GRANT EXECUTE ON FUNCTION media.claim_jobs(text, int, int) TO media_indexer;

COMMIT;
