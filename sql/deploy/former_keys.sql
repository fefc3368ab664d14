-- Deploy ngx_media:former_keys to pg
-- requires: blobs

BEGIN;

SET LOCAL ROLE media_owner;

CREATE TABLE media.former_keys (
    storage_key media.storage_key NOT NULL,
    blob_id     uuid NOT NULL REFERENCES media.blobs ON DELETE CASCADE,
    PRIMARY KEY (storage_key, blob_id)
);
CREATE INDEX former_keys_blob_id_idx ON media.former_keys (blob_id);
COMMENT ON TABLE media.former_keys IS
'Keys by which URLs still ask for a blob whose file has another one: that of before a move, or that of one of '
'several adopted files with the same bytes.';
ALTER TABLE media.former_keys ENABLE ROW LEVEL SECURITY;

COMMIT;
