-- Deploy ngx_media:doomed_files to pg
-- requires: renditions
-- requires: media_files

BEGIN;

SET LOCAL ROLE media_owner;

-- Only added to and taken from, so that deletions never wait for each other here.
CREATE TABLE media.loose_blobs (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    blob_id uuid NOT NULL,
    since   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX loose_blobs_blob_id_idx ON media.loose_blobs (blob_id);
COMMENT ON TABLE media.loose_blobs IS
'Blobs that lost a reference, a row each time: whether another one is left is asked when the grace '
'period is over.';

CREATE TABLE media.doomed_files (
    storage_key media.storage_key NOT NULL,
    store       varchar(63) NOT NULL,
    is_spare    boolean NOT NULL DEFAULT FALSE,
    doomed_at   timestamptz NOT NULL DEFAULT now(),
    removing_at timestamptz,
    removed_at  timestamptz,
    PRIMARY KEY (storage_key, store)
);
CREATE INDEX doomed_files_doomed_at_idx ON media.doomed_files (doomed_at) WHERE removed_at IS NULL;
COMMENT ON TABLE media.doomed_files IS
'Stored files that no row refers to any more, until they are removed and for a day after. Outlives '
'the company: when that is deleted, this is all that is known of its files.';
COMMENT ON COLUMN media.doomed_files.is_spare IS
'Nobody can want it back: it has had its grace period, or was never shown.';
COMMENT ON COLUMN media.doomed_files.removing_at IS
'From when on its bytes may be gone at any moment: no blob may take the key now.';

-- Nobody reads them but through functions.
ALTER TABLE media.loose_blobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.doomed_files ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION media.doom_file(p_store text, p_storage_key text, p_is_spare boolean) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO media.doomed_files AS d (storage_key, store, is_spare)
    VALUES (p_storage_key, p_store, p_is_spare)
    ON CONFLICT (storage_key, store) DO UPDATE
    SET is_spare = EXCLUDED.is_spare,
        doomed_at = EXCLUDED.doomed_at,
        -- Stays: who was to remove it then may still be about to.
        removing_at = d.removing_at,
        removed_at = NULL
    WHERE d.removing_at IS NOT NULL OR EXCLUDED.is_spare;
END
$$;

COMMENT ON FUNCTION media.doom_file(text, text, boolean) IS
'Has a file removed, unless a blob or rendition has it when the time has come. Internal to deletions.';

CREATE FUNCTION media.doom_deleted_files() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_TABLE_NAME = 'blobs' THEN
        PERFORM media.doom_file(d.store, d.storage_key, FALSE) FROM deleted AS d WHERE d.state <> 'gone';
    ELSE
        PERFORM media.doom_file(d.store, d.storage_key, FALSE) FROM deleted AS d;
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.doom_deleted_files() IS
'Trigger (AFTER DELETE, statement, on blobs and renditions): has the files removed.';

CREATE TRIGGER doom_files AFTER DELETE ON media.blobs
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION media.doom_deleted_files();
CREATE TRIGGER doom_files AFTER DELETE ON media.renditions
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION media.doom_deleted_files();

CREATE FUNCTION media.note_loose_blob() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO media.loose_blobs (blob_id) VALUES (OLD.blob_id);
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.note_loose_blob() IS
'Trigger (AFTER UPDATE, row, on media_files): the blob may be without a reference now.';

CREATE TRIGGER note_loose_blob AFTER UPDATE OF is_active, blob_id ON media.media_files
FOR EACH ROW
WHEN (
    OLD.blob_id IS NOT NULL
    AND (OLD.is_active AND NOT NEW.is_active OR OLD.blob_id IS DISTINCT FROM NEW.blob_id)
)
EXECUTE FUNCTION media.note_loose_blob();

CREATE FUNCTION media.note_loose_blobs() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    -- A deleted company's blobs go with it.
    INSERT INTO media.loose_blobs (blob_id)
    SELECT DISTINCT d.blob_id
    FROM deleted AS d
    WHERE d.blob_id IS NOT NULL
      AND EXISTS (SELECT FROM media.companies AS c WHERE c.id = d.company_id);
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.note_loose_blobs() IS
'Trigger (AFTER DELETE, statement, on media_files): their blobs may be without a reference now.';

CREATE TRIGGER note_loose_blobs AFTER DELETE ON media.media_files
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION media.note_loose_blobs();

CREATE FUNCTION media.file_lock(p_store text, p_storage_key text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN hashtextextended(p_store || '/' || p_storage_key, 0);

COMMENT ON FUNCTION media.file_lock(text, text) IS
'The advisory lock of a stored file: shared by who is about to refer to it, exclusive for who has it removed. '
'There need not be a row of it yet that could be locked. Internal.';

CREATE FUNCTION media.keep_file(p_store text, p_storage_key text) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    v_removing_at timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(media.file_lock(p_store, p_storage_key));
    SELECT d.removing_at INTO v_removing_at
    FROM media.doomed_files AS d
    WHERE d.storage_key = p_storage_key AND d.store = p_store
    FOR UPDATE;
    IF NOT FOUND THEN
        RETURN TRUE;
    END IF;
    IF v_removing_at IS NULL THEN
        DELETE FROM media.doomed_files AS d WHERE d.storage_key = p_storage_key AND d.store = p_store;
        RETURN TRUE;
    END IF;
    -- There is a file again, to be removed once more.
    UPDATE media.doomed_files AS d
    SET removed_at = NULL
    WHERE d.storage_key = p_storage_key AND d.store = p_store;
    RETURN FALSE;
END
$$;

COMMENT ON FUNCTION media.keep_file(text, text) IS
'Takes a file that a blob is to have off the list of doomed ones, where it is because of an earlier '
'attempt or reference. False: its bytes are being removed, or were within a day; no blob may have it. '
'Internal to complete_download().';

CREATE FUNCTION media.claim_doomed_files(p_store text, p_grace_seconds int, p_limit int) RETURNS SETOF text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_grace interval := make_interval(secs => greatest(p_grace_seconds, 0));
    v_key text;
BEGIN
    DELETE FROM media.doomed_files AS d WHERE d.removed_at < now() - interval '1 day';
    FOR v_key IN
        SELECT d.storage_key
        FROM media.doomed_files AS d
        WHERE d.store = p_store
          AND d.removed_at IS NULL
          AND (d.removing_at IS NULL OR d.removing_at <= now() - least(v_grace, interval '10 minutes'))
          -- A minute for transactions under way that are about to refer to it.
          AND d.doomed_at <= now() - CASE WHEN d.is_spare THEN least(v_grace, interval '1 minute') ELSE v_grace END
        ORDER BY d.doomed_at
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    LOOP
        -- Somebody is about to refer to it.
        CONTINUE WHEN NOT pg_try_advisory_xact_lock(media.file_lock(p_store, v_key));
        -- With a snapshot of its own: who took the key before the lock is seen here, and
        -- who comes later sees removing_at.
        IF EXISTS (SELECT FROM media.blobs AS b
                   WHERE b.storage_key = v_key AND b.store = p_store AND b.state = 'live')
           OR EXISTS (SELECT FROM media.renditions AS r WHERE r.storage_key = v_key AND r.store = p_store) THEN
            DELETE FROM media.doomed_files AS d WHERE d.storage_key = v_key AND d.store = p_store;
        ELSE
            UPDATE media.doomed_files AS d SET removing_at = now() WHERE d.storage_key = v_key AND d.store = p_store;
            RETURN NEXT v_key;
        END IF;
    END LOOP;
END
$$;

COMMENT ON FUNCTION media.claim_doomed_files(text, int, int) IS
'Keys of up to p_limit files of a store that have been without a reference for p_grace_seconds; they are '
'to be removed, then told to files_removed(). What was not told for ten minutes is handed out again. A '
'file that got a reference meanwhile is kept. Fewer than p_limit: there are no more now, or some were kept.';
GRANT EXECUTE ON FUNCTION media.claim_doomed_files(text, int, int) TO media_indexer;

CREATE FUNCTION media.files_removed(p_store text, p_storage_keys text[]) RETURNS int
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_count int;
BEGIN
    UPDATE media.doomed_files AS d
    SET removed_at = clock_timestamp()
    WHERE d.store = p_store AND d.storage_key = ANY (p_storage_keys) AND d.removing_at IS NOT NULL;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;

COMMENT ON FUNCTION media.files_removed(text, text[]) IS
'Notes that files of claim_doomed_files() are removed. They are remembered for a day: a job that had '
'published the same key before must not complete with it, and a daemon that was held up may still remove '
'what is there. Returns how many.';
GRANT EXECUTE ON FUNCTION media.files_removed(text, text[]) TO media_indexer;

CREATE FUNCTION media.give_up_blob(p_blob uuid) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    v_blob record;
BEGIN
    SELECT b.store, b.storage_key, b.state INTO v_blob
    FROM media.blobs AS b
    WHERE b.id = p_blob
    FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NOT EXISTS (SELECT FROM media.blobs AS b WHERE b.id = p_blob);
    END IF;
    -- Who refers to the blob holds a lock on it until that is committed: now all are seen.
    IF EXISTS (SELECT FROM media.media_files AS m WHERE m.blob_id = p_blob AND m.is_active) THEN
        RETURN TRUE;
    END IF;

    IF v_blob.state <> 'gone' THEN
        PERFORM media.doom_file(v_blob.store, v_blob.storage_key, TRUE);
    END IF;
    PERFORM media.doom_file(r.store, r.storage_key, TRUE) FROM media.renditions AS r WHERE r.blob_id = p_blob;
    DELETE FROM media.renditions AS r WHERE r.blob_id = p_blob;
    IF EXISTS (SELECT FROM media.media_files AS m WHERE m.blob_id = p_blob) THEN
        UPDATE media.blobs AS b SET state = 'gone' WHERE b.id = p_blob AND b.state <> 'gone';
    ELSE
        PERFORM set_config('media.blob_delete', 'on', TRUE);
        DELETE FROM media.blobs AS b WHERE b.id = p_blob;
        PERFORM set_config('media.blob_delete', 'off', TRUE);
    END IF;
    RETURN TRUE;
END
$$;

COMMENT ON FUNCTION media.give_up_blob(uuid) IS
'Dooms the files of a blob without a live reference; the row stays, gone, while deleted media refer to '
'it. False: somebody holds the blob, ask again later. Internal to give_up_blobs().';

CREATE FUNCTION media.give_up_blobs(p_grace_seconds int, p_limit int) RETURNS int
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_before timestamptz := now() - make_interval(secs => greatest(p_grace_seconds, 0));
    v_loose record;
    v_done int := 0;
BEGIN
    FOR v_loose IN
        SELECT l.id, l.blob_id
        FROM media.loose_blobs AS l
        WHERE l.since <= v_before
        ORDER BY l.id
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    LOOP
        -- A later loss of a reference has its own grace period.
        IF EXISTS (SELECT FROM media.loose_blobs AS l WHERE l.blob_id = v_loose.blob_id AND l.since > v_before)
           OR media.give_up_blob(v_loose.blob_id) THEN
            DELETE FROM media.loose_blobs AS l WHERE l.id = v_loose.id;
            v_done := v_done + 1;
        END IF;
    END LOOP;
    RETURN v_done;
END
$$;

COMMENT ON FUNCTION media.give_up_blobs(int, int) IS
'Gives up blobs that have been without a live reference (active media) for p_grace_seconds: their files '
'are doomed, see claim_doomed_files(). Looks at p_limit losses of a reference; returns how many it is '
'done with, fewer when there are no more.';
GRANT EXECUTE ON FUNCTION media.give_up_blobs(int, int) TO media_indexer;

COMMIT;
