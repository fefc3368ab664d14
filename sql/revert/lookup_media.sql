-- Revert ngx_media:lookup_media from pg

BEGIN;

DROP TRIGGER notify_changed ON media.blobs;
DROP FUNCTION media.notify_blob_changed();
DROP TRIGGER notify_deleted ON media.media_files;
DROP TRIGGER notify_progress ON media.media_files;
DROP TRIGGER notify_changed ON media.media_files;
DROP FUNCTION media.notify_media_changed();
DROP FUNCTION media.lookup_media_many(uuid[]);
DROP FUNCTION media.lookup_media(uuid);

COMMIT;
