-- Revert ngx_media:media_items from pg

BEGIN;

DROP VIEW media.media_items;

COMMIT;
