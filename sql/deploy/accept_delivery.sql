-- Deploy ngx_media:accept_delivery to pg
-- requires: deliveries
-- requires: media_events
-- requires: jobs
-- requires: deletions

BEGIN;

SET LOCAL ROLE media_owner;

CREATE FUNCTION media.ensure_conversation(p_company uuid, p_account uuid, p_external_id text) RETURNS uuid
LANGUAGE plpgsql
AS $$
DECLARE
    v_key text := media.fit_key(p_external_id, 512);
    v_id uuid;
BEGIN
    SELECT c.id INTO v_id
    FROM media.conversations AS c
    WHERE c.company_id = p_company AND c.account_id = p_account AND c.external_id = v_key;
    IF FOUND THEN
        RETURN v_id;
    END IF;
    -- DO UPDATE rather than DO NOTHING: it returns the row of whoever was faster.
    INSERT INTO media.conversations AS c (company_id, account_id, external_id)
    VALUES (p_company, p_account, v_key)
    ON CONFLICT (company_id, account_id, external_id) DO UPDATE SET external_id = EXCLUDED.external_id
    RETURNING c.id INTO v_id;
    RETURN v_id;
END
$$;

COMMENT ON FUNCTION media.ensure_conversation(uuid, uuid, text) IS
'The id of an account''s conversation, made when new. Internal to accept_delivery().';

CREATE FUNCTION media.ensure_message(
    p_company      uuid,
    p_account      uuid,
    p_conversation uuid,
    p_message      jsonb,
    OUT message_id      uuid,
    OUT conversation_id uuid,
    OUT is_withdrawn    boolean
)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
    v_key text := media.fit_key(p_message ->> 'external_id', 512);
    v_sender text := left(p_message ->> 'sender', 256);
    v_body text := left(p_message ->> 'text', 65536);
    v_sent_at timestamptz := media.from_unix((p_message ->> 'sent_at')::numeric);
BEGIN
    LOOP
        INSERT INTO media.messages AS m (company_id, account_id, conversation_id, external_id, sender, body, sent_at)
        VALUES (p_company, p_account, p_conversation, v_key, v_sender, v_body, v_sent_at)
        ON CONFLICT (company_id, account_id, external_id) DO NOTHING
        RETURNING m.id, m.conversation_id, m.withdrawn_at IS NOT NULL INTO message_id, conversation_id, is_withdrawn;
        EXIT WHEN FOUND;

        UPDATE media.messages AS m
        SET sender = coalesce(m.sender, v_sender),
            body = coalesce(m.body, v_body),
            sent_at = coalesce(m.sent_at, v_sent_at)
        WHERE m.company_id = p_company AND m.account_id = p_account AND m.external_id = v_key
        RETURNING m.id, m.conversation_id, m.withdrawn_at IS NOT NULL INTO message_id, conversation_id, is_withdrawn;
        EXIT WHEN FOUND; -- or else it was deleted meanwhile
    END LOOP;
END
$$;

COMMENT ON FUNCTION media.ensure_message(uuid, uuid, uuid, jsonb) IS
'The id and conversation of a message, made when new; of a known one only what is missing is filled in. '
'Internal to accept_delivery().';

CREATE FUNCTION media.add_media(
    p_company      uuid,
    p_account      uuid,
    p_conversation uuid,
    p_message      uuid,
    p_event_kind   text,
    p_is_active    boolean,
    p_media        jsonb
) RETURNS int
LANGUAGE plpgsql
-- Planning it with every call took longer than what it does.
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    v_provider text := (SELECT a.provider FROM media.accounts AS a WHERE a.id = p_account);
    v_created int;
BEGIN
    WITH fresh AS (
        INSERT INTO media.media_files (
            company_id, account_id, conversation_id, message_id, event_kind, item_index,
            provider_media_id, provider_media_url, url_expires_at, deadline,
            file_name, file_type, declared_mime_type, provider_size, provider_sha256, visibility,
            duration_seconds, waveform, download_status, last_error, is_active
        )
        SELECT p_company,
               p_account,
               p_conversation,
               p_message,
               p_event_kind,
               i.index,
               left(i.provider_media_id, 1024),
               left(i.url, 32768),
               media.from_unix(i.url_expires_at),
               media.from_unix(i.deadline),
               left(i.file_name, 255),
               i.file_type,
               left(i.declared_mime_type, 255),
               CASE WHEN i.size >= 0 THEN i.size END,
               CASE WHEN i.sha256 ~ '^[0-9A-Fa-f]{64}$' THEN decode(i.sha256, 'hex') END,
               coalesce(b.visibility, 'private'),
               CASE WHEN i.duration_seconds >= 0 THEN i.duration_seconds END,
               CASE WHEN length(i.waveform) <= 1024 THEN i.waveform END,
               CASE WHEN i.failure IS NULL THEN 'pending' ELSE 'failed' END,
               left(i.failure, 1000),
               p_is_active
        FROM jsonb_to_recordset(p_media) AS i (
            index int, provider_media_id text, url text, url_expires_at numeric, file_name text, file_type text,
            declared_mime_type text, size bigint, sha256 text, deadline numeric,
            duration_seconds double precision, waveform text, failure text
        )
        LEFT JOIN media.buckets AS b ON b.name = media.bucket_of(i.file_type)
        -- An edited message names all of its media again.
        WHERE p_event_kind = 'message'
           OR NOT EXISTS (
               SELECT
               FROM media.media_files AS m
               WHERE m.company_id = p_company
                 AND m.message_id = p_message
                 AND m.provider_media_id = left(i.provider_media_id, 1024)
           )
        ON CONFLICT (company_id, message_id, event_kind, item_index) DO NOTHING
        RETURNING id, download_status, provider_media_url, url_expires_at, deadline
    ),
    queued AS (
        INSERT INTO media.jobs (kind, company_id, media_id, account_id, host, expires_at)
        SELECT 'download',
               p_company,
               f.id,
               p_account,
               media.job_host(f.provider_media_url, v_provider),
               coalesce(least(f.url_expires_at, f.deadline), 'infinity')
        FROM fresh AS f
        WHERE f.download_status = 'pending' AND p_is_active
    )
    SELECT count(*) INTO v_created FROM fresh;
    RETURN v_created;
END
$$;

COMMENT ON FUNCTION media.add_media(uuid, uuid, uuid, uuid, text, boolean, jsonb) IS
'Adds a message''s media items that are not there yet, each with its download job unless it failed '
'already or is deleted from the start; returns how many. Internal to accept_delivery(), which describes the items.';

CREATE FUNCTION media.add_messages(p_company uuid, p_account uuid, p_messages jsonb) RETURNS int
LANGUAGE plpgsql
AS $$
DECLARE
    v_company uuid;
    v_account uuid;
    v_conversation uuid;
    v_message record;
    v_item jsonb;
    v_created int := 0;
BEGIN
    -- One order for all deliveries: two that share conversations cannot deadlock.
    FOR v_item IN
        SELECT i.item
        FROM jsonb_array_elements(coalesce(p_messages, '[]')) AS i (item)
        ORDER BY i.item ->> 'account_id', i.item #>> '{conversation,external_id}', i.item ->> 'external_id'
    LOOP
        v_account := coalesce((v_item ->> 'account_id')::uuid, p_account);
        IF v_account = p_account THEN
            v_company := p_company;
        ELSE
            SELECT a.company_id INTO v_company FROM media.accounts AS a WHERE a.id = v_account;
        END IF;
        IF v_company IS NULL THEN
            RAISE EXCEPTION 'there is no account %', v_account USING ERRCODE = 'foreign_key_violation';
        END IF;

        v_conversation := media.ensure_conversation(v_company, v_account, v_item #>> '{conversation,external_id}');
        v_message := media.ensure_message(v_company, v_account, v_conversation, v_item);
        IF (v_item ->> 'is_withdrawn')::boolean THEN
            PERFORM media.withdraw_message(v_message.message_id, 'webhook', 'withdrawn by its sender');
        ELSIF jsonb_array_length(coalesce(v_item -> 'media', '[]')) > 0 THEN
            v_created := v_created + media.add_media(
                v_company, v_account, v_message.conversation_id, v_message.message_id,
                coalesce(left(v_item ->> 'event_kind', 64), 'message'), NOT v_message.is_withdrawn, v_item -> 'media'
            );
        END IF;
    END LOOP;
    RETURN v_created;
END
$$;

COMMENT ON FUNCTION media.add_messages(uuid, uuid, jsonb) IS
'Adds what is not there yet of the messages of a delivery to this account of this company; returns how many media '
'rows were made. Internal to accept_delivery(), which describes the messages, and replay_delivery().';

CREATE FUNCTION media.accept_delivery(
    p_account      uuid,
    p_delivery_key text,
    p_headers      jsonb,
    p_body         bytea,
    p_messages     jsonb
)
RETURNS TABLE (
    delivery_id   uuid,
    is_new        boolean,
    media_created int
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_key text := media.fit_key(p_delivery_key, 512);
    v_own_company uuid;
BEGIN
    PERFORM media.commit_durably();
    media_created := 0;

    INSERT INTO media.deliveries AS d (company_id, account_id, delivery_key, headers, body)
    SELECT a.company_id, a.id, v_key, coalesce(p_headers, '{}'), p_body
    FROM media.accounts AS a
    WHERE a.id = p_account
    ON CONFLICT (account_id, delivery_key) DO NOTHING
    RETURNING d.id, d.company_id INTO delivery_id, v_own_company;
    is_new := FOUND;

    IF NOT is_new THEN
        SELECT d.id INTO delivery_id
        FROM media.deliveries AS d
        WHERE d.account_id = p_account AND d.delivery_key = v_key;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'there is no account %', p_account USING ERRCODE = 'foreign_key_violation';
        END IF;
        RETURN NEXT;
        RETURN;
    END IF;

    PERFORM set_config('media.actor', 'webhook', TRUE);
    media_created := media.add_messages(v_own_company, p_account, p_messages);
    RETURN NEXT;
END
$$;

COMMENT ON FUNCTION media.accept_delivery(uuid, text, jsonb, bytea, jsonb) IS
'Takes one webhook in one transaction: the delivery, its messages, their media rows, a download job for '
'each new one. In: the account it came for, the provider''s id of the delivery, headers, raw body, and '
'messages [{"account_id"?, "external_id", "conversation": {"external_id"}, "event_kind"?, "sender"?, '
'"sent_at"?, "text"?, "is_withdrawn"?, "media": [{"index", "file_type", "provider_media_id"?, "url"?, "url_expires_at"?, '
'"file_name"?, "declared_mime_type"?, "size"?, "sha256"?, "deadline"?, "duration_seconds"?, "waveform"?, '
'"failure"?}]}], times in UTC seconds; an item with a failure ("reason: text") is recorded, not fetched, '
'and media that the message has already, by the provider''s id, is not taken from other events than '
'"message". A message that is_withdrawn loses its media, also those that come later. Out: '
'the delivery''s id, whether it is new (a replay changes nothing), how many media rows were made. '
'Over-long texts are cut. Durable once committed. Errors: 23503 no such account; 23502, 23514, class 22 '
'malformed messages; nothing is kept then.';
GRANT EXECUTE ON FUNCTION media.accept_delivery(uuid, text, jsonb, bytea, jsonb) TO media_indexer;

COMMIT;
