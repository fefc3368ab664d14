-- Deploy ngx_media:multipart_uploads to pg
-- requires: schema

BEGIN;

SET LOCAL ROLE media_owner;

CREATE TABLE media.multipart_uploads (
    store       varchar(63) NOT NULL,
    upload_id   varchar(1024) NOT NULL,
    storage_key media.storage_key NOT NULL,
    sha256      media.sha256 NOT NULL,
    size        media.byte_count NOT NULL CHECK (size > 0),
    part_bytes  media.byte_count NOT NULL CHECK (part_bytes > 0),
    touched_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (store, upload_id)
);
CREATE INDEX multipart_uploads_storage_key_idx ON media.multipart_uploads (storage_key, store);
CREATE INDEX multipart_uploads_touched_at_idx ON media.multipart_uploads (touched_at);
COMMENT ON TABLE media.multipart_uploads IS
'Uploads in parts that are under way in an object store, from before their first part on: after a crash they '
'are resumed, or given up, as their parts cost space that nobody sees.';
COMMENT ON COLUMN media.multipart_uploads.sha256 IS 'Of the whole file: only the same bytes resume it.';

-- Nobody reads them but through functions.
ALTER TABLE media.multipart_uploads ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION media.begin_multipart_upload(
    p_store       text,
    p_upload_id   text,
    p_storage_key text,
    p_sha256      bytea,
    p_size        bigint,
    p_part_bytes  bigint
) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    INSERT INTO media.multipart_uploads (store, upload_id, storage_key, sha256, size, part_bytes)
    VALUES (p_store, p_upload_id, p_storage_key, p_sha256, p_size, p_part_bytes)
    ON CONFLICT ON CONSTRAINT multipart_uploads_pkey DO UPDATE
    SET touched_at = now();
END
$$;

COMMENT ON FUNCTION media.begin_multipart_upload(text, text, text, bytea, bigint, bigint) IS
'Notes an upload before its first part is sent.';
GRANT EXECUTE ON FUNCTION media.begin_multipart_upload(text, text, text, bytea, bigint, bigint) TO media_indexer;

CREATE FUNCTION media.resume_multipart_upload(p_store text, p_storage_key text, p_sha256 bytea, p_size bigint)
RETURNS TABLE (
    upload_id  text,
    part_bytes bigint
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    UPDATE media.multipart_uploads AS u
    SET touched_at = now()
    WHERE (u.store, u.upload_id) = (
        SELECT o.store, o.upload_id
        FROM media.multipart_uploads AS o
        WHERE o.store = p_store AND o.storage_key = p_storage_key AND o.sha256 = p_sha256 AND o.size = p_size
        ORDER BY o.touched_at DESC
        LIMIT 1
    )
    RETURNING u.upload_id::text, u.part_bytes::bigint;
END
$$;

COMMENT ON FUNCTION media.resume_multipart_upload(text, text, bytea, bigint) IS
'The youngest upload of these bytes under this key that did not come to an end; no row: there is none.';
GRANT EXECUTE ON FUNCTION media.resume_multipart_upload(text, text, bytea, bigint) TO media_indexer;

CREATE FUNCTION media.end_multipart_upload(p_store text, p_upload_id text) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    DELETE FROM media.multipart_uploads AS u WHERE u.store = p_store AND u.upload_id = p_upload_id;
END
$$;

COMMENT ON FUNCTION media.end_multipart_upload(text, text) IS
'Forgets an upload that was completed or given up.';
GRANT EXECUTE ON FUNCTION media.end_multipart_upload(text, text) TO media_indexer;

CREATE FUNCTION media.stale_multipart_uploads(p_age_seconds int, p_limit int)
RETURNS TABLE (
    store       text,
    upload_id   text,
    storage_key text
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT u.store::text, u.upload_id::text, u.storage_key::text
    FROM media.multipart_uploads AS u
    WHERE u.touched_at < now() - make_interval(secs => p_age_seconds)
    ORDER BY u.touched_at
    LIMIT p_limit;
END
$$;

COMMENT ON FUNCTION media.stale_multipart_uploads(int, int) IS
'Uploads that nobody has gone on with for p_age_seconds, oldest first: to be given up.';
GRANT EXECUTE ON FUNCTION media.stale_multipart_uploads(int, int) TO media_indexer;

COMMIT;
