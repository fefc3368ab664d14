-- Revert ngx_media:blobs from pg

BEGIN;

DROP TABLE media.blobs;
DROP FUNCTION media.refuse_truncate();
DROP FUNCTION media.refuse_blob_delete();
DROP FUNCTION media.size_limit(text, text, text);
DROP TABLE media.size_limits;
DROP FUNCTION media.bucket_of(text);
DROP TABLE media.buckets;

COMMIT;
