-- Revert ngx_media:jobs from pg

BEGIN;

DROP TABLE media.jobs;
DROP FUNCTION media.notify_job();
DROP FUNCTION media.job_host(text, text);

COMMIT;
