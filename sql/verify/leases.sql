-- Verify ngx_media:leases on pg

BEGIN;

SELECT 1 / has_function_privilege('media_indexer', 'media.extend_leases'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.release_jobs'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.next_job_delay_ms'::regproc, 'EXECUTE')::int;

ROLLBACK;
