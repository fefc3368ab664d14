-- Deploy ngx_media:downloads to pg
-- requires: claim_jobs
-- requires: accept_delivery
-- requires: doomed_files

BEGIN;

SET LOCAL ROLE media_owner;

CREATE FUNCTION media.lock_download(
    p_job   bigint,
    p_owner text,
    OUT media_id     uuid,
    OUT company_id   uuid,
    OUT account_id   uuid,
    OUT host         text,
    OUT bucket       text,
    OUT deadline     timestamptz,
    OUT attempts     int,
    OUT max_attempts int
)
LANGUAGE plpgsql
AS $$
BEGIN
    SELECT m.id, m.company_id, m.account_id, j.host, media.bucket_of(m.file_type), m.deadline, j.attempts, j.max_attempts
    INTO media_id, company_id, account_id, host, bucket, deadline, attempts, max_attempts
    FROM media.jobs AS j
    JOIN media.media_files AS m ON m.id = j.media_id
    WHERE j.id = p_job AND j.lease_owner = p_owner AND j.kind = 'download'
    FOR NO KEY UPDATE OF m
    FOR UPDATE OF j;
    IF FOUND THEN
        PERFORM set_config('media.actor', p_owner, TRUE);
    END IF;
END
$$;

COMMENT ON FUNCTION media.lock_download(bigint, text) IS
'Locks a download job that p_owner holds, and its media row; all NULL when p_owner does not hold it '
'(any more). Internal to the functions that end a download.';

CREATE FUNCTION media.remember_source(
    p_job            bigint,
    p_owner          text,
    p_url            text,
    p_url_expires_at bigint,
    p_size           bigint,
    p_sha256         bytea
) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_media uuid := (media.lock_download(p_job, p_owner)).media_id;
BEGIN
    UPDATE media.media_files AS m
    SET provider_media_url = coalesce(left(p_url, 32768), m.provider_media_url),
        url_expires_at = coalesce(media.from_unix(p_url_expires_at), m.url_expires_at),
        provider_size = coalesce(p_size, m.provider_size),
        provider_sha256 = coalesce(p_sha256, m.provider_sha256)
    WHERE m.id = v_media;
    IF NOT FOUND THEN
        RETURN FALSE;
    END IF;
    UPDATE media.jobs AS j
    SET expires_at = coalesce(least(m.url_expires_at, m.deadline), 'infinity')
    FROM media.media_files AS m
    WHERE j.id = p_job AND m.id = v_media;
    RETURN TRUE;
END
$$;

COMMENT ON FUNCTION media.remember_source(bigint, text, text, bigint, bigint, bytea) IS
'Stores what a provider answered for a media id: URL, its end (UTC seconds), size, SHA-256; NULL leaves '
'a column as it is. False: the lease is lost and nothing changed. Error 23514: negative size, or a hash '
'that is not 32 bytes.';
GRANT EXECUTE ON FUNCTION media.remember_source(bigint, text, text, bigint, bigint, bytea) TO media_indexer;

CREATE FUNCTION media.find_blob(p_company uuid, p_bucket text, p_sha256 bytea)
RETURNS TABLE (
    blob_id     uuid,
    store       text,
    storage_key text
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT b.id, b.store::text, b.storage_key::text
    FROM media.blobs AS b
    WHERE b.company_id = p_company
      AND b.bucket = p_bucket
      AND b.sha256 = p_sha256
      AND b.state = 'live';
END
$$;

COMMENT ON FUNCTION media.find_blob(uuid, text, bytea) IS
'The live blob with this content in a company''s bucket; no row when there is none.';
GRANT EXECUTE ON FUNCTION media.find_blob(uuid, text, bytea) TO media_indexer;

CREATE FUNCTION media.ensure_blob(
    p_company     uuid,
    p_bucket      text,
    p_sha256      bytea,
    p_size        bigint,
    p_mime_type   text,
    p_store       text,
    p_storage_key text,
    OUT blob_id     uuid,
    OUT store       text,
    OUT storage_key text
)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
BEGIN
    LOOP
        IF p_storage_key IS NOT NULL THEN
            INSERT INTO media.blobs AS b (company_id, bucket, store, storage_key, sha256, size, mime_type)
            VALUES (p_company, p_bucket, p_store, p_storage_key, p_sha256, p_size, p_mime_type)
            ON CONFLICT (company_id, bucket, sha256) DO NOTHING
            RETURNING b.id, b.store, b.storage_key INTO blob_id, store, storage_key;
            EXIT WHEN FOUND;
        END IF;

        -- FOR SHARE: who deletes blobs must wait until the reference is committed.
        SELECT b.id, b.store, b.storage_key INTO blob_id, store, storage_key
        FROM media.blobs AS b
        WHERE b.company_id = p_company AND b.bucket = p_bucket AND b.sha256 = p_sha256 AND b.state = 'live'
        FOR SHARE;
        EXIT WHEN FOUND OR p_storage_key IS NULL;

        UPDATE media.blobs AS b
        SET state = 'live',
            store = p_store,
            storage_key = p_storage_key,
            mime_type = p_mime_type
        WHERE b.company_id = p_company AND b.bucket = p_bucket AND b.sha256 = p_sha256 AND b.state <> 'live'
        RETURNING b.id, b.store, b.storage_key INTO blob_id, store, storage_key;
        EXIT WHEN FOUND;
    END LOOP;
END
$$;

COMMENT ON FUNCTION media.ensure_blob(uuid, text, bytea, bigint, text, text, text) IS
'The live blob with this content, locked against deletion; made from p_storage_key when there is none, '
'or when its bytes were given up. NULLs when there is none and no key. Error 23505: another blob has '
'the key. Internal to complete_download().';

CREATE FUNCTION media.complete_download(
    p_job         bigint,
    p_owner       text,
    p_sha256      bytea,
    p_size        bigint,
    p_mime_type   text,
    p_store       text,
    p_storage_key text
)
RETURNS TABLE (
    outcome     text,
    blob_id     uuid,
    storage_key text,
    is_resumed  boolean
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_job record;
    v_blob record;
    v_is_resumed boolean;
BEGIN
    PERFORM media.commit_durably();
    v_job := media.lock_download(p_job, p_owner);
    IF v_job.media_id IS NULL THEN
        IF p_storage_key IS NOT NULL THEN
            PERFORM media.doom_file(p_store, p_storage_key, TRUE);
        END IF;
        RETURN QUERY
        SELECT 'lease_lost', b.id, b.storage_key::text, FALSE
        FROM (SELECT) AS one
        LEFT JOIN media.blobs AS b ON b.store = p_store AND b.storage_key = p_storage_key;
        RETURN;
    END IF;

    IF p_storage_key IS NOT NULL AND NOT media.keep_file(p_store, p_storage_key) THEN
        RETURN QUERY SELECT 'key_doomed', NULL::uuid, NULL::text, FALSE;
        RETURN;
    END IF;
    v_blob := media.ensure_blob(v_job.company_id, v_job.bucket, p_sha256, p_size, p_mime_type, p_store, p_storage_key);
    IF v_blob.blob_id IS NULL THEN
        RETURN QUERY SELECT 'blob_missing', NULL::uuid, NULL::text, FALSE;
        RETURN;
    END IF;

    IF p_storage_key IS NOT NULL AND (v_blob.store, v_blob.storage_key) <> (p_store, p_storage_key) THEN
        PERFORM media.doom_file(p_store, p_storage_key, TRUE);
    END IF;
    UPDATE media.media_files AS m
    SET blob_id = v_blob.blob_id,
        mime_type = p_mime_type,
        file_size = p_size,
        download_status = 'completed',
        last_error = NULL
    WHERE m.id = v_job.media_id;
    DELETE FROM media.jobs AS j WHERE j.id = p_job;
    v_is_resumed := media.end_suspension(v_job.account_id, v_job.host);

    RETURN QUERY
    SELECT CASE WHEN v_blob.store = p_store AND v_blob.storage_key = p_storage_key THEN 'stored' ELSE 'duplicate' END,
           v_blob.blob_id,
           v_blob.storage_key,
           v_is_resumed;
END
$$;

COMMENT ON FUNCTION media.complete_download(bigint, text, bytea, bigint, text, text, text) IS
'Ends a download whose bytes are durable: blob, reference, status completed, event, job removed, in one '
'transaction. outcome: stored (the blob has our key); duplicate (a live blob has the content, '
'storage_key is its key, ours is doomed); blob_missing (no key was given and no live blob '
'exists: publish, call again); lease_lost (the media are as before, the file is doomed unless it has or '
'gets a reference; blob_id and storage_key are set when our key belongs to a blob nevertheless, because '
'an earlier call did commit); key_doomed (a file of this key is being removed: publish under another key, '
'call again). is_resumed: the account was suspended and is no '
'more. Durable once committed. Errors: 23505 another blob has this (store, key): likewise; 23514 '
'bad hash, size, type or key.';
GRANT EXECUTE ON FUNCTION media.complete_download(bigint, text, bytea, bigint, text, text, text) TO media_indexer;

CREATE FUNCTION media.put_back(p_job bigint, p_media uuid, p_run_at timestamptz, p_error text, p_counts boolean)
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE media.media_files AS m
    SET download_status = 'pending',
        download_attempts = greatest(m.download_attempts - (NOT p_counts)::int, 0),
        last_error = p_error
    WHERE m.id = p_media;
    UPDATE media.jobs AS j
    SET lease_owner = NULL,
        lease_until = NULL,
        is_ready = p_run_at <= now(),
        run_at = p_run_at,
        attempts = greatest(j.attempts - (NOT p_counts)::int, 0),
        last_error = p_error
    WHERE j.id = p_job;
END
$$;

COMMENT ON FUNCTION media.put_back(bigint, uuid, timestamptz, text, boolean) IS
'Puts a job that was attempted back in the queue, to be due at p_run_at; p_counts: the attempt was one. The '
'caller holds both rows. Internal to the queue.';

CREATE FUNCTION media.note_failure(
    p_job     bigint,
    p_company uuid,
    p_account uuid,
    p_host    text,
    p_media   uuid,
    p_scope   text,
    p_reason  text,
    p_error   text,
    p_delay   interval,
    OUT is_new   boolean,
    OUT probe_at timestamptz
)
LANGUAGE plpgsql
AS $$
BEGIN
    is_new := FALSE;
    IF p_scope IN ('account', 'host') THEN
        SELECT s.is_new, s.probe_at INTO is_new, probe_at
        FROM media.suspend(p_company, p_account, CASE WHEN p_scope = 'host' THEN p_host ELSE '' END,
                           p_job, p_reason, p_error, p_delay) AS s;
    ELSIF p_reason = 'network' THEN
        SELECT o.is_new, o.probe_at INTO is_new, probe_at
        FROM media.note_outage(p_company, p_account, p_host, p_job, p_media, p_error, p_delay) AS o;
    ELSIF p_reason IN ('gone', 'type_not_allowed', 'hash_mismatch', 'size_mismatch', 'empty') THEN
        PERFORM media.end_suspension(p_account, p_host);
    END IF;
END
$$;

COMMENT ON FUNCTION media.note_failure(bigint, uuid, uuid, text, uuid, text, text, text, interval) IS
'Tells the circuit breaker of a failed attempt: of an account or host (p_scope) that refuses to answer for now, of '
'a sign of an outage, or of an answer that shows that the provider works. Says as of suspend() what came of it; '
'probe_at NULL: not suspended. Internal to the queue.';

CREATE FUNCTION media.end_attempt(
    p_job      bigint,
    p_owner    text,
    p_scope    text,
    p_reason   text,
    p_error    text,
    p_delay    interval,
    p_asked    interval,
    p_is_final boolean
) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    v_job record := media.lock_download(p_job, p_owner);
    v_error text := left(p_reason || ': ' || coalesce(p_error, ''), 1000);
    v_note record;
BEGIN
    IF v_job.media_id IS NULL THEN
        RETURN 'lease_lost';
    END IF;
    v_note := media.note_failure(p_job, v_job.company_id, v_job.account_id, v_job.host, v_job.media_id,
                                 p_scope, p_reason, p_error, p_asked);
    -- Not the fault of this media: the attempt does not count, and is not the last.
    IF v_note.probe_at IS NOT NULL AND coalesce(v_job.deadline > now(), TRUE) THEN
        PERFORM media.put_back(p_job, v_job.media_id, least(v_note.probe_at, v_job.deadline), v_error, FALSE);
        RETURN CASE WHEN v_note.is_new THEN 'suspended' ELSE 'held' END;
    END IF;
    IF p_is_final OR v_job.attempts >= v_job.max_attempts OR now() + p_delay > v_job.deadline THEN
        PERFORM media.end_download(p_job, v_job.media_id, p_reason, p_error);
        RETURN 'failed';
    END IF;
    PERFORM media.put_back(p_job, v_job.media_id, now() + p_delay, v_error, TRUE);
    RETURN 'pending';
END
$$;

COMMENT ON FUNCTION media.end_attempt(bigint, text, text, text, text, interval, interval, boolean) IS
'Ends an attempt that did not work: what fail_job() and retry_job() have in common. Internal to the queue.';

CREATE FUNCTION media.fail_job(p_job bigint, p_owner text, p_reason text, p_error text) RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN media.end_attempt(p_job, p_owner, 'media', p_reason, p_error, interval '0', interval '0', TRUE);
END
$$;

COMMENT ON FUNCTION media.fail_job(bigint, text, text, text) IS
'Gives a download up for good. p_reason is a reason code (expired, gone, too_large, ...); last_error '
'becomes "reason: error", cut at 1000 characters. Returns failed; held when it was an outage (reason network) of '
'an account that is suspended: the job stays; suspended when it is so from now on; or lease_lost.';
GRANT EXECUTE ON FUNCTION media.fail_job(bigint, text, text, text) TO media_indexer;

CREATE FUNCTION media.retry_job(
    p_job      bigint,
    p_owner    text,
    p_reason   text,
    p_error    text,
    p_delay_ms bigint,
    p_scope    text DEFAULT 'media',
    p_asked_ms bigint DEFAULT 0
) RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    c_year CONSTANT bigint := 31536000000;
    v_delay interval := least(greatest(p_delay_ms, 0), c_year) * interval '1 millisecond';
    v_asked interval := least(greatest(p_asked_ms, 0), c_year) * interval '1 millisecond';
BEGIN
    RETURN media.end_attempt(p_job, p_owner, p_scope, p_reason, p_error, v_delay, v_asked, FALSE);
END
$$;

COMMENT ON FUNCTION media.retry_job(bigint, text, text, text, bigint, text, bigint) IS
'Puts a failed attempt back in the queue, due in p_delay_ms (at most a year). p_scope says what would fail as well '
'now: this media, all from its host, or all of its account; the latter two suspend it. A suspension lasts for '
'p_asked_ms at least, which is what the provider asked for. '
'Returns pending; failed when the attempts are used up or the next one would come after the media''s deadline; '
'held when its account or host is suspended, so that the attempt does not count; suspended when it is so from '
'now on; or lease_lost. last_error as of fail_job().';
GRANT EXECUTE ON FUNCTION media.retry_job(bigint, text, text, text, bigint, text, bigint) TO media_indexer;

COMMIT;
