-- Verify ngx_media:media_items on pg

BEGIN;

SELECT id, company_id, account_id, provider, conversation_id, conversation_external_id,
       message_id, message_external_id, item_index, file_name, file_type, mime_type, declared_mime_type,
       file_size, sha256, file_key, provider_media_id, download_status, download_attempts, last_error,
       url_expires_at, retry_at, created_at, updated_at
FROM media.media_items
WHERE FALSE;
SELECT 1 / count(*) FROM pg_catalog.pg_class
WHERE oid = 'media.media_items'::regclass AND 'security_invoker=true' = ANY (reloptions);
SELECT 1 / has_table_privilege('media_indexer', 'media.media_items', 'SELECT')::int;
SELECT 1 / (NOT has_table_privilege('media_nginx', 'media.media_items', 'SELECT'))::int;

ROLLBACK;
