-- Revert ngx_media:renditions from pg

BEGIN;

DROP TABLE media.renditions;

COMMIT;
