-- Verify ngx_media:media_files on pg

BEGIN;

SELECT id, company_id, account_id, conversation_id, message_id, event_kind, item_index,
       provider_media_id, provider_media_url, url_expires_at, deadline,
       file_name, file_type, declared_mime_type, mime_type, provider_size, provider_sha256, file_size,
       blob_id, visibility, width, height, duration_seconds, waveform,
       download_status, download_attempts, last_error, uploaded_by, is_active, created_at, updated_at
FROM media.media_files
WHERE FALSE;

ROLLBACK;
