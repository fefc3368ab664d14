-- Deploy ngx_media:quarantine to pg
-- requires: downloads
-- requires: row_security

BEGIN;

SET LOCAL ROLE media_owner;

CREATE TABLE media.quarantine (
    media_id   uuid PRIMARY KEY,
    company_id uuid NOT NULL,
    sha256     media.sha256 NOT NULL,
    size       media.byte_count NOT NULL CHECK (size > 0),
    mime_type  varchar(255) NOT NULL,
    reason     varchar(64) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (company_id, media_id) REFERENCES media.media_files (company_id, id) ON DELETE CASCADE
);
CREATE INDEX quarantine_created_at_idx ON media.quarantine (created_at);

COMMENT ON TABLE media.quarantine IS
'Suspicious bytes, which the daemon keeps on its own disk under the media id. A row goes when an '
'operator releases or deletes them, or when they have been there for too long; files without a row are '
'swept.';
COMMENT ON COLUMN media.quarantine.mime_type IS 'What the bytes are, and are served as once released.';

ALTER TABLE media.quarantine ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_company ON media.quarantine FOR SELECT TO media_indexer
USING (company_id = media.current_company());
GRANT SELECT ON media.quarantine TO media_indexer;

CREATE FUNCTION media.quarantine_download(
    p_job       bigint,
    p_owner     text,
    p_sha256    bytea,
    p_size      bigint,
    p_mime_type text,
    p_reason    text,
    p_error     text
) RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_job record := media.lock_download(p_job, p_owner);
BEGIN
    PERFORM media.commit_durably();
    IF v_job.media_id IS NULL THEN
        RETURN 'lease_lost';
    END IF;
    INSERT INTO media.quarantine (media_id, company_id, sha256, size, mime_type, reason)
    VALUES (v_job.media_id, v_job.company_id, p_sha256, p_size, p_mime_type, p_reason)
    ON CONFLICT ON CONSTRAINT quarantine_pkey DO UPDATE
    SET sha256 = excluded.sha256,
        size = excluded.size,
        mime_type = excluded.mime_type,
        reason = excluded.reason,
        created_at = excluded.created_at;
    UPDATE media.media_files AS m
    SET download_status = 'quarantined',
        last_error = left(p_reason || ': ' || coalesce(p_error, ''), 1000)
    WHERE m.id = v_job.media_id;
    DELETE FROM media.jobs AS j WHERE j.id = p_job;
    RETURN 'quarantined';
END
$$;

COMMENT ON FUNCTION media.quarantine_download(bigint, text, bytea, bigint, text, text, text) IS
'Ends a download whose bytes are durable in the daemon''s quarantine, under the media id. p_reason is a '
'reason code (malware, executable, active_content, ...); last_error as of fail_job(). Returns quarantined '
'or lease_lost. Durable once committed. Error 23514: bad hash or size.';
GRANT EXECUTE ON FUNCTION media.quarantine_download(bigint, text, bytea, bigint, text, text, text)
TO media_indexer;

CREATE FUNCTION media.list_quarantine(p_limit int)
RETURNS TABLE (
    media_id   uuid,
    company    text,
    provider   text,
    file_type  text,
    file_name  text,
    mime_type  text,
    size       bigint,
    sha256     text,
    error      text,
    created_at timestamptz
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT q.media_id,
           c.name,
           a.provider::text,
           m.file_type::text,
           m.file_name::text,
           q.mime_type::text,
           q.size::bigint,
           encode(q.sha256, 'hex'),
           m.last_error::text,
           q.created_at
    FROM media.quarantine AS q
    JOIN media.media_files AS m ON m.id = q.media_id
    JOIN media.companies AS c ON c.id = q.company_id
    JOIN media.accounts AS a ON a.id = m.account_id
    ORDER BY q.created_at, q.media_id
    LIMIT p_limit;
END
$$;

COMMENT ON FUNCTION media.list_quarantine(int) IS
'What is in quarantine, of all companies, oldest first: for the operator.';
GRANT EXECUTE ON FUNCTION media.list_quarantine(int) TO media_indexer;

CREATE FUNCTION media.quarantined_media(p_media uuid)
RETURNS TABLE (
    media_id            uuid,
    company_id          uuid,
    account_id          uuid,
    account_external_id text,
    message_external_id text,
    sender              text,
    sent_at             bigint,
    item_index          int,
    event_kind          text,
    file_name           text,
    bucket              text,
    key_template        text,
    mime_type           text,
    sha256              bytea
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT m.id,
           m.company_id,
           m.account_id,
           a.external_id::text,
           g.external_id::text,
           g.sender::text,
           media.to_unix(g.sent_at),
           m.item_index::int,
           m.event_kind::text,
           m.file_name::text,
           b.name,
           b.key_template::text,
           q.mime_type::text,
           q.sha256::bytea
    FROM media.quarantine AS q
    JOIN media.media_files AS m ON m.id = q.media_id
    JOIN media.messages AS g ON g.id = m.message_id
    JOIN media.accounts AS a ON a.id = m.account_id
    JOIN media.buckets AS b ON b.name = media.bucket_of(m.file_type)
    WHERE q.media_id = p_media;
END
$$;

COMMENT ON FUNCTION media.quarantined_media(uuid) IS
'What the release of quarantined media needs: its content, and what its storage key is made of. No row: '
'it is not in quarantine.';
GRANT EXECUTE ON FUNCTION media.quarantined_media(uuid) TO media_indexer;

CREATE FUNCTION media.release_quarantined(p_media uuid, p_store text, p_storage_key text)
RETURNS TABLE (
    outcome     text,
    storage_key text
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_media record;
    v_kept record;
    v_blob record;
BEGIN
    PERFORM media.commit_durably();
    SELECT m.id, m.company_id, media.bucket_of(m.file_type) AS bucket INTO v_media
    FROM media.media_files AS m
    WHERE m.id = p_media
    FOR NO KEY UPDATE;
    SELECT q.* INTO v_kept FROM media.quarantine AS q WHERE q.media_id = p_media;
    IF NOT FOUND THEN
        PERFORM media.doom_file(p_store, p_storage_key, TRUE);
        RETURN QUERY SELECT 'not_found', NULL::text;
        RETURN;
    END IF;
    IF NOT media.keep_file(p_store, p_storage_key) THEN
        RETURN QUERY SELECT 'key_doomed', NULL::text;
        RETURN;
    END IF;

    DELETE FROM media.quarantine AS q WHERE q.media_id = p_media;
    v_blob := media.ensure_blob(v_media.company_id, v_media.bucket, v_kept.sha256, v_kept.size, v_kept.mime_type,
                                p_store, p_storage_key);
    IF (v_blob.store, v_blob.storage_key) <> (p_store, p_storage_key) THEN
        PERFORM media.doom_file(p_store, p_storage_key, TRUE);
    END IF;
    UPDATE media.media_files AS m
    SET blob_id = v_blob.blob_id,
        mime_type = v_kept.mime_type,
        file_size = v_kept.size,
        download_status = 'completed',
        last_error = NULL
    WHERE m.id = p_media;
    RETURN QUERY
    SELECT CASE WHEN v_blob.store = p_store AND v_blob.storage_key = p_storage_key THEN 'stored' ELSE 'duplicate' END,
           v_blob.storage_key;
END
$$;

COMMENT ON FUNCTION media.release_quarantined(uuid, text, text) IS
'Completes media whose quarantined bytes are published in this store under this key now. outcome: stored; duplicate (a '
'live blob has the content, under storage_key; ours is doomed); key_doomed (a file of this key is being removed: '
'publish under another key, call again); not_found (not in quarantine, nothing changed, ours is doomed unless it has '
'a reference). Errors: as of complete_download().';
GRANT EXECUTE ON FUNCTION media.release_quarantined(uuid, text, text) TO media_indexer;

CREATE FUNCTION media.delete_quarantined(p_media uuid) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    PERFORM FROM media.media_files AS m WHERE m.id = p_media FOR NO KEY UPDATE;
    DELETE FROM media.quarantine AS q WHERE q.media_id = p_media;
    IF NOT FOUND THEN
        RETURN FALSE;
    END IF;
    UPDATE media.media_files SET download_status = 'failed' WHERE id = p_media;
    RETURN TRUE;
END
$$;

COMMENT ON FUNCTION media.delete_quarantined(uuid) IS
'Gives quarantined bytes up: the media has failed, for the reason that brought it there. The caller removes '
'the file afterwards. False: not in quarantine.';
GRANT EXECUTE ON FUNCTION media.delete_quarantined(uuid) TO media_indexer;

CREATE FUNCTION media.expire_quarantine(p_max_age_seconds bigint, p_max_bytes bigint, p_limit int)
RETURNS SETOF uuid
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH kept AS MATERIALIZED (
        SELECT q.media_id,
               q.created_at,
               sum(greatest(q.size, 4096)) OVER (ORDER BY q.created_at DESC, q.media_id) AS bytes
        FROM media.quarantine AS q
    ),
    excess AS (
        SELECT m.id
        FROM kept AS k
        JOIN media.media_files AS m ON m.id = k.media_id
        WHERE k.created_at < now() - make_interval(secs => p_max_age_seconds)
           OR k.bytes > p_max_bytes
        ORDER BY k.created_at
        LIMIT p_limit
        FOR NO KEY UPDATE OF m SKIP LOCKED
    ),
    gone AS (
        DELETE FROM media.quarantine AS q
        USING excess AS e
        WHERE q.media_id = e.id
        RETURNING q.media_id
    )
    UPDATE media.media_files AS m
    SET download_status = 'failed'
    FROM gone AS g
    WHERE m.id = g.media_id
    RETURNING m.id;
END
$$;

COMMENT ON FUNCTION media.expire_quarantine(bigint, bigint, int) IS
'As delete_quarantined(), of what has been in quarantine for too long, and of the oldest while all together '
'are larger than p_max_bytes (a file counts 4096 bytes at least); at most p_limit at once. Returns their media ids.';
GRANT EXECUTE ON FUNCTION media.expire_quarantine(bigint, bigint, int) TO media_indexer;

CREATE FUNCTION media.unknown_to_quarantine(p_media text[]) RETURNS SETOF text
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT name
    FROM unnest(p_media) AS name
    WHERE NOT EXISTS (SELECT FROM media.quarantine AS q WHERE q.media_id = name::uuid);
END
$$;

COMMENT ON FUNCTION media.unknown_to_quarantine(text[]) IS
'Those of these media ids that are not in quarantine: their files can go. Error 22P02: one is no uuid.';
GRANT EXECUTE ON FUNCTION media.unknown_to_quarantine(text[]) TO media_indexer;

COMMIT;
