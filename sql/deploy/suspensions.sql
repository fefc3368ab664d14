-- Deploy ngx_media:suspensions to pg
-- requires: accounts
-- requires: jobs

BEGIN;

SET LOCAL ROLE media_owner;

CREATE TABLE media.account_suspensions (
    company_id   uuid NOT NULL,
    account_id   uuid NOT NULL,
    host         varchar(255) COLLATE "C" NOT NULL,
    failures     media.counter NOT NULL DEFAULT 0,
    last_media   uuid,
    suspended_at timestamptz,
    reason       varchar(64),
    error        varchar(1000),
    pauses       media.counter NOT NULL DEFAULT 0,
    probe_at     timestamptz,
    probe_job    bigint,
    noted_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, host),
    FOREIGN KEY (company_id, account_id) REFERENCES media.accounts (company_id, id) ON DELETE CASCADE,
    CHECK ((suspended_at IS NULL) = (probe_at IS NULL))
);
CREATE INDEX account_suspensions_probe_at_idx ON media.account_suspensions (probe_at);

COMMENT ON TABLE media.account_suspensions IS
'The circuit breaker: accounts, or one host of theirs, whose jobs are left alone because of a refused '
'credential, a rate limit or an outage. A row without suspended_at only counts failures.';
COMMENT ON COLUMN media.account_suspensions.host IS 'As of media.jobs; empty: all hosts of the account.';
COMMENT ON COLUMN media.account_suspensions.failures IS
'Outages in a row, each of other media than the one before: one broken item is no outage.';
COMMENT ON COLUMN media.account_suspensions.pauses IS 'How often a pause was begun; each is longer than the last.';
COMMENT ON COLUMN media.account_suspensions.probe_at IS 'When the next single job is let through.';
COMMENT ON COLUMN media.account_suspensions.probe_job IS 'The one that was let through last.';

-- Locks are taken in the order media_files, jobs, account_suspensions; who has the last one waits for no other.

CREATE FUNCTION media.suspension_pause(p_reason text, p_pauses int) RETURNS interval
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF p_reason = 'unauthorized' THEN
        RETURN least(interval '1 minute' * 2 ^ least(p_pauses - 1, 20), interval '1 hour');
    END IF;
    RETURN least(interval '1 second' * 2 ^ least(p_pauses - 1, 20), interval '5 minutes');
END
$$;

COMMENT ON FUNCTION media.suspension_pause(text, int) IS
'How long the pause of this number (1, 2, ...) lasts: a person replaces a credential (1 minute, doubled up to an '
'hour), an outage ends by itself (1 second, doubled up to 5 minutes).';

CREATE FUNCTION media.is_suspended(p_account uuid, p_host text) RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN EXISTS (
        SELECT
        FROM media.account_suspensions AS s
        WHERE s.account_id = p_account AND s.host IN ('', p_host) AND s.suspended_at IS NOT NULL
    );
END
$$;

COMMENT ON FUNCTION media.is_suspended(uuid, text) IS
'Whether jobs of this account and host are left alone.';

CREATE FUNCTION media.suspend(
    p_company uuid,
    p_account uuid,
    p_host    text,
    p_job     bigint,
    p_reason  text,
    p_error   text,
    p_delay   interval,
    OUT is_new   boolean,
    OUT probe_at timestamptz
)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
    v_old media.account_suspensions;
    v_pauses int;
BEGIN
    INSERT INTO media.account_suspensions (company_id, account_id, host)
    VALUES (p_company, p_account, p_host)
    ON CONFLICT (account_id, host) DO NOTHING;
    SELECT * INTO v_old FROM media.account_suspensions WHERE account_id = p_account AND host = p_host FOR UPDATE;

    is_new := v_old.suspended_at IS NULL;
    probe_at := v_old.probe_at;
    -- Jobs that were under way when it began say nothing new, only the probe does.
    IF is_new OR v_old.probe_job = p_job THEN
        v_pauses := CASE WHEN v_old.reason = p_reason THEN v_old.pauses ELSE 0 END + 1;
        probe_at := now() + greatest(media.suspension_pause(p_reason, v_pauses), p_delay);
        UPDATE media.account_suspensions
        SET suspended_at = coalesce(suspended_at, now()),
            reason = p_reason,
            error = left(p_error, 1000),
            pauses = v_pauses,
            probe_at = suspend.probe_at,
            probe_job = NULL,
            noted_at = now()
        WHERE account_id = p_account AND host = p_host;
    END IF;
END
$$;

COMMENT ON FUNCTION media.suspend(uuid, uuid, text, bigint, text, text, interval) IS
'Leaves the jobs of an account and host (empty: of all its hosts) alone, for p_delay at least. Says whether that is '
'new, and when the next job is let through. Internal to the queue.';

CREATE FUNCTION media.note_outage(
    p_company uuid,
    p_account uuid,
    p_host    text,
    p_job     bigint,
    p_media   uuid,
    p_error   text,
    p_delay   interval,
    OUT is_new   boolean,
    OUT probe_at timestamptz
)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
    c_enough CONSTANT int := 5;
    v_failures int;
BEGIN
    INSERT INTO media.account_suspensions AS s (company_id, account_id, host, failures, last_media)
    VALUES (p_company, p_account, p_host, 1, p_media)
    ON CONFLICT (account_id, host) DO UPDATE
    SET failures = s.failures + (s.last_media IS DISTINCT FROM p_media)::int,
        last_media = p_media,
        noted_at = now()
    RETURNING CASE WHEN s.suspended_at IS NULL THEN s.failures ELSE c_enough END INTO v_failures;

    is_new := FALSE;
    IF v_failures >= c_enough THEN
        SELECT s.is_new, s.probe_at INTO is_new, probe_at
        FROM media.suspend(p_company, p_account, p_host, p_job, 'network', p_error, p_delay) AS s;
    END IF;
END
$$;

COMMENT ON FUNCTION media.note_outage(uuid, uuid, text, bigint, uuid, text, interval) IS
'Counts a download that failed as in an outage; the fifth in a row suspends account and host, for p_delay at least. Says as of suspend() '
'what came of it; probe_at NULL: not suspended. Internal to the queue.';

CREATE FUNCTION media.end_suspension(p_account uuid, p_host text) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    v_ended record;
BEGIN
    -- Nearly always there is none, and then nothing is written.
    WITH ended AS (
        DELETE FROM media.account_suspensions AS s
        WHERE s.account_id = p_account AND (p_host IS NULL OR s.host IN ('', p_host))
        RETURNING s.company_id, s.suspended_at, s.reason
    )
    SELECT max(e.company_id::text)::uuid AS company_id, array_agg(e.reason || ':%') AS errors
    INTO v_ended
    FROM ended AS e
    WHERE e.suspended_at IS NOT NULL;
    IF v_ended.company_id IS NULL THEN
        RETURN FALSE;
    END IF;

    -- Those that found out wait for a time that means nothing any more.
    UPDATE media.jobs AS j
    SET run_at = now()
    WHERE j.id IN (
        SELECT w.id
        FROM media.jobs AS w
        WHERE w.account_id = p_account
          AND NOT w.is_ready
          AND w.lease_owner IS NULL
          AND w.last_error LIKE ANY (v_ended.errors)
        FOR UPDATE SKIP LOCKED
    );
    PERFORM pg_notify('media_jobs', 'download');
    RETURN TRUE;
END
$$;

COMMENT ON FUNCTION media.end_suspension(uuid, text) IS
'An account works, for this host at least (NULL: forget what was noted of all): its failures are forgotten, its '
'suspensions end and its jobs are due. Says whether one was suspended. Internal to the queue.';

CREATE FUNCTION media.list_suspensions()
RETURNS TABLE (
    account_id   uuid,
    company_id   uuid,
    company      text,
    provider     text,
    external_id  text,
    host         text,
    reason       text,
    error        text,
    suspended_at timestamptz,
    probe_at     timestamptz
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT s.account_id, s.company_id, c.name::text, a.provider, a.external_id, s.host::text,
           s.reason::text, s.error::text, s.suspended_at, s.probe_at
    FROM media.account_suspensions AS s
    JOIN media.accounts AS a ON a.id = s.account_id
    JOIN media.companies AS c ON c.id = s.company_id
    WHERE s.suspended_at IS NOT NULL
    ORDER BY s.suspended_at, s.account_id, s.host;
END
$$;

COMMENT ON FUNCTION media.list_suspensions() IS
'The suspended accounts, the longest suspended first: since when and why, and when the next job is let through. An '
'empty host means all of the account.';
GRANT EXECUTE ON FUNCTION media.list_suspensions() TO media_indexer;

COMMIT;
