-- Deploy ngx_media:lookup_media_by_key to pg
-- requires: renditions
-- requires: media_files
-- requires: former_keys

BEGIN;

SET LOCAL ROLE media_owner;

-- PL/pgSQL for the kept plan, as lookup_media().
CREATE FUNCTION media.lookup_media_by_key(p_storage_key text)
RETURNS TABLE (
    company_id  uuid,
    status      text,
    visibility  text,
    store       text,
    storage_key text,
    mime_type   text,
    file_name   text,
    size        bigint,
    sha256      bytea,
    modified_at timestamptz,
    media_id    uuid
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
ROWS 1
AS $$
BEGIN
    RETURN QUERY
    WITH objects AS (
        SELECT 1 AS rank, b.id AS blob_id, b.store, b.storage_key, b.mime_type, b.size, b.sha256, b.created_at
        FROM media.blobs AS b
        WHERE b.storage_key = p_storage_key
          AND b.state = 'live'
        UNION ALL
        SELECT 2, b.id, r.store, r.storage_key, r.mime_type, r.size, r.sha256, r.created_at
        FROM media.renditions AS r
        JOIN media.blobs AS b ON b.id = r.blob_id AND b.state = 'live'
        WHERE r.storage_key = p_storage_key
        UNION ALL
        SELECT 3, b.id, b.store, b.storage_key, b.mime_type, b.size, b.sha256, b.created_at
        FROM media.former_keys AS k
        JOIN media.blobs AS b ON b.id = k.blob_id AND b.state = 'live'
        WHERE k.storage_key = p_storage_key
    )
    SELECT m.company_id,
           m.download_status::text,
           m.visibility::text,
           o.store::text,
           o.storage_key::text,
           CASE o.rank WHEN 2 THEN o.mime_type ELSE m.mime_type END::text,
           CASE WHEN o.rank <> 2 THEN m.file_name END::text,
           o.size::bigint,
           o.sha256::bytea,
           o.created_at,
           m.id
    FROM objects AS o
    CROSS JOIN LATERAL (
        SELECT f.*
        FROM media.media_files AS f
        WHERE f.blob_id = o.blob_id AND f.is_active
        ORDER BY f.created_at DESC, f.id DESC
        LIMIT 1
    ) AS m
    ORDER BY o.rank, o.store
    LIMIT 1;
END
$$;

COMMENT ON FUNCTION media.lookup_media_by_key(text) IS
'As lookup_media(), by the key of the stored object, with the id of the media: of several that share '
'the bytes, the newest. A derived file is found by its key, too, as lookup_rendition() shows it. Where '
'several stores have the key, originals come first, then the store whose name does. A key that the object '
'had before, or that stood for the same bytes, is the last that is tried.';
GRANT EXECUTE ON FUNCTION media.lookup_media_by_key(text) TO media_nginx, media_indexer;

COMMIT;
