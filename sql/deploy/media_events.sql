-- Deploy ngx_media:media_events to pg
-- requires: media_files

BEGIN;

SET LOCAL ROLE media_owner;

CREATE TABLE media.media_events (
    at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    company_id    uuid NOT NULL,
    media_id      uuid NOT NULL,
    actor         text NOT NULL,
    old_status    text,
    new_status    text NOT NULL,
    old_is_active boolean,
    new_is_active boolean NOT NULL,
    detail        text,
    account_id    uuid,
    file_type     text,
    bytes         bigint,
    is_duplicate  boolean,
    duration_ms   bigint
) PARTITION BY RANGE (at);
CREATE INDEX media_events_media_idx ON media.media_events (company_id, media_id, at);
CREATE TABLE media.media_events_default PARTITION OF media.media_events DEFAULT;

COMMENT ON TABLE media.media_events IS
'Audit trail of media_files, append-only, one partition a month (UTC). old_* are NULL when the row was '
'made; detail is the error of a failed attempt, or why media were deleted or restored. new_status deleted: '
'the row is gone for good. Outlives the media, not the company.';
COMMENT ON COLUMN media.media_events.bytes IS 'Of media that became completed, as the next two.';
COMMENT ON COLUMN media.media_events.is_duplicate IS 'Whether other media had the same bytes already.';
COMMENT ON COLUMN media.media_events.duration_ms IS 'From the claim of the download to its end.';
COMMENT ON TABLE media.media_events_default IS
'Events of months without a partition, so that an insert never fails; media.ensure_event_partitions() '
'moves them out.';

CREATE FUNCTION media.current_actor() RETURNS text
LANGUAGE sql STABLE
RETURN coalesce(nullif(current_setting('media.actor', TRUE), ''), session_user);

COMMENT ON FUNCTION media.current_actor() IS
'Who changes media: the setting media.actor, or else the session''s user.';

CREATE FUNCTION media.current_reason() RETURNS text
LANGUAGE sql STABLE
RETURN nullif(current_setting('media.reason', TRUE), '');

COMMENT ON FUNCTION media.current_reason() IS
'Why media are deleted or restored: the setting media.reason. NULL when unset or empty.';

CREATE FUNCTION media.log_media_event() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    v_actor text := media.current_actor();
    v_bytes bigint;
    v_is_duplicate boolean;
    v_duration_ms bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO media.media_events (company_id, media_id, actor, new_status, new_is_active, detail,
                                        account_id, file_type)
        VALUES (NEW.company_id, NEW.id, v_actor, NEW.download_status, NEW.is_active, NEW.last_error,
                NEW.account_id, NEW.file_type);
        RETURN NULL;
    END IF;

    IF NEW.download_status = 'completed' AND OLD.download_status <> 'completed' THEN
        v_bytes := NEW.file_size;
        v_is_duplicate := EXISTS (
            SELECT FROM media.media_files AS m WHERE m.blob_id = NEW.blob_id AND m.id <> NEW.id
        );
        IF OLD.download_status = 'downloading' THEN
            v_duration_ms := extract(EPOCH FROM clock_timestamp() - OLD.updated_at) * 1000;
        END IF;
    END IF;
    INSERT INTO media.media_events (company_id, media_id, actor,
                                    old_status, new_status, old_is_active, new_is_active, detail,
                                    account_id, file_type, bytes, is_duplicate, duration_ms)
    VALUES (NEW.company_id, NEW.id, v_actor,
            OLD.download_status, NEW.download_status, OLD.is_active, NEW.is_active,
            CASE WHEN OLD.is_active = NEW.is_active THEN NEW.last_error ELSE media.current_reason() END,
            NEW.account_id, NEW.file_type, v_bytes, v_is_duplicate, v_duration_ms);
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.log_media_event() IS
'Trigger (AFTER INSERT OR UPDATE, row, on media_files): adds to media_events.';

CREATE TRIGGER log_created AFTER INSERT ON media.media_files
FOR EACH ROW EXECUTE FUNCTION media.log_media_event();
CREATE TRIGGER log_changed AFTER UPDATE ON media.media_files
FOR EACH ROW
WHEN (OLD.download_status IS DISTINCT FROM NEW.download_status OR OLD.is_active IS DISTINCT FROM NEW.is_active)
EXECUTE FUNCTION media.log_media_event();

CREATE FUNCTION media.refuse_event_update() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'media_events is append-only'
        USING ERRCODE = 'restrict_violation';
END
$$;

COMMENT ON FUNCTION media.refuse_event_update() IS 'Trigger (BEFORE UPDATE, row): error 23001, always.';

CREATE TRIGGER refuse_update BEFORE UPDATE ON media.media_events
FOR EACH ROW EXECUTE FUNCTION media.refuse_event_update();

-- Instead of a foreign key, which would lock the company's row for every event.
CREATE FUNCTION media.delete_company_events() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    DELETE FROM media.media_events WHERE company_id = OLD.id;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.delete_company_events() IS
'Trigger (AFTER DELETE, row, on companies, at COMMIT, when nothing can add events any more): deletes '
'the company''s events.';

CREATE CONSTRAINT TRIGGER delete_events AFTER DELETE ON media.companies
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION media.delete_company_events();

CREATE FUNCTION media.ensure_event_partitions(p_months_ahead int) RETURNS int
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_this_month timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
    v_from timestamptz;
    v_to timestamptz;
    v_name text;
    v_created int := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('media.ensure_event_partitions'));
    FOR i IN 0 .. least(greatest(p_months_ahead, 0), 120) LOOP
        v_from := (v_this_month + make_interval(months => i)) AT TIME ZONE 'UTC';
        v_to := (v_this_month + make_interval(months => i + 1)) AT TIME ZONE 'UTC';
        v_name := to_char(v_this_month + make_interval(months => i), '"media_events_y"YYYY"m"MM');
        CONTINUE WHEN to_regclass(format('media.%I', v_name)) IS NOT NULL;

        EXECUTE format('CREATE TABLE media.%I (LIKE media.media_events INCLUDING DEFAULTS)', v_name);
        EXECUTE format('COMMENT ON TABLE media.%I IS %L', v_name, 'Events of one month.');
        -- Nobody may add to the default partition between the move and the attachment.
        LOCK TABLE media.media_events_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('WITH moved AS ('
                       ' DELETE FROM media.media_events_default WHERE at >= %L AND at < %L RETURNING *)'
                       ' INSERT INTO media.%I SELECT * FROM moved', v_from, v_to, v_name);
        EXECUTE format('ALTER TABLE media.media_events ATTACH PARTITION media.%I'
                       ' FOR VALUES FROM (%L) TO (%L)', v_name, v_from, v_to);
        v_created := v_created + 1;
    END LOOP;
    RETURN v_created;
END
$$;

COMMENT ON FUNCTION media.ensure_event_partitions(int) IS
'Makes the missing partitions of media_events for this month and the p_months_ahead following ones (at '
'most 120), moving what the default partition holds of them. Returns how many it made. Safe to call at '
'any time and by several daemons at once.';
GRANT EXECUTE ON FUNCTION media.ensure_event_partitions(int) TO media_indexer;

CREATE FUNCTION media.drop_event_partitions(p_keep_months int) RETURNS int
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
-- Whoever adds an event waits while a partition goes; so this waits for nobody for long.
SET lock_timeout = '2s'
AS $$
DECLARE
    v_oldest timestamp := date_trunc('month', now() AT TIME ZONE 'UTC')
                          - make_interval(months => greatest(p_keep_months, 1));
    v_name text;
    v_dropped int := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('media.ensure_event_partitions'));
    FOR v_name IN
        SELECT c.relname
        FROM pg_inherits AS i
        JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'media.media_events'::regclass
          AND c.relname ~ '^media_events_y[0-9]{4,}m[0-9]{2}$'
          AND to_timestamp(substring(c.relname FROM 'y([0-9]+)m') || '-' || right(c.relname, 2), 'YYYY-MM')::timestamp
              < v_oldest
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE media.%I', v_name);
        v_dropped := v_dropped + 1;
    END LOOP;
    DELETE FROM media.media_events_default AS e WHERE e.at < v_oldest AT TIME ZONE 'UTC';
    RETURN v_dropped;
END
$$;

COMMENT ON FUNCTION media.drop_event_partitions(int) IS
'Deletes the events of months before the p_keep_months full ones (at least 1) that precede this month. '
'Returns how many partitions it dropped. Error 55P03: the audit trail was in use; call again later.';
GRANT EXECUTE ON FUNCTION media.drop_event_partitions(int) TO media_indexer;

DO $$
BEGIN
    PERFORM media.ensure_event_partitions(2);
END
$$;

COMMIT;
