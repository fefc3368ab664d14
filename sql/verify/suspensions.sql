-- Verify ngx_media:suspensions on pg

BEGIN;

SELECT company_id, account_id, host, failures, last_media, suspended_at, reason, error, pauses, probe_at, probe_job, noted_at
FROM media.account_suspensions
WHERE FALSE;
SELECT 1 / has_function_privilege('media_indexer', 'media.list_suspensions'::regproc, 'EXECUTE')::int;
SELECT 1 / (NOT has_function_privilege('media_indexer', 'media.suspend'::regproc, 'EXECUTE'))::int;
SELECT count(*) FROM media.list_suspensions();

ROLLBACK;
