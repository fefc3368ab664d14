-- Deploy ngx_media:dead_letters to pg
-- requires: jobs
-- requires: suspensions

BEGIN;

SET LOCAL ROLE media_owner;

-- Not an index of failed media_files: with the status in an index, none of its changes would be a cheap one.
CREATE TABLE media.dead_letters (
    media_id   uuid PRIMARY KEY,
    company_id uuid NOT NULL,
    reason     varchar(64) NOT NULL,
    failed_at  timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (company_id, media_id) REFERENCES media.media_files (company_id, id) ON DELETE CASCADE
);
CREATE INDEX dead_letters_company_idx ON media.dead_letters (company_id, failed_at);

COMMENT ON TABLE media.dead_letters IS
'Media whose download was given up, and why; the text is in media_files.last_error. A retry takes them out.';

CREATE FUNCTION media.bury_download(p_media uuid, p_reason text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO media.dead_letters (media_id, company_id, reason)
    SELECT m.id, m.company_id, left(p_reason, 64)
    FROM media.media_files AS m
    WHERE m.id = p_media
    ON CONFLICT (media_id) DO UPDATE
    SET reason = EXCLUDED.reason,
        failed_at = EXCLUDED.failed_at;
END
$$;

COMMENT ON FUNCTION media.bury_download(uuid, text) IS
'Remembers a media file that failed for good. Internal to the queue.';

CREATE FUNCTION media.queue_job(p_kind text, p_media media.media_files, p_priority int DEFAULT 5) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
    v_job bigint;
BEGIN
    INSERT INTO media.jobs (kind, company_id, media_id, account_id, host, expires_at, priority)
    SELECT p_kind,
           p_media.company_id,
           p_media.id,
           p_media.account_id,
           media.job_host(p_media.provider_media_url, a.provider),
           coalesce(least(p_media.url_expires_at, p_media.deadline), 'infinity'),
           p_priority
    FROM media.accounts AS a
    WHERE a.id = p_media.account_id
    ON CONFLICT (media_id, kind) DO NOTHING
    RETURNING id INTO v_job;
    DELETE FROM media.dead_letters AS d WHERE d.media_id = p_media.id;
    RETURN v_job;
END
$$;

COMMENT ON FUNCTION media.queue_job(text, media.media_files, int) IS
'Makes a job for media whose row the caller holds, and returns its id; NULL when there is one of this kind. Errors: '
'23514 no such kind or priority. Internal to what queues media again.';

CREATE FUNCTION media.queue_downloads(p_media uuid[]) RETURNS int
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE media.media_files AS m
    SET download_status = 'pending'
    WHERE m.id = ANY (p_media);
    RETURN (
        SELECT count(media.queue_job('download', m))
        FROM media.media_files AS m
        WHERE m.id = ANY (p_media)
    );
END
$$;

COMMENT ON FUNCTION media.queue_downloads(uuid[]) IS
'Makes jobs for media files that failed, as new ones, and returns how many. The caller holds their rows. Internal '
'to the functions that retry.';

CREATE FUNCTION media.retry_failed_downloads(
    p_company      uuid DEFAULT NULL,
    p_provider     text DEFAULT NULL,
    p_reason       text DEFAULT NULL,
    p_max_attempts int DEFAULT NULL,
    p_max_age      interval DEFAULT NULL,
    p_limit        int DEFAULT NULL,
    p_dry_run      boolean DEFAULT FALSE,
    p_before       timestamptz DEFAULT NULL
) RETURNS int
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_media uuid[];
BEGIN
    SELECT coalesce(array_agg(c.id), '{}') INTO v_media
    FROM (
        SELECT m.id
        FROM media.dead_letters AS d
        JOIN media.media_files AS m ON m.id = d.media_id
        JOIN media.accounts AS a ON a.id = m.account_id
        WHERE (p_company IS NULL OR d.company_id = p_company)
          AND (p_provider IS NULL OR a.provider = p_provider)
          AND (p_reason IS NULL OR d.reason = p_reason)
          AND (p_max_attempts IS NULL OR m.download_attempts < p_max_attempts)
          AND (p_max_age IS NULL OR m.created_at >= now() - p_max_age)
          AND d.failed_at <= coalesce(p_before, now())
          AND m.is_active
          AND coalesce(m.deadline > now(), TRUE)
        ORDER BY d.failed_at, d.media_id
        LIMIT p_limit
        FOR NO KEY UPDATE OF m SKIP LOCKED
    ) AS c;
    IF NOT p_dry_run THEN
        PERFORM media.queue_downloads(v_media);
    END IF;
    RETURN cardinality(v_media);
END
$$;

COMMENT ON FUNCTION media.retry_failed_downloads(uuid, text, text, int, interval, int, boolean, timestamptz) IS
'Queues failed downloads again, those first that failed first: of a company, of a provider, with this reason code, '
'with fewer attempts than p_max_attempts so far, of media received within p_max_age, p_limit of them, failed until '
'p_before; NULL: any. Deleted media and what the provider has lost by now (deadline) stay. Returns how many; '
'p_dry_run: how many it would be. Attempts are counted anew for each.';
GRANT EXECUTE ON FUNCTION media.retry_failed_downloads(uuid, text, text, int, interval, int, boolean, timestamptz)
TO media_indexer;

CREATE FUNCTION media.retry_download(p_media uuid, p_dry_run boolean DEFAULT FALSE) RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_media record;
BEGIN
    SELECT m.account_id, m.is_active, m.download_status AS status INTO v_media
    FROM media.media_files AS m
    WHERE m.id = p_media
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'not_found';
    ELSIF NOT v_media.is_active THEN
        RETURN 'deleted';
    ELSIF v_media.status IN ('completed', 'downloading') THEN
        RETURN v_media.status;
    ELSIF p_dry_run THEN
        RETURN 'retried';
    ELSIF v_media.status = 'failed' THEN
        PERFORM media.queue_downloads(ARRAY[p_media]);
    ELSE
        UPDATE media.jobs AS j
        SET run_at = now(),
            expires_at = now()
        WHERE j.media_id = p_media AND j.lease_owner IS NULL;
        UPDATE media.account_suspensions AS s
        SET probe_at = now()
        WHERE s.account_id = v_media.account_id AND s.suspended_at IS NOT NULL;
        PERFORM pg_notify('media_jobs', 'download');
    END IF;
    RETURN 'retried';
END
$$;

COMMENT ON FUNCTION media.retry_download(uuid, boolean) IS
'Downloads one media file again: a failed one as if it were new; one that waits is due at once, as the next of its '
'lane, and a suspended account is probed now. Returns retried (p_dry_run: would be), completed or downloading (it '
'needs no help), deleted, or not_found.';
GRANT EXECUTE ON FUNCTION media.retry_download(uuid, boolean) TO media_indexer;

COMMIT;
