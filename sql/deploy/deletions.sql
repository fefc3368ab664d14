-- Deploy ngx_media:deletions to pg
-- requires: doomed_files
-- requires: media_events
-- requires: dead_letters

BEGIN;

SET LOCAL ROLE media_owner;

-- Locks are taken in the order accounts, conversations, messages (as accept_delivery() does),
-- media_files, jobs (by id, as workers do who extend the leases of many), blobs, companies: a
-- download that completes has its media when its blob asks for the company. A plain DELETE takes
-- them as it finds them, and may end in a deadlock; the functions below do not.

CREATE FUNCTION media.interrupt_download() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    DELETE FROM media.jobs AS j WHERE j.media_id = NEW.id;
    IF NEW.download_status = 'downloading' THEN
        NEW.download_status := 'pending';
    END IF;
    RETURN NEW;
END
$$;

COMMENT ON FUNCTION media.interrupt_download() IS
'Trigger (BEFORE UPDATE, row, on media_files, when deleted): ends their jobs. Who runs one loses the '
'lease, and stops.';

CREATE FUNCTION media.resume_download() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.blob_id IS NOT NULL THEN
        -- FOR SHARE: who gives up blobs must wait until the reference counts again.
        PERFORM FROM media.blobs AS b WHERE b.id = NEW.blob_id AND b.state = 'live' FOR SHARE;
        IF NOT FOUND THEN
            INSERT INTO media.loose_blobs (blob_id) VALUES (NEW.blob_id);
            NEW.blob_id := NULL;
            NEW.mime_type := NULL;
            NEW.file_size := NULL;
            NEW.download_status := 'pending';
        END IF;
    END IF;
    IF NEW.download_status = 'pending' THEN
        NEW.download_attempts := 0;
        PERFORM media.queue_job('download', NEW);
    END IF;
    RETURN NEW;
END
$$;

COMMENT ON FUNCTION media.resume_download() IS
'Trigger (BEFORE UPDATE, row, on media_files, when restored): queues a download that never ended, or '
'whose bytes were removed meanwhile.';

CREATE TRIGGER interrupt_download BEFORE UPDATE OF is_active ON media.media_files
FOR EACH ROW
WHEN (OLD.is_active AND NOT NEW.is_active)
EXECUTE FUNCTION media.interrupt_download();
CREATE TRIGGER resume_download BEFORE UPDATE OF is_active ON media.media_files
FOR EACH ROW
WHEN (NEW.is_active AND NOT OLD.is_active)
EXECUTE FUNCTION media.resume_download();

CREATE FUNCTION media.log_deleted_media() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    -- A deleted company's events go with it.
    INSERT INTO media.media_events (company_id, media_id, actor, old_status, new_status,
                                    old_is_active, new_is_active, detail, account_id, file_type)
    SELECT d.company_id, d.id, media.current_actor(), d.download_status, 'deleted',
           d.is_active, FALSE, media.current_reason(), d.account_id, d.file_type
    FROM deleted AS d
    WHERE EXISTS (SELECT FROM media.companies AS c WHERE c.id = d.company_id);
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.log_deleted_media() IS
'Trigger (AFTER DELETE, statement, on media_files): adds to media_events.';

CREATE TRIGGER log_deleted AFTER DELETE ON media.media_files
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION media.log_deleted_media();

CREATE FUNCTION media.set_actor(p_actor text, p_reason text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('media.actor', coalesce(p_actor, ''), TRUE),
            set_config('media.reason', coalesce(p_reason, ''), TRUE);
END
$$;

COMMENT ON FUNCTION media.set_actor(text, text) IS
'Who does what this transaction does from now on, and why, for media_events. Internal.';

CREATE FUNCTION media.lock_messages(p_company uuid, p_messages uuid[]) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM FROM media.messages AS g
    JOIN media.conversations AS c ON c.id = g.conversation_id
    WHERE g.company_id = p_company AND g.id = ANY (p_messages)
    ORDER BY g.account_id::text, c.external_id::text, g.external_id::text
    FOR UPDATE OF g;
END
$$;

COMMENT ON FUNCTION media.lock_messages(uuid, uuid[]) IS
'Locks messages of a company, in the order that everybody keeps. Internal to deletions.';

CREATE FUNCTION media.lock_media(p_media uuid[]) RETURNS uuid[]
LANGUAGE plpgsql
AS $$
DECLARE
    v_media uuid[];
BEGIN
    WITH locked AS MATERIALIZED (
        SELECT m.id FROM media.media_files AS m WHERE m.id = ANY (p_media) ORDER BY m.id FOR UPDATE
    )
    SELECT coalesce(array_agg(l.id), '{}') INTO v_media FROM locked AS l;
    PERFORM FROM media.jobs AS j WHERE j.media_id = ANY (v_media) ORDER BY j.media_id FOR UPDATE;
    RETURN v_media;
END
$$;

COMMENT ON FUNCTION media.lock_media(uuid[]) IS
'Locks media and their jobs, in the order that everybody keeps. Returns those that are still there. '
'Internal to deletions.';

CREATE FUNCTION media.delete_media(p_company uuid, p_media uuid, p_actor text, p_reason text) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    PERFORM media.set_actor(p_actor, p_reason);
    UPDATE media.media_files AS m
    SET is_active = FALSE
    WHERE m.company_id = p_company AND m.id = p_media AND m.is_active;
    RETURN FOUND OR EXISTS (
        SELECT FROM media.media_files AS m WHERE m.company_id = p_company AND m.id = p_media
    );
END
$$;

COMMENT ON FUNCTION media.delete_media(uuid, uuid, text, text) IS
'Deletes a media item so that restore_media() can bring it back while its bytes are kept: nobody sees it '
'from now on, its download ends. Deleted already: nothing happens. False: the company has no such '
'media. Actor and reason go into media_events.';
GRANT EXECUTE ON FUNCTION media.delete_media(uuid, uuid, text, text) TO media_indexer;

CREATE FUNCTION media.restore_media(p_company uuid, p_media uuid, p_actor text, p_reason text) RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_status text;
BEGIN
    PERFORM media.set_actor(p_actor, p_reason);
    UPDATE media.media_files AS m
    SET is_active = TRUE
    WHERE m.company_id = p_company AND m.id = p_media AND NOT m.is_active;
    SELECT m.download_status INTO v_status
    FROM media.media_files AS m
    WHERE m.company_id = p_company AND m.id = p_media;
    RETURN v_status;
END
$$;

COMMENT ON FUNCTION media.restore_media(uuid, uuid, text, text) IS
'Brings deleted media back and returns their status: completed, when the bytes are still there; pending, '
'when the download was interrupted or the bytes are removed: then it is queued again, as far as the '
'provider still has it; failed, when it had. Not deleted: nothing happens. NULL: the company has no '
'such media.';
GRANT EXECUTE ON FUNCTION media.restore_media(uuid, uuid, text, text) TO media_indexer;

CREATE FUNCTION media.delete_message_media(p_company uuid, p_message text, p_actor text, p_reason text)
RETURNS int
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_messages uuid[];
    v_media uuid[];
    v_deleted int;
BEGIN
    v_messages := ARRAY(
        SELECT g.id FROM media.messages AS g
        WHERE g.company_id = p_company AND (g.external_id = p_message OR g.id::text = lower(p_message))
    );
    IF cardinality(v_messages) = 0 THEN
        RETURN NULL;
    END IF;
    PERFORM media.set_actor(p_actor, p_reason);
    v_media := media.lock_media(ARRAY(
        SELECT m.id FROM media.media_files AS m
        WHERE m.company_id = p_company AND m.message_id = ANY (v_messages)
    ));
    UPDATE media.media_files AS m SET is_active = FALSE WHERE m.id = ANY (v_media) AND m.is_active;
    GET DIAGNOSTICS v_deleted = ROW_COUNT;
    RETURN v_deleted;
END
$$;

COMMENT ON FUNCTION media.delete_message_media(uuid, text, text, text) IS
'delete_media() of all that came in a message, named by its id or the provider''s. Returns how many were '
'not deleted yet; NULL: the company has no such message.';
GRANT EXECUTE ON FUNCTION media.delete_message_media(uuid, text, text, text) TO media_indexer;

CREATE FUNCTION media.withdraw_message(p_message uuid, p_actor text, p_reason text) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    v_media uuid[];
BEGIN
    -- First the message: media that are being added to it are seen below, later ones see this.
    UPDATE media.messages AS g SET withdrawn_at = now() WHERE g.id = p_message AND g.withdrawn_at IS NULL;
    PERFORM media.set_actor(p_actor, p_reason);
    v_media := media.lock_media(ARRAY(
        SELECT m.id FROM media.media_files AS m
        JOIN media.messages AS g ON (g.company_id, g.conversation_id, g.account_id, g.id)
            = (m.company_id, m.conversation_id, m.account_id, m.message_id)
        WHERE g.id = p_message
    ));
    UPDATE media.media_files AS m SET is_active = FALSE WHERE m.id = ANY (v_media) AND m.is_active;
END
$$;

COMMENT ON FUNCTION media.withdraw_message(uuid, text, text) IS
'Deletes the media of a message that its sender took back, and those that are still to come. Internal '
'to accept_delivery().';

CREATE FUNCTION media.delete_message(p_company uuid, p_message uuid, p_actor text, p_reason text) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    PERFORM media.set_actor(p_actor, p_reason);
    PERFORM media.lock_messages(p_company, ARRAY[p_message]);
    PERFORM media.lock_media(ARRAY(
        SELECT m.id FROM media.media_files AS m WHERE m.company_id = p_company AND m.message_id = p_message
    ));
    DELETE FROM media.messages AS g WHERE g.company_id = p_company AND g.id = p_message;
    RETURN FOUND;
END
$$;

COMMENT ON FUNCTION media.delete_message(uuid, uuid, text, text) IS
'Deletes a message and its media for good; stored files that nothing else refers to are removed after '
'the grace period. False: the company has no such message.';
GRANT EXECUTE ON FUNCTION media.delete_message(uuid, uuid, text, text) TO media_indexer;

CREATE FUNCTION media.delete_conversation(p_company uuid, p_conversation uuid, p_actor text, p_reason text)
RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    PERFORM media.set_actor(p_actor, p_reason);
    -- No message can be added to it meanwhile.
    PERFORM FROM media.conversations AS c WHERE c.company_id = p_company AND c.id = p_conversation FOR UPDATE;
    PERFORM media.lock_messages(p_company, ARRAY(
        SELECT g.id FROM media.messages AS g
        WHERE g.company_id = p_company AND g.conversation_id = p_conversation
    ));
    PERFORM media.lock_media(ARRAY(
        SELECT m.id FROM media.media_files AS m
        WHERE m.company_id = p_company AND m.conversation_id = p_conversation
    ));
    DELETE FROM media.conversations AS c WHERE c.company_id = p_company AND c.id = p_conversation;
    RETURN FOUND;
END
$$;

COMMENT ON FUNCTION media.delete_conversation(uuid, uuid, text, text) IS
'Deletes a conversation with its messages and media for good, as delete_message() does. False: the '
'company has no such conversation.';
GRANT EXECUTE ON FUNCTION media.delete_conversation(uuid, uuid, text, text) TO media_indexer;

CREATE FUNCTION media.delete_company(p_company uuid) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    -- Nothing can be delivered to it from now on.
    PERFORM FROM media.accounts AS a WHERE a.company_id = p_company ORDER BY a.id FOR UPDATE;
    PERFORM FROM media.conversations AS c WHERE c.company_id = p_company ORDER BY c.id FOR UPDATE;
    PERFORM media.lock_messages(p_company, ARRAY(
        SELECT g.id FROM media.messages AS g WHERE g.company_id = p_company
    ));
    PERFORM media.lock_media(ARRAY(SELECT m.id FROM media.media_files AS m WHERE m.company_id = p_company));
    DELETE FROM media.companies AS c WHERE c.id = p_company;
    RETURN FOUND;
END
$$;

COMMENT ON FUNCTION media.delete_company(uuid) IS
'Deletes a company and everything of it for good; its files are removed after the grace period. Safe '
'while its media are downloaded. False: there is no such company.';
GRANT EXECUTE ON FUNCTION media.delete_company(uuid) TO media_indexer;

COMMIT;
