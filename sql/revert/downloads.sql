-- Revert ngx_media:downloads from pg

BEGIN;

DROP FUNCTION media.retry_job(bigint, text, text, text, bigint, text, bigint);
DROP FUNCTION media.fail_job(bigint, text, text, text);
DROP FUNCTION media.end_attempt(bigint, text, text, text, text, interval, interval, boolean);
DROP FUNCTION media.note_failure(bigint, uuid, uuid, text, uuid, text, text, text, interval);
DROP FUNCTION media.put_back(bigint, uuid, timestamptz, text, boolean);
DROP FUNCTION media.complete_download(bigint, text, bytea, bigint, text, text, text);
DROP FUNCTION media.ensure_blob(uuid, text, bytea, bigint, text, text, text);
DROP FUNCTION media.find_blob(uuid, text, bytea);
DROP FUNCTION media.remember_source(bigint, text, text, bigint, bigint, bytea);
DROP FUNCTION media.lock_download(bigint, text);

COMMIT;
