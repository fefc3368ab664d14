-- Deploy ngx_media:media_analytics to pg
-- requires: media_events

BEGIN;

SET LOCAL ROLE media_owner;

CREATE TABLE media.media_analytics (
    company_id         uuid NOT NULL REFERENCES media.companies ON DELETE CASCADE,
    day                date NOT NULL,
    provider           text NOT NULL,
    file_type          media.file_type NOT NULL,
    received           bigint NOT NULL DEFAULT 0,
    completed          bigint NOT NULL DEFAULT 0,
    failed             bigint NOT NULL DEFAULT 0,
    bytes_stored       bigint NOT NULL DEFAULT 0,
    bytes_deduplicated bigint NOT NULL DEFAULT 0,
    download_ms        bigint NOT NULL DEFAULT 0,
    download_ms_max    bigint NOT NULL DEFAULT 0,
    views              bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (company_id, day, provider, file_type)
);
COMMENT ON TABLE media.media_analytics IS
'What happened to media on a day (UTC), by fold_analytics(). A failed item that was tried again and '
'completed counts in both. provider is empty where the account is gone.';
COMMENT ON COLUMN media.media_analytics.bytes_deduplicated IS
'Of completed items whose bytes other media had already; those of the rest are bytes_stored.';
COMMENT ON COLUMN media.media_analytics.download_ms IS
'Sum over completed items, from the claim of the job to its end.';

CREATE TABLE media.media_failures (
    company_id uuid NOT NULL REFERENCES media.companies ON DELETE CASCADE,
    day        date NOT NULL,
    provider   text NOT NULL,
    file_type  media.file_type NOT NULL,
    reason     varchar(40) NOT NULL,
    failed     bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (company_id, day, provider, file_type, reason)
);
COMMENT ON TABLE media.media_failures IS
'media_analytics.failed by the reason code that last_error began with; other when it began with none.';

-- Completions append here instead of counting up a row of the day, which they would all wait for.
CREATE TABLE media.analytics_deltas (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL,
    company_id   uuid NOT NULL,
    account_id   uuid,
    file_type    text NOT NULL,
    old_status   text,
    new_status   text,
    detail       text,
    bytes        bigint,
    is_duplicate boolean,
    duration_ms  bigint,
    views        bigint
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
COMMENT ON TABLE media.analytics_deltas IS
'What media_analytics does not contain yet: media_events of items received, completed or failed; or, '
'without a status, views of an item.';

-- Nobody reads it but through functions.
ALTER TABLE media.analytics_deltas ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION media.count_event() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO media.analytics_deltas (at, company_id, account_id, file_type, old_status, new_status,
                                        detail, bytes, is_duplicate, duration_ms)
    VALUES (NEW.at, NEW.company_id, NEW.account_id, NEW.file_type, NEW.old_status, NEW.new_status,
            NEW.detail, NEW.bytes, NEW.is_duplicate, NEW.duration_ms);
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.count_event() IS
'Trigger (AFTER INSERT, row, on media_events): has the event counted by the next fold.';

CREATE TRIGGER count_event AFTER INSERT ON media.media_events
FOR EACH ROW
WHEN (
    NEW.file_type IS NOT NULL
    AND (NEW.old_status IS NULL OR (NEW.old_status <> NEW.new_status AND NEW.new_status IN ('completed', 'failed')))
)
EXECUTE FUNCTION media.count_event();

CREATE FUNCTION media.delete_deltas() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    DELETE FROM media.analytics_deltas WHERE company_id = OLD.id;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.delete_deltas() IS
'Trigger (AFTER DELETE, row, on companies, at COMMIT): deletes what was not counted yet.';

CREATE CONSTRAINT TRIGGER delete_deltas AFTER DELETE ON media.companies
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION media.delete_deltas();

CREATE FUNCTION media.count_views(p_media uuid[], p_views int[]) RETURNS int
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_counted int;
BEGIN
    INSERT INTO media.analytics_deltas (at, company_id, account_id, file_type, views)
    SELECT now(), m.company_id, m.account_id, m.file_type, v.views
    FROM unnest(p_media, p_views) AS v (media_id, views)
    JOIN media.media_files AS m ON m.id = v.media_id
    WHERE v.views > 0;
    GET DIAGNOSTICS v_counted = ROW_COUNT;
    RETURN v_counted;
END
$$;

COMMENT ON FUNCTION media.count_views(uuid[], int[]) IS
'Adds views of media, as nginx''s log or a counter tells, to those of today. Returns how many of the '
'media are known.';
GRANT EXECUTE ON FUNCTION media.count_views(uuid[], int[]) TO media_indexer;

CREATE FUNCTION media.fold_deltas(p_companies uuid[], p_limit int) RETURNS int
LANGUAGE plpgsql
AS $$
DECLARE
    v_folded int;
BEGIN
    WITH next AS MATERIALIZED (
        SELECT d.id FROM media.analytics_deltas AS d
        WHERE d.company_id = ANY (p_companies)
        ORDER BY d.id
        LIMIT p_limit
    ),
    taken AS (
        DELETE FROM media.analytics_deltas AS d USING next AS n WHERE d.id = n.id RETURNING d.*
    ),
    facts AS (
        SELECT t.*,
               (t.at AT TIME ZONE 'UTC')::date AS day,
               coalesce(a.provider, '') AS provider,
               coalesce(substring(t.detail FROM '^([a-z][a-z_]{0,39}):'), 'other') AS reason
        FROM taken AS t
        LEFT JOIN media.accounts AS a ON a.id = t.account_id
    ),
    failures AS (
        INSERT INTO media.media_failures AS k (company_id, day, provider, file_type, reason, failed)
        SELECT f.company_id, f.day, f.provider, f.file_type, f.reason, count(*)
        FROM facts AS f
        WHERE f.new_status = 'failed'
        GROUP BY f.company_id, f.day, f.provider, f.file_type, f.reason
        ON CONFLICT (company_id, day, provider, file_type, reason) DO UPDATE
        SET failed = k.failed + EXCLUDED.failed
    ),
    counted AS (
        INSERT INTO media.media_analytics AS k (
            company_id, day, provider, file_type, received, completed, failed,
            bytes_stored, bytes_deduplicated, download_ms, download_ms_max, views
        )
        SELECT f.company_id, f.day, f.provider, f.file_type,
               count(*) FILTER (WHERE f.old_status IS NULL AND f.new_status IS NOT NULL),
               count(*) FILTER (WHERE f.new_status = 'completed'),
               count(*) FILTER (WHERE f.new_status = 'failed'),
               coalesce(sum(f.bytes) FILTER (WHERE NOT f.is_duplicate), 0),
               coalesce(sum(f.bytes) FILTER (WHERE f.is_duplicate), 0),
               coalesce(sum(f.duration_ms), 0),
               coalesce(max(f.duration_ms), 0),
               coalesce(sum(f.views), 0)
        FROM facts AS f
        GROUP BY f.company_id, f.day, f.provider, f.file_type
        ON CONFLICT (company_id, day, provider, file_type) DO UPDATE
        SET received = k.received + EXCLUDED.received,
            completed = k.completed + EXCLUDED.completed,
            failed = k.failed + EXCLUDED.failed,
            bytes_stored = k.bytes_stored + EXCLUDED.bytes_stored,
            bytes_deduplicated = k.bytes_deduplicated + EXCLUDED.bytes_deduplicated,
            download_ms = k.download_ms + EXCLUDED.download_ms,
            download_ms_max = greatest(k.download_ms_max, EXCLUDED.download_ms_max),
            views = k.views + EXCLUDED.views
    )
    SELECT count(*) INTO v_folded FROM taken;
    RETURN v_folded;
END
$$;

COMMENT ON FUNCTION media.fold_deltas(uuid[], int) IS
'Adds up to p_limit deltas of these companies to media_analytics and media_failures, in one statement: '
'each counts once. Internal to analytics.';

CREATE FUNCTION media.lock_counted_companies() RETURNS uuid[]
LANGUAGE plpgsql
AS $$
BEGIN
    -- Not those that are being deleted: who deletes one would wait for us, and we for him.
    RETURN ARRAY(
        SELECT c.id FROM media.companies AS c
        WHERE EXISTS (SELECT FROM media.analytics_deltas AS d WHERE d.company_id = c.id)
        ORDER BY c.id
        FOR KEY SHARE SKIP LOCKED
    );
END
$$;

COMMENT ON FUNCTION media.lock_counted_companies() IS
'Keeps companies with deltas from being deleted, until COMMIT; returns them. Internal to analytics.';

CREATE FUNCTION media.fold_analytics(p_limit int) RETURNS int
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('media.media_analytics')) THEN
        RETURN 0;
    END IF;
    RETURN media.fold_deltas(media.lock_counted_companies(), p_limit);
END
$$;

COMMENT ON FUNCTION media.fold_analytics(int) IS
'Brings media_analytics up to date, p_limit deltas at a time; returns how many those were. 0: there are '
'none, or another daemon is at it.';
GRANT EXECUTE ON FUNCTION media.fold_analytics(int) TO media_indexer;

CREATE FUNCTION media.recompute_analytics(p_from date, p_to date) RETURNS int
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_from timestamptz := p_from::timestamp AT TIME ZONE 'UTC';
    v_until timestamptz := (p_to + 1)::timestamp AT TIME ZONE 'UTC';
    v_counted int;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('media.media_analytics'));
    DELETE FROM media.media_failures AS k WHERE k.day BETWEEN p_from AND p_to;
    UPDATE media.media_analytics AS k
    SET received = 0, completed = 0, failed = 0, bytes_stored = 0, bytes_deduplicated = 0,
        download_ms = 0, download_ms_max = 0
    WHERE k.day BETWEEN p_from AND p_to;

    -- One statement, one snapshot: an event that is seen is counted by its new delta only, one
    -- that is not by the delta that comes with it.
    WITH counted AS (
        DELETE FROM media.analytics_deltas AS d
        WHERE d.at >= v_from AND d.at < v_until AND d.new_status IS NOT NULL
    )
    INSERT INTO media.analytics_deltas (at, company_id, account_id, file_type, old_status, new_status,
                                        detail, bytes, is_duplicate, duration_ms)
    SELECT e.at, e.company_id, e.account_id, e.file_type, e.old_status, e.new_status,
           e.detail, e.bytes, e.is_duplicate, e.duration_ms
    FROM media.media_events AS e
    WHERE e.at >= v_from
      AND e.at < v_until
      AND e.file_type IS NOT NULL
      AND (e.old_status IS NULL OR (e.old_status <> e.new_status AND e.new_status IN ('completed', 'failed')));
    GET DIAGNOSTICS v_counted = ROW_COUNT;
    PERFORM media.fold_deltas(media.lock_counted_companies(), NULL);
    RETURN v_counted;
END
$$;

COMMENT ON FUNCTION media.recompute_analytics(date, date) IS
'Computes media_analytics and media_failures of these days (UTC) anew from media_events; views stay as '
'they are. Returns how many events there were. Only for days whose events are still kept: others lose '
'what they had.';
GRANT EXECUTE ON FUNCTION media.recompute_analytics(date, date) TO media_indexer;

COMMIT;
