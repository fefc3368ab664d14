-- Deploy ngx_media:jobs to pg
-- requires: media_files

BEGIN;

SET LOCAL ROLE media_owner;

CREATE TABLE media.jobs (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         media.job_kind NOT NULL,
    company_id   uuid NOT NULL,
    media_id     uuid NOT NULL,
    priority     smallint NOT NULL DEFAULT 5 CHECK (priority BETWEEN 0 AND 9),
    run_at       timestamptz NOT NULL DEFAULT now(),
    attempts     media.counter NOT NULL DEFAULT 0,
    max_attempts media.counter NOT NULL DEFAULT 8,
    lease_owner  varchar(256),
    lease_until  timestamptz,
    due_at       timestamptz NOT NULL GENERATED ALWAYS AS (greatest(run_at, lease_until)) STORED,
    last_error   varchar(1000),
    created_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (media_id, kind),
    FOREIGN KEY (company_id, media_id) REFERENCES media.media_files (company_id, id) ON DELETE CASCADE
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 5000
);
CREATE INDEX jobs_due_idx ON media.jobs (priority, due_at);

COMMENT ON TABLE media.jobs IS
'The queue: a row exists while work is to be done. A worker holds a job by a lease; a lease that runs '
'out gives the job back.';
COMMENT ON COLUMN media.jobs.priority IS '0 is taken first, 9 last.';
COMMENT ON COLUMN media.jobs.attempts IS 'Attempts begun, the running one included.';
COMMENT ON COLUMN media.jobs.due_at IS
'From when on anyone may take the job: run_at, or the end of its lease.';

CREATE FUNCTION media.notify_job() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('media_jobs', NEW.kind);
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.notify_job() IS
'Trigger (AFTER INSERT OR UPDATE, row, on jobs): NOTIFY media_jobs with the kind; PostgreSQL sends '
'equal ones of a transaction once.';

CREATE TRIGGER notify_new AFTER INSERT ON media.jobs
FOR EACH ROW
WHEN (NEW.due_at <= now() AND NOT media.notifies_later())
EXECUTE FUNCTION media.notify_job();
CREATE TRIGGER notify_given_back AFTER UPDATE ON media.jobs
FOR EACH ROW
WHEN (NEW.due_at <= now() AND NEW.due_at IS DISTINCT FROM OLD.due_at AND NOT media.notifies_later())
EXECUTE FUNCTION media.notify_job();

COMMIT;
