-- Deploy ngx_media:renditions to pg
-- requires: blobs

BEGIN;

SET LOCAL ROLE media_owner;

CREATE TABLE media.renditions (
    company_id  uuid NOT NULL,
    blob_id     uuid NOT NULL,
    kind        varchar(64) NOT NULL CHECK (kind ~ '^[a-z][a-z0-9_-]*$'),
    store       varchar(63) NOT NULL DEFAULT 'local',
    storage_key media.storage_key NOT NULL,
    width       media.counter,
    height      media.counter,
    size        media.byte_count NOT NULL CHECK (size > 0),
    mime_type   varchar(255) NOT NULL,
    sha256      media.sha256 NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (blob_id, kind),
    UNIQUE (storage_key, store),
    FOREIGN KEY (company_id, blob_id) REFERENCES media.blobs (company_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE media.renditions IS
'Files derived from a blob, one of each kind: thumbnail sizes, a poster, something playable.';

COMMIT;
