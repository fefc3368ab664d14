-- Deploy ngx_media:media_files to pg
-- requires: messages
-- requires: blobs

BEGIN;

SET LOCAL ROLE media_owner;

CREATE TABLE media.media_files (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    company_id         uuid NOT NULL,
    account_id         uuid NOT NULL,
    conversation_id    uuid NOT NULL,
    message_id         uuid NOT NULL,
    event_kind         varchar(64) NOT NULL DEFAULT 'message',
    item_index         media.counter NOT NULL,
    provider_media_id  varchar(1024),
    provider_media_url varchar(32768),
    url_expires_at     timestamptz,
    deadline           timestamptz,
    file_name          varchar(255),
    file_type          media.file_type NOT NULL,
    declared_mime_type varchar(255),
    mime_type          varchar(255),
    provider_size      media.byte_count,
    provider_sha256    media.sha256,
    file_size          media.byte_count,
    blob_id            uuid,
    visibility         media.visibility NOT NULL DEFAULT 'private',
    width              media.counter,
    height             media.counter,
    duration_seconds   double precision,
    waveform           varchar(1024),
    download_status    media.download_status NOT NULL DEFAULT 'pending',
    download_attempts  media.counter NOT NULL DEFAULT 0,
    last_error         varchar(1000),
    uploaded_by        uuid REFERENCES media.users ON DELETE SET NULL,
    is_active          boolean NOT NULL DEFAULT TRUE,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (company_id, message_id, event_kind, item_index),
    UNIQUE (company_id, id),
    FOREIGN KEY (company_id, conversation_id, account_id, message_id)
        REFERENCES media.messages (company_id, conversation_id, account_id, id) ON DELETE CASCADE,
    -- Deferred: the cascade of a deleted company reaches blobs before media_files.
    FOREIGN KEY (company_id, blob_id) REFERENCES media.blobs (company_id, id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT media_files_completed_has_bytes CHECK (blob_id IS NOT NULL OR download_status <> 'completed')
) WITH (fillfactor = 80);

CREATE INDEX media_files_blob_id_idx ON media.media_files (blob_id, created_at) WHERE blob_id IS NOT NULL;
CREATE INDEX media_files_uploaded_by_idx ON media.media_files (uploaded_by) WHERE uploaded_by IS NOT NULL;

COMMENT ON TABLE media.media_files IS
'One row for each media item of a message. declared_mime_type, provider_size and provider_sha256 are '
'the provider''s word; mime_type and file_size are what was stored.';
COMMENT ON COLUMN media.media_files.deadline IS 'After it the provider has lost the media for good.';
COMMENT ON COLUMN media.media_files.waveform IS
'Of a voice message, as the provider drew it: loudness over time, a byte each, in base64.';
COMMENT ON COLUMN media.media_files.url_expires_at IS 'After it provider_media_url must be resolved anew.';
COMMENT ON COLUMN media.media_files.last_error IS
'reason: text, of the last failed attempt; NULL once completed.';

CREATE TRIGGER touch_updated_at BEFORE UPDATE ON media.media_files
FOR EACH ROW EXECUTE FUNCTION media.touch_updated_at();

COMMIT;
