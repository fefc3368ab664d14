-- Revert ngx_media:media_files from pg

BEGIN;

DROP TABLE media.media_files;

COMMIT;
