-- Verify ngx_media:quarantine on pg

BEGIN;

SELECT media_id, company_id, sha256, size, mime_type, reason, created_at FROM media.quarantine WHERE FALSE;
SELECT 1 / has_function_privilege('media_indexer', 'media.quarantine_download'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.list_quarantine'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.quarantined_media'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.release_quarantined'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.delete_quarantined'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.expire_quarantine'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.unknown_to_quarantine'::regproc, 'EXECUTE')::int;
SELECT 1 / (media.quarantine_download(-1, 'verify', NULL, NULL, NULL, NULL, NULL) = 'lease_lost')::int;

ROLLBACK;
