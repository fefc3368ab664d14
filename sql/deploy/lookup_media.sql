-- Deploy ngx_media:lookup_media to pg
-- requires: media_files

BEGIN;

SET LOCAL ROLE media_owner;

-- PL/pgSQL keeps the plan for the session; an SQL function that cannot be
-- inlined is planned again on every call. Setting search_path for each call
-- would take a seventh of its time, so every name is qualified instead, types
-- and operators included.
CREATE FUNCTION media.lookup_media(p_id uuid)
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
ROWS 1
AS $$
BEGIN
    RETURN QUERY
    SELECT m.company_id,
           CASE
               WHEN m.download_status OPERATOR(pg_catalog.=) 'quarantined' THEN 'failed'
               ELSE m.download_status::pg_catalog.text
           END,
           m.visibility::pg_catalog.text,
           b.store::pg_catalog.text,
           b.storage_key::pg_catalog.text,
           m.mime_type::pg_catalog.text,
           m.file_name::pg_catalog.text,
           m.file_size::pg_catalog.int8,
           b.sha256::pg_catalog.bytea,
           coalesce(b.created_at, m.updated_at)
    FROM media.media_files AS m
    LEFT JOIN media.blobs AS b ON b.id OPERATOR(pg_catalog.=) m.blob_id
    WHERE m.id OPERATOR(pg_catalog.=) p_id
      AND m.is_active
      AND (m.blob_id IS NULL OR b.state OPERATOR(pg_catalog.=) 'live');
END
$$;

COMMENT ON FUNCTION media.lookup_media(uuid) IS
'What nginx needs to serve a media id: whose it is, its status and visibility, and, once completed, '
'where the bytes are. No row: there is no such media, it is deleted, or its bytes are being given up. '
'modified_at is the time of the bytes; quarantined media count as failed. The caller compares company_id.';
GRANT EXECUTE ON FUNCTION media.lookup_media(uuid) TO media_nginx, media_indexer;

-- What a statement costs whatever it does is half of a lookup. Each id is looked up for itself: a join
-- would read the whole of a small table. The subquery hides how many ids there are, so that the plan is
-- not made anew for each number.
CREATE FUNCTION media.lookup_media_many(p_ids uuid[])
RETURNS TABLE (
    asked       bigint,
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
ROWS 10
AS $$
BEGIN
    RETURN QUERY
    SELECT a.asked, one.*
    FROM pg_catalog.unnest((SELECT p_ids)) WITH ORDINALITY AS a (id, asked)
    CROSS JOIN LATERAL (
        SELECT m.company_id,
               CASE
                   WHEN m.download_status OPERATOR(pg_catalog.=) 'quarantined' THEN 'failed'
                   ELSE m.download_status::pg_catalog.text
               END,
               m.visibility::pg_catalog.text,
               b.store::pg_catalog.text,
               b.storage_key::pg_catalog.text,
               m.mime_type::pg_catalog.text,
               m.file_name::pg_catalog.text,
               m.file_size::pg_catalog.int8,
               b.sha256::pg_catalog.bytea,
               coalesce(b.created_at, m.updated_at)
        FROM media.media_files AS m
        LEFT JOIN media.blobs AS b ON b.id OPERATOR(pg_catalog.=) m.blob_id
        WHERE m.id OPERATOR(pg_catalog.=) a.id
          AND m.is_active
          AND (m.blob_id IS NULL OR b.state OPERATOR(pg_catalog.=) 'live')
        LIMIT 1
    ) AS one;
END
$$;

COMMENT ON FUNCTION media.lookup_media_many(uuid[]) IS
'media.lookup_media() for each of these ids, in no order; asked is the place of the id, from 1.';
GRANT EXECUTE ON FUNCTION media.lookup_media_many(uuid[]) TO media_nginx;

CREATE FUNCTION media.notify_media_changed() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('media_changed', OLD.id::text);
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.notify_media_changed() IS
'Trigger (AFTER UPDATE OR DELETE, row, on media_files): NOTIFY media_changed with the id.';

-- A new row needs none: nobody has asked for its id yet.
CREATE TRIGGER notify_changed AFTER UPDATE ON media.media_files
FOR EACH ROW
WHEN (
    (OLD.visibility, OLD.is_active, OLD.file_name)
    IS DISTINCT FROM
    (NEW.visibility, NEW.is_active, NEW.file_name)
)
EXECUTE FUNCTION media.notify_media_changed();
CREATE TRIGGER notify_progress AFTER UPDATE ON media.media_files
FOR EACH ROW
WHEN (
    (OLD.download_status, OLD.blob_id, OLD.mime_type, OLD.file_size)
    IS DISTINCT FROM
    (NEW.download_status, NEW.blob_id, NEW.mime_type, NEW.file_size)
    AND NOT media.notifies_later()
)
EXECUTE FUNCTION media.notify_media_changed();
CREATE TRIGGER notify_deleted AFTER DELETE ON media.media_files
FOR EACH ROW EXECUTE FUNCTION media.notify_media_changed();

CREATE FUNCTION media.notify_blob_changed() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('media_changed', m.id::text)
    FROM media.media_files AS m
    WHERE m.blob_id = NEW.id;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.notify_blob_changed() IS
'Trigger (AFTER UPDATE, row, on blobs): NOTIFY media_changed with the id of every media file of the blob.';

CREATE TRIGGER notify_changed AFTER UPDATE ON media.blobs
FOR EACH ROW
WHEN ((OLD.store, OLD.storage_key, OLD.state) IS DISTINCT FROM (NEW.store, NEW.storage_key, NEW.state))
EXECUTE FUNCTION media.notify_blob_changed();

COMMIT;
