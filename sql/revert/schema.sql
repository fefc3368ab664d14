-- Revert ngx_media:schema from pg

BEGIN;

DROP FUNCTION media.to_unix(timestamptz);
DROP FUNCTION media.from_unix(numeric);
DROP FUNCTION media.fit_key(text, int);
DROP FUNCTION media.touch_updated_at();
DROP FUNCTION media.commit_durably();
DROP FUNCTION media.notifies_later();
DROP FUNCTION media.current_company();
DROP DOMAIN media.byte_count;
DROP DOMAIN media.counter;
DROP DOMAIN media.storage_key;
DROP DOMAIN media.external_key;
DROP DOMAIN media.sha256;
DROP DOMAIN media.job_kind;
DROP DOMAIN media.blob_state;
DROP DOMAIN media.download_status;
DROP DOMAIN media.file_type;
DROP DOMAIN media.visibility;
DROP SCHEMA media;

ALTER DEFAULT PRIVILEGES FOR ROLE media_owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
DO $$
BEGIN
    EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM media_indexer, media_nginx', current_database());
END
$$;

COMMIT;
