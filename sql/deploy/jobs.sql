-- Deploy ngx_media:jobs to pg
-- requires: media_files

BEGIN;

SET LOCAL ROLE media_owner;

CREATE TABLE media.jobs (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          media.job_kind NOT NULL,
    company_id    uuid NOT NULL,
    media_id      uuid NOT NULL,
    account_id    uuid NOT NULL,
    host          varchar(255) COLLATE "C" NOT NULL CHECK (host <> ''),
    priority      smallint NOT NULL DEFAULT 5 CHECK (priority BETWEEN 0 AND 9),
    expires_at    timestamptz NOT NULL DEFAULT 'infinity',
    is_ready      boolean NOT NULL DEFAULT TRUE,
    run_at        timestamptz NOT NULL DEFAULT now(),
    attempts      media.counter NOT NULL DEFAULT 0,
    max_attempts  media.counter NOT NULL DEFAULT 100,
    lost_attempts media.counter NOT NULL DEFAULT 0,
    lease_owner   varchar(256),
    lease_until   timestamptz,
    due_at        timestamptz NOT NULL GENERATED ALWAYS AS (greatest(run_at, lease_until)) STORED,
    last_error    varchar(1000),
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (media_id, kind),
    FOREIGN KEY (company_id, media_id) REFERENCES media.media_files (company_id, id) ON DELETE CASCADE
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 5000
);
-- A claim walks this one in leaps, from company to company and from lane to lane: it never meets the
-- hundred thousand jobs of one of them. Jobs that wait or run are in the other one.
CREATE INDEX jobs_ready_idx ON media.jobs (priority, company_id, account_id, host, expires_at, id) WHERE is_ready;
CREATE INDEX jobs_waiting_idx ON media.jobs (due_at) WHERE NOT is_ready;

COMMENT ON TABLE media.jobs IS
'The queue: a row exists while work is to be done. A worker holds a job by a lease; a lease that runs '
'out gives the job back.';
COMMENT ON COLUMN media.jobs.priority IS '0 is taken first, 9 last.';
COMMENT ON COLUMN media.jobs.host IS
'Where the media comes from: the host of its URL, or the provider''s name when the URL is to be asked for. '
'Jobs of one account and host are a lane: what holds one of them back holds back all.';
COMMENT ON COLUMN media.jobs.expires_at IS
'When the URL or the media itself is lost, whichever is first: within a company, first things go first.';
COMMENT ON COLUMN media.jobs.is_ready IS
'May be claimed. Claiming clears it; media.ready_due_jobs() sets it when due_at has come.';
COMMENT ON COLUMN media.jobs.attempts IS
'Attempts begun, the running one included, but for those that an outage of the provider spoilt.';
COMMENT ON COLUMN media.jobs.max_attempts IS 'The daemon''s fetch.max_attempts ends a job earlier.';
COMMENT ON COLUMN media.jobs.lost_attempts IS 'Attempts in a row whose worker was never heard of again.';
COMMENT ON COLUMN media.jobs.due_at IS
'From when on anyone may take the job: run_at, or the end of its lease.';

CREATE FUNCTION media.job_host(p_url text, p_provider text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN coalesce(nullif(left(lower(substring(p_url FROM '^[A-Za-z]+://(?:[^/?#@]*@)?([^/?#:]+)')), 255), ''), p_provider);
END
$$;

COMMENT ON FUNCTION media.job_host(text, text) IS
'The host of a URL in lower case; without one, the provider''s name.';

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
