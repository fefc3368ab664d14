-- Verify ngx_media:claim_jobs on pg

BEGIN;

SELECT 1 / has_function_privilege('media_indexer', 'media.claim_jobs'::regproc, 'EXECUTE')::int;
SELECT 1 / (NOT has_function_privilege('media_indexer', 'media.end_download'::regproc, 'EXECUTE'))::int;
SELECT job_id, kind, attempts, max_attempts, media_id, company_id, account_id, host, provider,
       account_external_id, message_external_id, sender, sent_at, item_index, event_kind, provider_media_id, url, url_expires_at,
       file_name, file_type, declared_mime_type, expected_size, expected_sha256, deadline,
       bucket, max_bytes, allowed_mime_types, key_template
FROM media.claim_jobs('verify', 0, 1)
WHERE FALSE;

ROLLBACK;
