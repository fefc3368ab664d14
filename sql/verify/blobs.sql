-- Verify ngx_media:blobs on pg

BEGIN;

SELECT name, visibility, allowed_mime_types, max_bytes, key_template, created_at, updated_at
FROM media.buckets
WHERE FALSE;
SELECT id, company_id, bucket, store, storage_key, sha256, size, mime_type, state, created_at, updated_at
FROM media.blobs
WHERE FALSE;
SELECT 1 / (count(*) = 4)::int
FROM unnest(ARRAY['image', 'audio', 'video', 'document']) AS file_type
JOIN media.buckets AS b ON b.name = media.bucket_of(file_type);
SELECT 1 / count(*) FROM pg_catalog.pg_trigger
WHERE tgrelid = 'media.blobs'::regclass AND tgname = 'refuse_delete' AND tgenabled = 'O';
SELECT provider, bucket, mime_type, max_bytes FROM media.size_limits WHERE FALSE;

ROLLBACK;
