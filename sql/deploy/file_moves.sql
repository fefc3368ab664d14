-- Deploy ngx_media:file_moves to pg
-- requires: downloads
-- requires: former_keys

BEGIN;

SET LOCAL ROLE media_owner;

-- What a move leaves behind is a doomed file, with the grace period of any: as long as it is there and
-- not being removed, the move can be undone. So the two rows go together.
CREATE TABLE media.file_moves (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company_id uuid NOT NULL,
    blob_id    uuid NOT NULL,
    kind       varchar(64) NOT NULL,
    from_store varchar(63) NOT NULL,
    from_key   media.storage_key NOT NULL,
    to_store   varchar(63) NOT NULL CHECK (to_store <> from_store),
    to_key     media.storage_key NOT NULL,
    moved_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (from_key, from_store),
    FOREIGN KEY (from_key, from_store) REFERENCES media.doomed_files (storage_key, store) ON DELETE CASCADE
);
CREATE INDEX file_moves_blob_id_idx ON media.file_moves (blob_id);
COMMENT ON TABLE media.file_moves IS
'Files that were moved to another store and whose old copy is known still. No row: it is in use again, or was '
'removed more than a day ago.';
COMMENT ON COLUMN media.file_moves.kind IS 'Of a rendition; empty: the original.';
ALTER TABLE media.file_moves ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION media.find_accounts(p_company uuid, p_account text) RETURNS SETOF uuid
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT a.id
    FROM media.accounts AS a
    WHERE (a.external_id = p_account OR a.id::text = lower(p_account))
      AND (p_company IS NULL OR a.company_id = p_company);
END
$$;

COMMENT ON FUNCTION media.find_accounts(uuid, text) IS
'The accounts, of any provider, that have this external id or id; of a company, unless that is NULL.';
GRANT EXECUTE ON FUNCTION media.find_accounts(uuid, text) TO media_indexer;

CREATE FUNCTION media.is_of_accounts(p_blob uuid, p_accounts uuid[]) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN p_accounts IS NULL
    OR EXISTS (SELECT FROM media.media_files AS m WHERE m.blob_id = p_blob AND m.account_id = ANY (p_accounts));

COMMENT ON FUNCTION media.is_of_accounts(uuid, uuid[]) IS
'Whether media of one of these accounts refer to the blob; NULL: any do. Internal to moves.';

CREATE FUNCTION media.stored_files(p_store text, p_company uuid, p_accounts uuid[], p_blob uuid, p_kind text, p_limit int)
RETURNS TABLE (
    blob_id     uuid,
    kind        text,
    storage_key text,
    size        bigint,
    sha256      bytea,
    mime_type   text,
    file_name   text,
    account_id  uuid
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH originals AS (
        SELECT b.id, ''::text AS kind, b.storage_key, b.size, b.sha256, b.mime_type
        FROM media.blobs AS b
        WHERE b.store = p_store AND b.state = 'live'
          AND b.id >= p_blob AND (b.id, '') > (p_blob, p_kind)
          AND (p_company IS NULL OR b.company_id = p_company)
          AND media.is_of_accounts(b.id, p_accounts)
        ORDER BY b.id
        LIMIT p_limit
    ),
    derived AS (
        SELECT r.blob_id AS id, r.kind::text, r.storage_key, r.size, r.sha256, r.mime_type
        FROM media.renditions AS r
        JOIN media.blobs AS b ON b.id = r.blob_id AND b.state = 'live'
        WHERE r.store = p_store
          AND r.blob_id >= p_blob AND (r.blob_id, r.kind::text COLLATE "C") > (p_blob, p_kind COLLATE "C")
          AND (p_company IS NULL OR r.company_id = p_company)
          AND media.is_of_accounts(r.blob_id, p_accounts)
        ORDER BY r.blob_id, r.kind::text COLLATE "C"
        LIMIT p_limit
    )
    SELECT f.id, f.kind, f.storage_key::text, f.size::bigint, f.sha256::bytea, f.mime_type::text, m.file_name, m.account_id
    FROM (SELECT * FROM originals UNION ALL SELECT * FROM derived) AS f
    LEFT JOIN LATERAL (
        SELECT n.file_name::text, n.account_id
        FROM media.media_files AS n
        WHERE n.blob_id = f.id
        ORDER BY n.created_at DESC, n.id DESC
        LIMIT 1
    ) AS m ON TRUE
    ORDER BY f.id, f.kind COLLATE "C"
    LIMIT p_limit;
END
$$;

COMMENT ON FUNCTION media.stored_files(text, uuid, uuid[], uuid, text, int) IS
'Up to p_limit files that rows say are in a store, after that of (p_blob, p_kind), by blob; kind is empty for the '
'original and comes before its renditions. Of a company and of accounts whose media have the blob, unless those '
'are NULL. file_name and account_id are of the newest media.';
GRANT EXECUTE ON FUNCTION media.stored_files(text, uuid, uuid[], uuid, text, int) TO media_indexer;

CREATE FUNCTION media.count_stored_files(p_store text, p_company uuid, p_accounts uuid[], OUT files bigint, OUT bytes numeric)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    SELECT count(*), coalesce(sum(f.size), 0) INTO files, bytes
    FROM (
        SELECT b.id, b.company_id, b.size
        FROM media.blobs AS b
        WHERE b.store = p_store AND b.state = 'live'
        UNION ALL
        SELECT r.blob_id, r.company_id, r.size
        FROM media.renditions AS r
        JOIN media.blobs AS b ON b.id = r.blob_id AND b.state = 'live'
        WHERE r.store = p_store
    ) AS f
    WHERE (p_company IS NULL OR f.company_id = p_company)
      AND media.is_of_accounts(f.id, p_accounts);
END
$$;

COMMENT ON FUNCTION media.count_stored_files(text, uuid, uuid[]) IS
'How many files stored_files() has from the first to the last, and their bytes.';
GRANT EXECUTE ON FUNCTION media.count_stored_files(text, uuid, uuid[]) TO media_indexer;

CREATE FUNCTION media.lock_stored_file(p_blob uuid, p_kind text, OUT company_id uuid, OUT store text, OUT storage_key text)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
BEGIN
    SELECT b.company_id, b.store, b.storage_key INTO company_id, store, storage_key
    FROM media.blobs AS b
    WHERE b.id = p_blob AND b.state = 'live'
    FOR UPDATE;
    IF FOUND AND p_kind <> '' THEN
        SELECT r.company_id, r.store, r.storage_key INTO company_id, store, storage_key
        FROM media.renditions AS r
        WHERE r.blob_id = p_blob AND r.kind = p_kind
        FOR UPDATE;
    END IF;
END
$$;

COMMENT ON FUNCTION media.lock_stored_file(uuid, text) IS
'Where the original (kind empty) or a rendition of a live blob is, locked with the blob; NULLs: there is none. '
'Internal to moves.';

-- Not LANGUAGE sql: that would be planned anew with every call.
CREATE FUNCTION media.is_key_taken(p_store text, p_storage_key text) RETURNS boolean
LANGUAGE plpgsql
STABLE
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM media.blobs AS b WHERE b.storage_key = p_storage_key AND b.store = p_store)
        OR EXISTS (SELECT FROM media.renditions AS r WHERE r.storage_key = p_storage_key AND r.store = p_store);
END
$$;

COMMENT ON FUNCTION media.is_key_taken(text, text) IS
'Whether a blob, gone ones among them, or a rendition has a key. Internal to moves.';

CREATE FUNCTION media.leave_file(
    p_company    uuid,
    p_blob       uuid,
    p_kind       text,
    p_from_store text,
    p_from_key   text,
    p_to_store   text,
    p_to_key     text
) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    -- The grace period starts now, whatever was known of the key before.
    INSERT INTO media.doomed_files AS d (storage_key, store, is_spare)
    VALUES (p_from_key, p_from_store, FALSE)
    ON CONFLICT (storage_key, store) DO UPDATE
    SET is_spare = FALSE,
        doomed_at = EXCLUDED.doomed_at,
        removing_at = NULL,
        removed_at = NULL;
    INSERT INTO media.file_moves AS v (company_id, blob_id, kind, from_store, from_key, to_store, to_key)
    VALUES (p_company, p_blob, p_kind, p_from_store, p_from_key, p_to_store, p_to_key)
    ON CONFLICT (from_key, from_store) DO UPDATE
    SET company_id = EXCLUDED.company_id,
        blob_id = EXCLUDED.blob_id,
        kind = EXCLUDED.kind,
        to_store = EXCLUDED.to_store,
        to_key = EXCLUDED.to_key,
        moved_at = EXCLUDED.moved_at;
END
$$;

COMMENT ON FUNCTION media.leave_file(uuid, uuid, text, text, text, text, text) IS
'Dooms the old copy of what was moved, and remembers the move for as long. Internal to move_file().';

CREATE FUNCTION media.move_file(
    p_blob       uuid,
    p_kind       text,
    p_from_store text,
    p_from_key   text,
    p_to_store   text,
    p_to_key     text
) RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
-- A migration fills tables that were empty when they were last looked at: plans of then would read all of them.
SET enable_seqscan = off
AS $$
DECLARE
    v_file record;
BEGIN
    PERFORM media.commit_durably();
    v_file := media.lock_stored_file(p_blob, p_kind);
    IF (v_file.store, v_file.storage_key) IS DISTINCT FROM (p_from_store, p_from_key) THEN
        IF (v_file.store, v_file.storage_key) IS DISTINCT FROM (p_to_store, p_to_key) THEN
            PERFORM media.doom_file(p_to_store, p_to_key, TRUE);
        END IF;
        RETURN CASE WHEN v_file.store = p_to_store THEN 'already_there' ELSE 'vanished' END;
    END IF;
    IF media.is_key_taken(p_to_store, p_to_key) THEN
        PERFORM media.doom_file(p_to_store, p_to_key, TRUE);
        RETURN 'key_taken';
    END IF;
    IF NOT media.keep_file(p_to_store, p_to_key) THEN
        RETURN 'key_doomed';
    END IF;

    IF p_kind = '' THEN
        UPDATE media.blobs AS b SET store = p_to_store, storage_key = p_to_key WHERE b.id = p_blob;
        INSERT INTO media.former_keys (storage_key, blob_id)
        SELECT p_from_key, p_blob
        WHERE p_to_key <> p_from_key
        ON CONFLICT DO NOTHING;
    ELSE
        UPDATE media.renditions AS r
        SET store = p_to_store, storage_key = p_to_key
        WHERE r.blob_id = p_blob AND r.kind = p_kind;
    END IF;
    PERFORM media.leave_file(v_file.company_id, p_blob, p_kind, p_from_store, p_from_key, p_to_store, p_to_key);
    RETURN 'moved';
EXCEPTION WHEN unique_violation THEN
    -- Somebody took it at the same moment.
    PERFORM media.doom_file(p_to_store, p_to_key, TRUE);
    RETURN 'key_taken';
END
$$;

COMMENT ON FUNCTION media.move_file(uuid, text, text, text, text, text) IS
'Says that a file (kind empty: the original, else a rendition) is in another store from now on, where its bytes are '
'durable and verified. Returns moved: the old copy is doomed, with a grace period; already_there: another one has '
'moved it; vanished: it is deleted, or was moved elsewhere; key_doomed, key_taken: the row is as it was, publish '
'under another key and call again. But for moved, the new copy is doomed unless something has it. Durable once '
'committed. Errors: 23514 from and to are one store, or a bad key.';
GRANT EXECUTE ON FUNCTION media.move_file(uuid, text, text, text, text, text) TO media_indexer;

CREATE FUNCTION media.discard_copy(p_store text, p_storage_key text) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    PERFORM media.doom_file(p_store, p_storage_key, TRUE);
END
$$;

COMMENT ON FUNCTION media.discard_copy(text, text) IS
'Has a file removed that was written in vain, unless a blob or rendition has it when the time has come.';
GRANT EXECUTE ON FUNCTION media.discard_copy(text, text) TO media_indexer;

CREATE FUNCTION media.is_stored_at(p_blob uuid, p_kind text, p_store text, p_storage_key text) RETURNS boolean
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM media.blobs AS b
        WHERE b.id = p_blob AND b.state = 'live'
          AND CASE p_kind
                  WHEN '' THEN b.store = p_store AND b.storage_key = p_storage_key
                  ELSE EXISTS (
                      SELECT FROM media.renditions AS r
                      WHERE r.blob_id = p_blob AND r.kind = p_kind AND r.store = p_store AND r.storage_key = p_storage_key
                  )
              END
    );
END
$$;

COMMENT ON FUNCTION media.is_stored_at(uuid, text, text, text) IS
'Whether a live blob or a rendition of it still is where it was: what is missing there has vanished or is lost.';
GRANT EXECUTE ON FUNCTION media.is_stored_at(uuid, text, text, text) TO media_indexer;

CREATE FUNCTION media.undoable_moves(
    p_from     text,
    p_to       text,
    p_company  uuid,
    p_accounts uuid[],
    p_after    bigint,
    p_limit    int
)
RETURNS TABLE (
    id         bigint,
    blob_id    uuid,
    kind       text,
    from_key   text,
    to_key     text,
    size       bigint,
    sha256     bytea
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT v.id, v.blob_id, v.kind::text, v.from_key::text, v.to_key::text, f.size, f.sha256
    FROM media.file_moves AS v
    JOIN media.doomed_files AS d ON d.storage_key = v.from_key AND d.store = v.from_store AND d.removing_at IS NULL
    CROSS JOIN LATERAL (
        SELECT b.size::bigint, b.sha256::bytea
        FROM media.blobs AS b
        WHERE v.kind = '' AND b.id = v.blob_id AND b.state = 'live' AND b.store = v.to_store AND b.storage_key = v.to_key
        UNION ALL
        SELECT r.size::bigint, r.sha256::bytea
        FROM media.renditions AS r
        JOIN media.blobs AS b ON b.id = r.blob_id AND b.state = 'live'
        WHERE r.blob_id = v.blob_id AND r.kind = v.kind AND r.store = v.to_store AND r.storage_key = v.to_key
    ) AS f
    WHERE v.from_store = p_from AND v.to_store = p_to AND v.id > p_after
      AND (p_company IS NULL OR v.company_id = p_company)
      AND media.is_of_accounts(v.blob_id, p_accounts)
    ORDER BY v.id
    LIMIT p_limit;
END
$$;

COMMENT ON FUNCTION media.undoable_moves(text, text, uuid, uuid[], bigint, int) IS
'Up to p_limit moves after p_after whose old copy is still there and whose file is where it was moved to: '
'move_file() the other way, with the keys exchanged, undoes one.';
GRANT EXECUTE ON FUNCTION media.undoable_moves(text, text, uuid, uuid[], bigint, int) TO media_indexer;

CREATE FUNCTION media.try_lock_moves(p_store text, p_other text) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN pg_try_advisory_lock(
        hashtextextended('media.file_moves ' || least(p_store, p_other) || ' ' || greatest(p_store, p_other), 0));
END
$$;

COMMENT ON FUNCTION media.try_lock_moves(text, text) IS
'Whether this session is the only one that moves files between the two stores, from now until it ends. Two would '
'do no harm, but each other''s work.';
GRANT EXECUTE ON FUNCTION media.try_lock_moves(text, text) TO media_indexer;

COMMIT;
