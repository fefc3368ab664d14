-- Deploy ngx_media:adoption to pg
-- requires: downloads
-- requires: former_keys

BEGIN;

SET LOCAL ROLE media_owner;

CREATE FUNCTION media.adopted_account(p_company uuid, p_source text) RETURNS uuid
LANGUAGE plpgsql
AS $$
DECLARE
    c_name CONSTANT text := left(p_company::text || '/' || p_source, 256);
    v_account uuid;
BEGIN
    -- Not active: no webhook comes for it.
    INSERT INTO media.accounts (company_id, provider, external_id, is_active)
    VALUES (p_company, 'adopted', c_name, FALSE)
    ON CONFLICT (provider, external_id) DO NOTHING
    RETURNING id INTO v_account;
    IF v_account IS NULL THEN
        SELECT a.id INTO v_account FROM media.accounts AS a WHERE a.provider = 'adopted' AND a.external_id = c_name;
    END IF;
    RETURN v_account;
END
$$;

COMMENT ON FUNCTION media.adopted_account(uuid, text) IS
'The account that adopted media of a company and source belong to. Internal to adopt_file().';

CREATE FUNCTION media.adopted_message(p_company uuid, p_account uuid, p_source text, p_id text, p_sent_at timestamptz)
RETURNS media.messages
LANGUAGE plpgsql
AS $$
DECLARE
    v_conversation uuid;
    v_message media.messages;
BEGIN
    INSERT INTO media.conversations (company_id, account_id, external_id)
    VALUES (p_company, p_account, media.fit_key(p_source, 512))
    ON CONFLICT (company_id, account_id, external_id) DO NOTHING;
    SELECT c.id INTO v_conversation
    FROM media.conversations AS c
    WHERE c.company_id = p_company AND c.account_id = p_account AND c.external_id = media.fit_key(p_source, 512);
    INSERT INTO media.messages (company_id, account_id, conversation_id, external_id, sent_at)
    VALUES (p_company, p_account, v_conversation, media.fit_key(p_id, 512), p_sent_at)
    RETURNING * INTO v_message;
    RETURN v_message;
END
$$;

COMMENT ON FUNCTION media.adopted_message(uuid, uuid, text, text, timestamptz) IS
'A message that an adopted media item can hang on. Internal to adopt_file().';

CREATE FUNCTION media.find_adopted(p_company uuid, p_source text, p_id text) RETURNS uuid
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT m.id
        FROM media.accounts AS a
        JOIN media.messages AS g
            ON g.company_id = a.company_id AND g.external_id = media.fit_key(p_id, 512) AND g.account_id = a.id
        JOIN media.media_files AS m ON m.company_id = g.company_id AND m.message_id = g.id
        WHERE a.provider = 'adopted' AND a.external_id = left(p_company::text || '/' || p_source, 256)
    );
END
$$;

COMMENT ON FUNCTION media.find_adopted(uuid, text, text) IS
'The media that a row of a site''s own table has become, deleted or not; NULL: none yet.';
GRANT EXECUTE ON FUNCTION media.find_adopted(uuid, text, text) TO media_indexer;

CREATE FUNCTION media.adopt_file(
    p_company     uuid,
    p_source      text,
    p_id          text,
    p_path        text,
    p_file_type   text,
    p_mime_type   text,
    p_file_name   text,
    p_created_at  timestamptz,
    p_sha256      bytea,
    p_size        bigint,
    p_store       text,
    p_storage_key text
) RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_message media.messages;
    v_blob record;
    v_media uuid;
BEGIN
    PERFORM media.commit_durably(), set_config('media.actor', 'adopt', TRUE);
    IF media.find_adopted(p_company, p_source, p_id) IS NOT NULL THEN
        RETURN 'already_there';
    END IF;
    IF p_storage_key IS NOT NULL AND NOT media.keep_file(p_store, p_storage_key) THEN
        RETURN 'key_doomed';
    END IF;
    v_blob := media.ensure_blob(p_company, media.bucket_of(p_file_type), p_sha256, p_size, p_mime_type, p_store, p_storage_key);
    IF v_blob.blob_id IS NULL THEN
        RETURN 'blob_missing';
    END IF;
    IF p_storage_key IS NOT NULL AND (v_blob.store, v_blob.storage_key) <> (p_store, p_storage_key) THEN
        PERFORM media.doom_file(p_store, p_storage_key, FALSE);
    END IF;
    IF v_blob.storage_key <> p_path THEN
        INSERT INTO media.former_keys (storage_key, blob_id)
        SELECT p_path, v_blob.blob_id
        WHERE NOT EXISTS (SELECT FROM media.blobs AS b WHERE b.storage_key = p_path AND b.company_id <> p_company)
        ON CONFLICT DO NOTHING;
    END IF;

    v_message := media.adopted_message(p_company, media.adopted_account(p_company, p_source), p_source, p_id, p_created_at);
    INSERT INTO media.media_files (company_id, account_id, conversation_id, message_id, item_index, file_type, file_name, visibility,
                                   created_at)
    SELECT p_company, v_message.account_id, v_message.conversation_id, v_message.id, 0, p_file_type, left(p_file_name, 255),
           b.visibility, coalesce(p_created_at, now())
    FROM media.buckets AS b
    WHERE b.name = media.bucket_of(p_file_type)
    RETURNING id INTO v_media;
    UPDATE media.media_files AS m
    SET blob_id = v_blob.blob_id, mime_type = p_mime_type, file_size = p_size, download_status = 'completed'
    WHERE m.id = v_media;
    RETURN CASE WHEN v_blob.store = p_store AND v_blob.storage_key = p_storage_key THEN 'adopted' ELSE 'duplicate' END;
EXCEPTION WHEN unique_violation THEN
    RETURN 'key_taken';
END
$$;

COMMENT ON FUNCTION media.adopt_file(uuid, text, text, text, text, text, text, timestamptz, bytea, bigint, text, text) IS
'Makes media of a file of a site that was there before: row p_id of p_source, which was found under p_path and whose bytes '
'are durable under the key. Returns adopted; duplicate (the company has the bytes, under another key; p_path leads to it); '
'already_there (nothing happens); blob_missing (no key was given, and the company does not have the bytes: publish, call '
'again); key_doomed or key_taken (nothing happened: publish under another key, call again; key_taken also when somebody else '
'adopts it at this moment). Durable once committed. Errors: 23503 no such company; 23514 bad type, hash, size, key or path.';
GRANT EXECUTE ON FUNCTION media.adopt_file(uuid, text, text, text, text, text, text, timestamptz, bytea, bigint, text, text)
TO media_indexer;

COMMIT;
