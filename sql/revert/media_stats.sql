-- Revert ngx_media:media_stats from pg

BEGIN;

DROP FUNCTION media.queue_media_processing(uuid, text, int);
DROP FUNCTION media.list_companies();
REVOKE EXECUTE ON FUNCTION media.bucket_of(text) FROM media_indexer;
DROP FUNCTION media.get_media_storage_stats(uuid);

COMMIT;
