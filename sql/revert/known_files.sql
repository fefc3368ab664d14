-- Revert ngx_media:known_files from pg

BEGIN;

DROP VIEW media.known_files;

COMMIT;
