-- Deploy ngx_media:media_stats to pg
-- requires: media_analytics
-- requires: downloads
-- requires: dead_letters

BEGIN;

SET LOCAL ROLE media_owner;

CREATE FUNCTION media.get_media_storage_stats(p_company uuid)
RETURNS TABLE (
    bucket            text,
    file_type         text,
    files             bigint,
    bytes             bigint,
    blobs             bigint,
    stored_bytes      bigint,
    saved_bytes       bigint,
    pending           bigint,
    downloading       bigint,
    failed            bigint,
    deleted           bigint,
    oldest_pending_at timestamptz
)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, media, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH items AS MATERIALIZED (
        SELECT m.file_type,
               count(*) FILTER (WHERE m.is_active AND m.download_status = 'completed') AS files,
               coalesce(sum(m.file_size) FILTER (WHERE m.is_active AND m.download_status = 'completed'), 0) AS bytes,
               count(*) FILTER (WHERE m.is_active AND m.download_status = 'pending') AS pending,
               count(*) FILTER (WHERE m.is_active AND m.download_status = 'downloading') AS downloading,
               count(*) FILTER (WHERE m.is_active AND m.download_status = 'failed') AS failed,
               count(*) FILTER (WHERE NOT m.is_active) AS deleted,
               min(m.created_at) FILTER (WHERE m.is_active AND m.download_status = 'pending') AS oldest_pending_at
        FROM media.media_files AS m
        WHERE m.company_id = p_company
        GROUP BY m.file_type
    ),
    referred AS MATERIALIZED (
        SELECT DISTINCT m.blob_id
        FROM media.media_files AS m
        WHERE m.company_id = p_company AND m.is_active AND m.download_status = 'completed'
    ),
    contents AS MATERIALIZED (
        SELECT b.bucket,
               count(*) AS blobs,
               sum(b.size) AS stored_bytes,
               coalesce(sum(b.size) FILTER (WHERE r.blob_id IS NOT NULL), 0) AS referred_bytes
        FROM media.blobs AS b
        LEFT JOIN referred AS r ON r.blob_id = b.id
        WHERE b.company_id = p_company AND b.state = 'live'
        GROUP BY b.bucket
    )
    SELECT k.bucket,
           k.file_type,
           coalesce(i.files, 0),
           coalesce(i.bytes, 0)::bigint,
           coalesce(c.blobs, 0),
           coalesce(c.stored_bytes, 0)::bigint,
           (coalesce(i.bytes, 0) - coalesce(c.referred_bytes, 0))::bigint,
           coalesce(i.pending, 0),
           coalesce(i.downloading, 0),
           coalesce(i.failed, 0),
           coalesce(i.deleted, 0),
           i.oldest_pending_at
    FROM (
        SELECT media.bucket_of(t.file_type) AS bucket, t.file_type
        FROM unnest(ARRAY['image', 'audio', 'video', 'document']) AS t (file_type)
    ) AS k
    LEFT JOIN items AS i ON i.file_type = k.file_type
    LEFT JOIN contents AS c ON c.bucket = k.bucket
    ORDER BY k.bucket;
END
$$;

COMMENT ON FUNCTION media.get_media_storage_stats(uuid) IS
'What a company has, a row for each bucket: completed media and their bytes, distinct contents and what '
'they take up (those of deleted media in their grace period, too), bytes that deduplication saves, and '
'how many media wait, are being downloaded, failed, are deleted. Under the reader''s row-level security.';
GRANT EXECUTE ON FUNCTION media.get_media_storage_stats(uuid), media.bucket_of(text) TO media_indexer;

CREATE FUNCTION media.list_companies()
RETURNS TABLE (
    company_id uuid,
    name       text
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT c.id, c.name FROM media.companies AS c ORDER BY c.name;
END
$$;

COMMENT ON FUNCTION media.list_companies() IS 'All companies, by name.';
GRANT EXECUTE ON FUNCTION media.list_companies() TO media_indexer;

CREATE FUNCTION media.queue_media_processing(p_media uuid, p_kind text DEFAULT 'download', p_priority int DEFAULT 5)
RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_media media.media_files;
    v_job bigint;
BEGIN
    SELECT m.* INTO v_media
    FROM media.media_files AS m
    WHERE m.id = p_media AND m.is_active
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no media %, or it is deleted', p_media USING ERRCODE = 'foreign_key_violation';
    END IF;
    SELECT j.id INTO v_job FROM media.jobs AS j WHERE j.media_id = p_media AND j.kind = p_kind;
    IF FOUND THEN
        RETURN v_job;
    END IF;
    IF p_kind = 'download' THEN
        IF v_media.download_status = 'quarantined' OR (
            v_media.download_status = 'completed'
            AND EXISTS (SELECT FROM media.blobs AS b WHERE b.id = v_media.blob_id AND b.state = 'live')
        ) THEN
            RETURN NULL;
        END IF;
        UPDATE media.media_files AS m
        SET download_status = 'pending', download_attempts = 0
        WHERE m.id = p_media;
    END IF;
    RETURN media.queue_job(p_kind, v_media, p_priority);
END
$$;

COMMENT ON FUNCTION media.queue_media_processing(uuid, text, int) IS
'Queues work of a kind (download) on a media item and returns the job''s id; the same one while it is '
'queued. Media that failed become pending, with all attempts. NULL: a download that is completed '
'already, or whose bytes are quarantined. '
'p_priority: 0 is taken first, 9 last. Errors: 23503 no such media, or deleted; 23514 no such kind or '
'priority.';
GRANT EXECUTE ON FUNCTION media.queue_media_processing(uuid, text, int) TO media_indexer;

COMMIT;
