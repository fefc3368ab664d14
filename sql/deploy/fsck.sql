-- Deploy ngx_media:fsck to pg
-- requires: known_files
-- requires: deletions

BEGIN;

SET LOCAL ROLE media_owner;

-- Both unlogged: a crash empties both, so that no run goes on with half a listing.
CREATE UNLOGGED TABLE media.fsck_runs (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    store      varchar(63) NOT NULL,
    cutoff     timestamptz NOT NULL,
    is_listed  boolean NOT NULL DEFAULT FALSE,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE media.fsck_runs IS
'Comparisons of a store with the database that are under way. What changed after the cutoff is left alone.';

CREATE UNLOGGED TABLE media.fsck_listing (
    run         bigint NOT NULL,
    storage_key media.storage_key NOT NULL,
    size        media.byte_count NOT NULL,
    modified_at timestamptz NOT NULL,
    PRIMARY KEY (run, storage_key)
);
COMMENT ON TABLE media.fsck_listing IS 'What a run of fsck_runs has found in its store.';

CREATE TABLE media.fsck_positions (
    store       varchar(63) PRIMARY KEY,
    storage_key media.storage_key NOT NULL,
    checked_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE media.fsck_positions IS
'Up to which key the files of a store have been read and hashed; the next check goes on from there.';

ALTER TABLE media.fsck_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.fsck_listing ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.fsck_positions ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION media.list_stores() RETURNS TABLE (
    store text,
    files bigint,
    bytes bigint
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT k.store::text, count(*), sum(k.size)::bigint
    FROM media.known_files AS k
    WHERE k.kind <> 'doomed'
    GROUP BY k.store
    ORDER BY k.store;
END
$$;

COMMENT ON FUNCTION media.list_stores() IS
'The stores that blobs and renditions lie in, with how many files and bytes.';
GRANT EXECUTE ON FUNCTION media.list_stores() TO media_indexer;

CREATE FUNCTION media.fsck_end(p_run bigint) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    DELETE FROM media.fsck_runs AS r WHERE r.id = p_run;
    DELETE FROM media.fsck_listing AS l WHERE l.run = p_run;
END
$$;

COMMENT ON FUNCTION media.fsck_end(bigint) IS 'Forgets a run and its listing.';
GRANT EXECUTE ON FUNCTION media.fsck_end(bigint) TO media_indexer;

CREATE FUNCTION media.fsck_start(p_store text, p_min_age_seconds bigint) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_run bigint;
BEGIN
    PERFORM media.fsck_end(r.id) FROM media.fsck_runs AS r WHERE r.started_at < now() - interval '2 days';
    INSERT INTO media.fsck_runs (store, cutoff)
    VALUES (p_store, now() - make_interval(secs => greatest(p_min_age_seconds, 0)))
    RETURNING id INTO v_run;
    RETURN v_run;
END
$$;

COMMENT ON FUNCTION media.fsck_start(text, bigint) IS
'Begins to compare a store with the database and returns the id of the run. Files and rows that are younger '
'than p_min_age_seconds by now, or come later, are left alone. Forgets runs that never ended.';
GRANT EXECUTE ON FUNCTION media.fsck_start(text, bigint) TO media_indexer;

CREATE FUNCTION media.fsck_run(p_run bigint, p_is_listed boolean) RETURNS media.fsck_runs
LANGUAGE plpgsql
AS $$
DECLARE
    v_run media.fsck_runs;
BEGIN
    SELECT r.* INTO v_run FROM media.fsck_runs AS r WHERE r.id = p_run AND r.is_listed = p_is_listed FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'fsck run % is over, or its listing is not complete', p_run
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN v_run;
END
$$;

COMMENT ON FUNCTION media.fsck_run(bigint, boolean) IS
'A run, which stays until the transaction ends. Error 55000: there is none, or its listing is not (or is '
'already) complete. Internal to fsck.';

CREATE FUNCTION media.fsck_note(p_run bigint, p_keys text[], p_sizes bigint[], p_modified bigint[]) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    PERFORM media.fsck_run(p_run, FALSE);
    -- Stores tell whole seconds: a file may be almost a second younger than it seems. One that is
    -- replaced while the store is listed may be told twice.
    INSERT INTO media.fsck_listing (run, storage_key, size, modified_at)
    SELECT DISTINCT ON (f.storage_key) p_run, f.storage_key, f.size, to_timestamp(f.modified + 1)
    FROM unnest(p_keys, p_sizes, p_modified) AS f (storage_key, size, modified)
    ON CONFLICT (run, storage_key) DO UPDATE
    SET size = EXCLUDED.size,
        modified_at = EXCLUDED.modified_at;
END
$$;

COMMENT ON FUNCTION media.fsck_note(bigint, text[], bigint[], bigint[]) IS
'Takes a portion of the listing of a run''s store: keys, sizes, and UTC seconds of the last change. Error 55000: '
'the run is over.';
GRANT EXECUTE ON FUNCTION media.fsck_note(bigint, text[], bigint[], bigint[]) TO media_indexer;

CREATE FUNCTION media.fsck_listed(p_run bigint, OUT files bigint, OUT bytes bigint, OUT tracked bigint)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_run media.fsck_runs := media.fsck_run(p_run, FALSE);
BEGIN
    UPDATE media.fsck_runs AS r SET is_listed = TRUE WHERE r.id = p_run;
    SELECT count(*), coalesce(sum(l.size), 0) INTO files, bytes FROM media.fsck_listing AS l WHERE l.run = p_run;
    SELECT count(*) INTO tracked
    FROM media.known_files AS k
    WHERE k.store = v_run.store AND k.kind <> 'doomed';
END
$$;

COMMENT ON FUNCTION media.fsck_listed(bigint) IS
'The listing of a run is complete. Returns how much it is, and how many files the database has in the store.';
GRANT EXECUTE ON FUNCTION media.fsck_listed(bigint) TO media_indexer;

CREATE FUNCTION media.fsck_faulty(p_run bigint, p_after text, p_limit int) RETURNS TABLE (
    kind        text,
    storage_key text,
    size        bigint,
    found_size  bigint,
    blob_id     uuid,
    rendition   text
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_run media.fsck_runs := media.fsck_run(p_run, TRUE);
BEGIN
    RETURN QUERY
    SELECT CASE WHEN l.storage_key IS NULL THEN 'missing' ELSE 'size' END,
           k.storage_key::text,
           k.size::bigint,
           l.size::bigint,
           k.blob_id,
           k.rendition::text
    FROM media.known_files AS k
    LEFT JOIN media.fsck_listing AS l ON l.run = p_run AND l.storage_key = k.storage_key
    WHERE k.store = v_run.store
      AND k.kind <> 'doomed'
      AND k.changed_at <= v_run.cutoff
      AND k.storage_key > p_after
      AND (l.storage_key IS NULL OR l.size <> k.size)
    ORDER BY k.storage_key
    LIMIT p_limit;
END
$$;

COMMENT ON FUNCTION media.fsck_faulty(bigint, text, int) IS
'Files of the database that the store does not have (missing) or has in another size (size), in the order of '
'their keys, after p_after. Error 55000: the listing is not complete.';
GRANT EXECUTE ON FUNCTION media.fsck_faulty(bigint, text, int) TO media_indexer;

CREATE FUNCTION media.unknown_files(p_run media.fsck_runs) RETURNS SETOF media.fsck_listing
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT l.*
    FROM media.fsck_listing AS l
    WHERE l.run = p_run.id
      AND l.modified_at <= p_run.cutoff
      AND NOT EXISTS (
          SELECT FROM media.known_files AS k WHERE k.store = p_run.store AND k.storage_key = l.storage_key
      )
      -- Removed since it was listed.
      AND NOT EXISTS (
          SELECT FROM media.doomed_files AS d
          WHERE d.store = p_run.store AND d.storage_key = l.storage_key AND d.removed_at >= p_run.started_at
      );
END;

COMMENT ON FUNCTION media.unknown_files(media.fsck_runs) IS
'What a run has listed, is old enough, and is not known to the database by now. Internal to fsck.';

CREATE FUNCTION media.fsck_untracked(p_run bigint, p_after text, p_limit int) RETURNS TABLE (
    storage_key text,
    size        bigint,
    modified_at bigint
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_run media.fsck_runs := media.fsck_run(p_run, TRUE);
BEGIN
    RETURN QUERY
    SELECT l.storage_key::text, l.size::bigint, media.to_unix(l.modified_at) - 1
    FROM media.unknown_files(v_run) AS l
    WHERE l.storage_key > p_after
    ORDER BY l.storage_key
    LIMIT p_limit;
END
$$;

COMMENT ON FUNCTION media.fsck_untracked(bigint, text, int) IS
'Files of the store that the database does not know by now, in the order of their keys, after p_after. Error '
'55000: the listing is not complete.';
GRANT EXECUTE ON FUNCTION media.fsck_untracked(bigint, text, int) TO media_indexer;

CREATE FUNCTION media.fsck_doom(p_run bigint, p_keys text[]) RETURNS SETOF text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_run media.fsck_runs := media.fsck_run(p_run, TRUE);
    v_key text;
BEGIN
    FOR v_key IN SELECT l.storage_key FROM media.unknown_files(v_run) AS l WHERE l.storage_key = ANY (p_keys) LOOP
        PERFORM media.doom_file(v_run.store, v_key, FALSE);
        RETURN NEXT v_key;
    END LOOP;
END
$$;

COMMENT ON FUNCTION media.fsck_doom(bigint, text[]) IS
'Has files of the store removed after the grace period that are old enough and that the database does not '
'know by now; returns those. They stay where they are until then, and a blob that gets one keeps it.';
GRANT EXECUTE ON FUNCTION media.fsck_doom(bigint, text[]) TO media_indexer;

CREATE FUNCTION media.lose_blob(p_blob uuid, p_store text, p_storage_key text, p_reason text, p_error text)
RETURNS TABLE (
    failed  int,
    retried int
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_media uuid[];
    v_active uuid[];
BEGIN
    PERFORM media.set_actor('fsck', NULL);
    v_media := media.lock_media(ARRAY(SELECT m.id FROM media.media_files AS m WHERE m.blob_id = p_blob));
    PERFORM FROM media.blobs AS b
    WHERE b.id = p_blob AND b.store = p_store AND b.storage_key = p_storage_key AND b.state = 'live'
    FOR UPDATE;
    -- Or it has another file by now, or more media than are locked.
    IF NOT FOUND OR EXISTS (
        SELECT FROM media.media_files AS m WHERE m.blob_id = p_blob AND m.id <> ALL (v_media)
    ) THEN
        RETURN;
    END IF;
    PERFORM media.doom_file(p_store, p_storage_key, FALSE);
    UPDATE media.blobs AS b SET state = 'gone' WHERE b.id = p_blob;

    -- Deleted media keep the reference: who restores them has them fetched again.
    WITH lost AS (
        UPDATE media.media_files AS m
        SET blob_id = NULL,
            mime_type = NULL,
            file_size = NULL,
            download_status = 'failed',
            last_error = left(p_reason || ': ' || coalesce(p_error, ''), 1000)
        WHERE m.id = ANY (v_media) AND m.is_active
        RETURNING m.id
    )
    SELECT coalesce(array_agg(l.id), '{}') INTO v_active FROM lost AS l;
    PERFORM media.bury_download(a.id, p_reason) FROM unnest(v_active) AS a (id);
    RETURN QUERY
    SELECT cardinality(v_active), media.queue_downloads(ARRAY(
        SELECT m.id
        FROM media.media_files AS m
        WHERE m.id = ANY (v_active)
          AND coalesce(m.deadline > now(), TRUE)
          AND (m.provider_media_id IS NOT NULL OR m.provider_media_url IS NOT NULL)
    ));
END
$$;

COMMENT ON FUNCTION media.lose_blob(uuid, text, text, text, text) IS
'The bytes of a blob are missing or not its own. Its media fail, for this reason (a code and a text, as of '
'fail_job()); those that their provider may still have are queued again. Bytes that are there are doomed, and stay '
'for the grace period. Returns how many media failed, and how many of these are fetched again; no row: the blob '
'has changed meanwhile, and stays as it is.';
GRANT EXECUTE ON FUNCTION media.lose_blob(uuid, text, text, text, text) TO media_indexer;

CREATE FUNCTION media.lose_rendition(p_blob uuid, p_kind text, p_store text, p_storage_key text) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    DELETE FROM media.renditions AS r
    WHERE r.blob_id = p_blob AND r.kind = p_kind AND r.store = p_store AND r.storage_key = p_storage_key;
    RETURN FOUND;
END
$$;

COMMENT ON FUNCTION media.lose_rendition(uuid, text, text, text) IS
'The bytes of a rendition are missing or not its own: the row goes, bytes that are there are doomed. False: it '
'has changed meanwhile.';
GRANT EXECUTE ON FUNCTION media.lose_rendition(uuid, text, text, text) TO media_indexer;

CREATE FUNCTION media.fsck_files(p_store text, p_after text, p_until text, p_limit int) RETURNS TABLE (
    storage_key text,
    size        bigint,
    sha256      text,
    blob_id     uuid,
    rendition   text
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT k.storage_key::text, k.size::bigint, encode(k.sha256, 'hex'), k.blob_id, k.rendition::text
    FROM media.known_files AS k
    WHERE k.store = p_store
      AND k.kind <> 'doomed'
      AND k.storage_key > p_after
      AND (p_until IS NULL OR k.storage_key <= p_until)
    ORDER BY k.storage_key
    LIMIT p_limit;
END
$$;

COMMENT ON FUNCTION media.fsck_files(text, text, text, int) IS
'What the database says of the files of a store, in the order of their keys, after p_after and up to p_until (NULL: '
'the last).';
GRANT EXECUTE ON FUNCTION media.fsck_files(text, text, text, int) TO media_indexer;

CREATE FUNCTION media.is_known_file(p_store text, p_storage_key text, p_sha256 text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM media.known_files AS k
        WHERE k.store = p_store AND k.storage_key = p_storage_key AND k.kind <> 'doomed'
          AND (p_sha256 IS NULL OR k.sha256 = decode(p_sha256, 'hex'))
    );
END
$$;

COMMENT ON FUNCTION media.is_known_file(text, text, text) IS
'Whether a blob or rendition has this file by now; with a hash: and expects that of it.';
GRANT EXECUTE ON FUNCTION media.is_known_file(text, text, text) TO media_indexer;

CREATE FUNCTION media.fsck_position(p_store text) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN coalesce((SELECT p.storage_key::text FROM media.fsck_positions AS p WHERE p.store = p_store), '');
END
$$;

COMMENT ON FUNCTION media.fsck_position(text) IS
'The key up to which the files of a store have been hashed; empty: the next check begins with the first.';
GRANT EXECUTE ON FUNCTION media.fsck_position(text) TO media_indexer;

CREATE FUNCTION media.set_fsck_position(p_store text, p_storage_key text) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    IF p_storage_key = '' THEN
        DELETE FROM media.fsck_positions AS p WHERE p.store = p_store;
        RETURN;
    END IF;
    INSERT INTO media.fsck_positions (store, storage_key)
    VALUES (p_store, p_storage_key)
    ON CONFLICT (store) DO UPDATE
    SET storage_key = EXCLUDED.storage_key,
        checked_at = now();
END
$$;

COMMENT ON FUNCTION media.set_fsck_position(text, text) IS 'What fsck_position() returns from now on.';
GRANT EXECUTE ON FUNCTION media.set_fsck_position(text, text) TO media_indexer;

COMMIT;
