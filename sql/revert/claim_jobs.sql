-- Revert ngx_media:claim_jobs from pg

BEGIN;

DROP FUNCTION media.claim_jobs(text, int, int);
DROP FUNCTION media.lease_jobs(text, bigint[], int);
DROP FUNCTION media.drop_dead_jobs(bigint[]);
DROP FUNCTION media.lock_due_jobs(int);
DROP FUNCTION media.end_download(bigint, uuid, text, text);

COMMIT;
