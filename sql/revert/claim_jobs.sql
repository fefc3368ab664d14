-- Revert ngx_media:claim_jobs from pg

BEGIN;

DROP FUNCTION media.claim_jobs(text, int, int, uuid, int, int, uuid[], text[]);
DROP FUNCTION media.lease_jobs(text, bigint[], int);
DROP FUNCTION media.drop_dead_jobs(bigint[]);
DROP FUNCTION media.lock_media_of(bigint[]);
DROP FUNCTION media.lock_probes(int);
DROP FUNCTION media.lock_lane_job(uuid, uuid, text);
DROP FUNCTION media.lock_ready_jobs(int, media.worker_load);
DROP FUNCTION media.lock_round(int, int, int, media.worker_load, bigint[]);
DROP FUNCTION media.next_company(int, uuid, uuid);
DROP FUNCTION media.lock_company_jobs(int, uuid, int, media.worker_load, bigint[]);
DROP FUNCTION media.ready_due_jobs();
DROP TYPE media.worker_load;
DROP FUNCTION media.end_download(bigint, uuid, text, text);

COMMIT;
