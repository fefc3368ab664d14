-- Revert ngx_media:lookup_rendition from pg

BEGIN;

DROP TRIGGER notify_changed ON media.renditions;
DROP FUNCTION media.notify_rendition_changed();
DROP FUNCTION media.lookup_rendition(uuid, text);

COMMIT;
