-- Revert ngx_media:leases from pg

BEGIN;

DROP FUNCTION media.next_job_delay_ms();
DROP FUNCTION media.release_jobs(text, bigint[]);
DROP FUNCTION media.extend_leases(text, bigint[], int);

COMMIT;
