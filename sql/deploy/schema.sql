-- Deploy ngx_media:schema to pg
-- requires: roles

BEGIN;

CREATE SCHEMA media AUTHORIZATION media_owner;
COMMENT ON SCHEMA media IS 'ngx_media: tenants, messages, media files, the download queue';

-- Functions are closed until granted.
ALTER DEFAULT PRIVILEGES FOR ROLE media_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

GRANT USAGE ON SCHEMA media TO media_indexer, media_nginx;
DO $$
BEGIN
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO media_indexer, media_nginx', current_database());
END
$$;

SET LOCAL ROLE media_owner;

-- Vocabularies are domains and lengths are varchar: PostgreSQL checks those only
-- for the columns that a statement sets, but every CHECK of a table on every UPDATE.

CREATE DOMAIN media.visibility AS text CHECK (VALUE IN ('private', 'public'));
COMMENT ON DOMAIN media.visibility IS 'Who may see media: members of the company, or anybody.';

CREATE DOMAIN media.file_type AS text CHECK (VALUE IN ('image', 'video', 'audio', 'document'));
COMMENT ON DOMAIN media.file_type IS 'The kind of message that media came in.';

CREATE DOMAIN media.download_status AS text CHECK (
    VALUE IN ('pending', 'downloading', 'completed', 'failed', 'quarantined')
);
COMMENT ON DOMAIN media.download_status IS
'How far a media file is; only completed ones have bytes to show. Those of quarantined ones are suspicious: '
'media.quarantine.';

CREATE DOMAIN media.blob_state AS text CHECK (VALUE IN ('live', 'deleting', 'gone'));
COMMENT ON DOMAIN media.blob_state IS
'Whether the bytes are there, are being given up, or are not there any more.';

CREATE DOMAIN media.job_kind AS text CHECK (VALUE IN ('download'));
COMMENT ON DOMAIN media.job_kind IS 'What there is to do.';

CREATE DOMAIN media.sha256 AS bytea CHECK (octet_length(VALUE) = 32);
COMMENT ON DOMAIN media.sha256 IS 'A SHA-256 hash.';

CREATE DOMAIN media.external_key AS varchar(512) CHECK (VALUE <> '');
COMMENT ON DOMAIN media.external_key IS
'Somebody else''s name for something; longer ones go through media.fit_key().';

CREATE DOMAIN media.storage_key AS varchar(1024) CHECK (VALUE <> '');
COMMENT ON DOMAIN media.storage_key IS 'The name of an object in a store.';

CREATE DOMAIN media.counter AS int CHECK (VALUE >= 0);
COMMENT ON DOMAIN media.counter IS 'A number or position, counted from 0.';

CREATE DOMAIN media.byte_count AS bigint CHECK (VALUE >= 0);
COMMENT ON DOMAIN media.byte_count IS 'A size in bytes.';

CREATE FUNCTION media.current_company() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('media.company_id', TRUE), '')::uuid;

COMMENT ON FUNCTION media.current_company() IS
'The tenant that row-level security shows, from the setting media.company_id. NULL (no rows) when unset '
'or empty. Error 22P02 when it is not a uuid.';
GRANT EXECUTE ON FUNCTION media.current_company() TO media_indexer;

CREATE FUNCTION media.notifies_later() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(current_setting('media.notify_later', TRUE), '') = 'on';

COMMENT ON FUNCTION media.notifies_later() IS
'Whether this session (SET media.notify_later = on) itself sends the notifications of new jobs and of '
'downloads'' progress, after COMMIT. A transaction with a NOTIFY holds a lock of the whole cluster until its '
'COMMIT is on disk: such commits wait for each other, one disk write each, whatever the number of connections.';

CREATE FUNCTION media.commit_durably() RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'local', TRUE);
    END IF;
END
$$;

COMMENT ON FUNCTION media.commit_durably() IS
'Makes this transaction''s COMMIT wait for the disk even where synchronous_commit is off.';

CREATE FUNCTION media.touch_updated_at() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

COMMENT ON FUNCTION media.touch_updated_at() IS
'Trigger (BEFORE UPDATE, row): sets updated_at to the transaction''s time.';

-- PL/pgSQL where an SQL function would not be inlined: it would be planned on every call.
CREATE FUNCTION media.fit_key(p_key text, p_limit int) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF char_length(p_key) <= p_limit THEN
        RETURN p_key;
    END IF;
    RETURN left(p_key, p_limit - 65) || '~' || encode(sha256(convert_to(p_key, 'UTF8')), 'hex');
END
$$;

COMMENT ON FUNCTION media.fit_key(text, int) IS
'An identifier of at most p_limit characters: over-long ones keep their head and end in their SHA-256, '
'so that different ones stay different. p_limit must exceed 65.';

CREATE FUNCTION media.from_unix(p_seconds numeric) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF p_seconds BETWEEN 0 AND 253402300799 THEN
        RETURN to_timestamp(p_seconds::double precision);
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.from_unix(numeric) IS
'The time of UTC seconds since 1970. NULL for NULL and for anything outside of the years 1970 to 9999.';

-- STABLE, as extract() is: an IMMUTABLE one would not be inlined.
CREATE FUNCTION media.to_unix(p_time timestamptz) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN floor(extract(EPOCH FROM p_time))::bigint;

COMMENT ON FUNCTION media.to_unix(timestamptz) IS
'Whole UTC seconds since 1970 of a time; NULL for NULL.';

COMMIT;
