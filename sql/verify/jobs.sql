-- Verify ngx_media:jobs on pg

BEGIN;

SELECT id, kind, company_id, media_id, account_id, host, priority, expires_at, is_ready,
       run_at, attempts, max_attempts, lost_attempts, lease_owner, lease_until, due_at, last_error, created_at
FROM media.jobs
WHERE FALSE;
SELECT 1 / (count(*) = 2)::int FROM pg_catalog.pg_trigger
WHERE tgrelid = 'media.jobs'::regclass AND tgname IN ('notify_new', 'notify_given_back');

ROLLBACK;
