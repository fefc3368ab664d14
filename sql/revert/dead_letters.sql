-- Revert ngx_media:dead_letters from pg

BEGIN;

DROP FUNCTION media.retry_download(uuid, boolean);
DROP FUNCTION media.retry_failed_downloads(uuid, text, text, int, interval, int, boolean, timestamptz);
DROP FUNCTION media.queue_downloads(uuid[]);
DROP FUNCTION media.queue_job(text, media.media_files, int);
DROP FUNCTION media.bury_download(uuid, text);
DROP TABLE media.dead_letters;

COMMIT;
