-- Deploy ngx_media:lookup_rendition to pg
-- requires: renditions
-- requires: lookup_media

BEGIN;

SET LOCAL ROLE media_owner;

-- PL/pgSQL for the kept plan, as lookup_media().
CREATE FUNCTION media.lookup_rendition(p_id uuid, p_kind text)
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
    modified_at timestamptz
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
ROWS 1
AS $$
BEGIN
    RETURN QUERY
    SELECT m.company_id,
           m.download_status::text,
           m.visibility::text,
           r.store::text,
           r.storage_key::text,
           r.mime_type::text,
           NULL::text,
           r.size::bigint,
           r.sha256::bytea,
           r.created_at
    FROM media.media_files AS m
    JOIN media.blobs AS b ON b.id = m.blob_id
    JOIN media.renditions AS r ON r.blob_id = b.id AND r.kind = p_kind
    WHERE m.id = p_id
      AND m.is_active
      AND b.state = 'live';
END
$$;

COMMENT ON FUNCTION media.lookup_rendition(uuid, text) IS
'As lookup_media(), of the file of a kind that was derived from the media. No row: there is none (yet), '
'or lookup_media() has none either. file_name is NULL: the name of the original ends in another type.';
GRANT EXECUTE ON FUNCTION media.lookup_rendition(uuid, text) TO media_nginx, media_indexer;

CREATE FUNCTION media.notify_rendition_changed() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('media_changed', m.id::text)
    FROM media.media_files AS m
    WHERE m.blob_id IN (OLD.blob_id, NEW.blob_id);
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.notify_rendition_changed() IS
'Trigger (AFTER INSERT OR UPDATE OR DELETE, row, on renditions): NOTIFY media_changed with the id of '
'every media file of the blob.';

CREATE TRIGGER notify_changed AFTER INSERT OR UPDATE OR DELETE ON media.renditions
FOR EACH ROW EXECUTE FUNCTION media.notify_rendition_changed();

COMMIT;
