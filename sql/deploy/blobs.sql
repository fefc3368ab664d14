-- Deploy ngx_media:blobs to pg
-- requires: tenants

BEGIN;

SET LOCAL ROLE media_owner;

CREATE TABLE media.buckets (
    name               text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_-]{0,62}$'),
    visibility         media.visibility NOT NULL DEFAULT 'private',
    allowed_mime_types text[],
    max_bytes          bigint NOT NULL DEFAULT 104857600 CHECK (max_bytes > 0),
    key_template       varchar(512) NOT NULL DEFAULT '{company}/{account}/{yyyy}/{mm}/{message}-{index}.{ext}'
                       CHECK (key_template <> ''),
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE media.buckets IS
'What may be stored, and under which keys: one bucket a file type. Which store takes it is a setting of the '
'daemon. allowed_mime_types NULL means any.';

-- Any document is kept: what of them could harm is quarantined.
INSERT INTO media.buckets (name, allowed_mime_types)
VALUES ('images', '{image/jpeg, image/png, image/gif, image/webp, image/heic, image/heif, image/avif, image/bmp, image/tiff}'),
       ('audio', '{audio/mpeg, audio/mp4, audio/aac, audio/ogg, audio/opus, audio/amr, audio/amr-wb, audio/wav, audio/flac, '
                 'audio/3gpp, audio/webm}'),
       ('videos', '{video/mp4, video/3gpp, video/3gpp2, video/quicktime, video/webm, video/ogg, video/x-msvideo, '
                  'video/x-matroska}'),
       ('documents', NULL);

CREATE TABLE media.size_limits (
    provider  text NOT NULL CHECK (provider <> ''),
    bucket    text NOT NULL REFERENCES media.buckets ON DELETE CASCADE,
    mime_type text NOT NULL DEFAULT '*' CHECK (mime_type <> ''),
    max_bytes bigint NOT NULL CHECK (max_bytes > 0),
    PRIMARY KEY (provider, bucket, mime_type)
);
COMMENT ON TABLE media.size_limits IS
'How large media of a provider may be, within its bucket''s max_bytes. The most special row holds: of the '
'provider and the declared MIME type, of the provider, of all ("*"). Operators change rows.';

-- WhatsApp's only WebP images are stickers, the animated ones of up to 500 KB.
INSERT INTO media.size_limits (provider, bucket, mime_type, max_bytes)
VALUES ('*', 'images', '*', 52428800),
       ('*', 'audio', '*', 52428800),
       ('*', 'videos', '*', 52428800),
       ('*', 'documents', '*', 52428800),
       ('whatsapp', 'images', '*', 5242880),
       ('whatsapp', 'images', 'image/webp', 512000),
       ('whatsapp', 'audio', '*', 16777216),
       ('whatsapp', 'videos', '*', 16777216),
       ('whatsapp', 'documents', '*', 104857600);

CREATE FUNCTION media.size_limit(p_provider text, p_bucket text, p_declared_mime_type text) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN (
        SELECT l.max_bytes
        FROM media.size_limits AS l
        WHERE l.bucket = p_bucket
          AND l.provider IN (p_provider, '*')
          AND l.mime_type IN (lower(btrim(split_part(p_declared_mime_type, ';', 1))), '*')
        ORDER BY l.provider = '*', l.mime_type = '*'
        LIMIT 1
    );
END
$$;

COMMENT ON FUNCTION media.size_limit(text, text, text) IS
'The limit of size_limits for media of a provider that declares this MIME type; NULL: none but the '
'bucket''s own. Internal to claim_jobs().';

CREATE FUNCTION media.bucket_of(p_file_type text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE p_file_type
    WHEN 'image' THEN 'images'
    WHEN 'audio' THEN 'audio'
    WHEN 'video' THEN 'videos'
    WHEN 'document' THEN 'documents'
END;

COMMENT ON FUNCTION media.bucket_of(text) IS
'The bucket that media of a file type (image, audio, video, document) goes to; NULL for any other.';

CREATE TABLE media.blobs (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    company_id  uuid NOT NULL REFERENCES media.companies ON DELETE CASCADE,
    bucket      text NOT NULL REFERENCES media.buckets,
    store       varchar(63) NOT NULL DEFAULT 'local',
    storage_key media.storage_key NOT NULL,
    sha256      media.sha256 NOT NULL,
    size        media.byte_count NOT NULL CHECK (size > 0),
    mime_type   varchar(255) NOT NULL,
    state       media.blob_state NOT NULL DEFAULT 'live',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (company_id, bucket, sha256),
    UNIQUE (storage_key, store),
    UNIQUE (company_id, id)
);
COMMENT ON TABLE media.blobs IS
'One row for each distinct content of a company and bucket. store names a store of the daemon''s '
'configuration, storage_key the object in it.';

CREATE FUNCTION media.refuse_blob_delete() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF current_setting('media.blob_delete', TRUE) = 'on' THEN
        RETURN OLD;
    END IF;
    -- The cascade of a deleted company comes here when the company is gone already.
    IF NOT EXISTS (SELECT FROM media.companies WHERE id = OLD.company_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'blobs are not deleted directly: blob % may have bytes and references', OLD.id
        USING ERRCODE = 'restrict_violation';
END
$$;

COMMENT ON FUNCTION media.refuse_blob_delete() IS
'Trigger (BEFORE DELETE, row): error 23001 unless the company is being deleted or a function set '
'media.blob_delete to on for its transaction.';

CREATE FUNCTION media.refuse_truncate() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '%.% is never truncated', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

COMMENT ON FUNCTION media.refuse_truncate() IS 'Trigger (BEFORE TRUNCATE, statement): error 23001, always.';

CREATE TRIGGER refuse_delete BEFORE DELETE ON media.blobs
FOR EACH ROW EXECUTE FUNCTION media.refuse_blob_delete();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON media.blobs
FOR EACH STATEMENT EXECUTE FUNCTION media.refuse_truncate();
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON media.blobs
FOR EACH ROW EXECUTE FUNCTION media.touch_updated_at();
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON media.buckets
FOR EACH ROW EXECUTE FUNCTION media.touch_updated_at();

COMMIT;
