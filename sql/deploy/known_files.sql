-- Deploy ngx_media:known_files to pg
-- requires: doomed_files

BEGIN;

SET LOCAL ROLE media_owner;

CREATE VIEW media.known_files AS
SELECT b.store,
       b.storage_key,
       'blob'::text AS kind,
       b.id AS blob_id,
       NULL::varchar(64) AS rendition,
       b.size,
       b.sha256,
       b.updated_at AS changed_at
FROM media.blobs AS b
WHERE b.state = 'live'
UNION ALL
SELECT r.store,
       r.storage_key,
       'rendition'::text,
       r.blob_id,
       r.kind,
       r.size,
       r.sha256,
       r.created_at
FROM media.renditions AS r
UNION ALL
SELECT d.store,
       d.storage_key,
       'doomed'::text,
       NULL::uuid,
       NULL::varchar(64),
       NULL::media.byte_count,
       NULL::media.sha256,
       d.doomed_at
FROM media.doomed_files AS d
WHERE d.removed_at IS NULL;

COMMENT ON VIEW media.known_files IS
'Every file that may lie in a store: bytes of blobs and renditions, and what is doomed and not removed yet. A '
'file of a store that is not here is nobody''s. For functions only.';

COMMIT;
