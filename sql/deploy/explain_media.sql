-- Deploy ngx_media:explain_media to pg
-- requires: claim_jobs
-- requires: deliveries
-- requires: renditions

BEGIN;

SET LOCAL ROLE media_owner;

CREATE FUNCTION media.find_media(p_name text, p_limit int) RETURNS SETOF uuid
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_id uuid := CASE WHEN p_name ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN p_name::uuid END;
BEGIN
    -- Keys begin with the company, and operators ask across all of them.
    RETURN QUERY
    SELECT found.id
    FROM (
        SELECT m.id, m.created_at, m.item_index
        FROM media.media_files AS m
        WHERE m.id = v_id
        UNION
        SELECT m.id, m.created_at, m.item_index
        FROM media.companies AS c
        JOIN media.messages AS g ON g.company_id = c.id AND g.external_id = media.fit_key(p_name, 512)
        JOIN media.media_files AS m ON m.company_id = c.id AND m.message_id = g.id
        UNION
        SELECT m.id, m.created_at, m.item_index
        FROM media.blobs AS b
        JOIN media.media_files AS m ON m.blob_id = b.id
        WHERE b.storage_key = p_name
        UNION
        SELECT m.id, m.created_at, m.item_index
        FROM media.renditions AS r
        JOIN media.media_files AS m ON m.blob_id = r.blob_id
        WHERE r.storage_key = p_name
    ) AS found
    ORDER BY found.created_at, found.item_index, found.id
    LIMIT p_limit;
    IF NOT FOUND THEN
        -- Deleted media has left its trail.
        RETURN QUERY
        SELECT v_id
        WHERE EXISTS (SELECT
                      FROM media.companies AS c
                      JOIN media.media_events AS e ON e.company_id = c.id AND e.media_id = v_id);
    END IF;
END
$$;

COMMENT ON FUNCTION media.find_media(text, int) IS
'Ids of the media files, at most p_limit, that an operator means by an id, the provider''s id of a message, or '
'the storage key of the bytes or of something derived from them; also the id of deleted media that has events. '
'For operators: of any company.';
GRANT EXECUTE ON FUNCTION media.find_media(text, int) TO media_indexer;

CREATE FUNCTION media.delivery_of(p_media uuid) RETURNS jsonb
LANGUAGE plpgsql
STABLE
AS $$
DECLARE
    v_delivery jsonb;
BEGIN
    -- What is made in one transaction has one time. Messages of several accounts may come in one delivery.
    SELECT jsonb_build_object(
               'id', d.id, 'key', d.delivery_key, 'received_at', d.received_at,
               'bytes', octet_length(d.body), 'headers', d.headers, 'account_id', d.account_id
           )
    INTO v_delivery
    FROM media.media_files AS m
    JOIN media.messages AS g ON g.id = m.message_id
    JOIN media.deliveries AS d ON d.received_at = m.created_at
    WHERE m.id = p_media
    ORDER BY d.account_id = m.account_id DESC,
             position(convert_to(g.external_id, 'UTF8') IN d.body) > 0 DESC
    LIMIT 1;
    RETURN v_delivery;
END
$$;

COMMENT ON FUNCTION media.delivery_of(uuid) IS
'The delivery that made a media file; NULL when it was made otherwise, or the delivery is not kept any more. '
'Internal to explain_media().';

CREATE FUNCTION media.explain_media(p_media uuid) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_events jsonb;
BEGIN
    SELECT jsonb_agg(
               jsonb_build_object(
                   'at', e.at, 'actor', e.actor, 'old_status', e.old_status, 'new_status', e.new_status,
                   'was_active', e.old_is_active, 'is_active', e.new_is_active, 'detail', e.detail
               )
               ORDER BY e.at
           )
    INTO v_events
    FROM media.companies AS c
    JOIN media.media_events AS e ON e.company_id = c.id AND e.media_id = p_media;

    RETURN coalesce(
        (
            SELECT jsonb_build_object(
                'id', m.id,
                'exists', TRUE,
                'status', m.download_status,
                'is_active', m.is_active,
                'attempts', m.download_attempts,
                'last_error', m.last_error,
                'visibility', m.visibility,
                'event_kind', m.event_kind,
                'item_index', m.item_index,
                'file_name', m.file_name,
                'file_type', m.file_type,
                'mime_type', m.mime_type,
                'declared_mime_type', m.declared_mime_type,
                'size', m.file_size,
                'provider_size', m.provider_size,
                'provider_media_id', m.provider_media_id,
                'has_url', m.provider_media_url IS NOT NULL,
                'url_expires_at', m.url_expires_at,
                'deadline', m.deadline,
                'created_at', m.created_at,
                'updated_at', m.updated_at,
                'company', jsonb_build_object('id', c.id, 'name', c.name),
                'account', jsonb_build_object(
                    'id', a.id, 'provider', a.provider, 'external_id', a.external_id,
                    'is_active', a.is_active, 'settings', a.settings, 'updated_at', a.updated_at,
                    'secrets', (SELECT coalesce(jsonb_agg(DISTINCT s.name), '[]')
                                FROM media.account_secrets AS s WHERE s.account_id = a.id)
                ),
                'message', jsonb_build_object(
                    'id', g.id, 'external_id', g.external_id, 'conversation', t.external_id,
                    'sender', g.sender, 'sent_at', g.sent_at
                ),
                'delivery', media.delivery_of(m.id),
                'job', (
                    SELECT jsonb_build_object(
                        'id', j.id, 'kind', j.kind, 'priority', j.priority, 'attempts', j.attempts,
                        'max_attempts', j.max_attempts, 'run_at', j.run_at, 'lease_owner', j.lease_owner,
                        'lease_until', j.lease_until, 'last_error', j.last_error, 'created_at', j.created_at
                    )
                    FROM media.jobs AS j WHERE j.media_id = m.id AND j.kind = 'download'
                ),
                'blob', (
                    SELECT jsonb_build_object(
                        'id', b.id, 'bucket', b.bucket, 'store', b.store, 'key', b.storage_key, 'size', b.size,
                        'sha256', encode(b.sha256, 'hex'), 'mime_type', b.mime_type, 'state', b.state,
                        'created_at', b.created_at,
                        'media', (SELECT count(*) FROM media.media_files AS o WHERE o.blob_id = b.id)
                    )
                    FROM media.blobs AS b WHERE b.id = m.blob_id
                ),
                'renditions', (
                    SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'kind', r.kind, 'store', r.store, 'key', r.storage_key, 'size', r.size,
                        'sha256', encode(r.sha256, 'hex'), 'mime_type', r.mime_type, 'width', r.width,
                        'height', r.height, 'created_at', r.created_at
                    ) ORDER BY r.kind), '[]')
                    FROM media.renditions AS r WHERE r.blob_id = m.blob_id
                ),
                'events', coalesce(v_events, '[]')
            )
            FROM media.media_files AS m
            JOIN media.companies AS c ON c.id = m.company_id
            JOIN media.accounts AS a ON a.id = m.account_id
            JOIN media.messages AS g ON g.id = m.message_id
            JOIN media.conversations AS t ON t.id = m.conversation_id
            WHERE m.id = p_media
        ),
        jsonb_build_object('id', p_media, 'exists', FALSE, 'events', v_events)
    );
END
$$;

COMMENT ON FUNCTION media.explain_media(uuid) IS
'The whole story of a media file: company, account (names of its secrets only), message, delivery, job, blob, '
'renditions, events. Of deleted media "exists" is false and only the events are there. Never the provider''s '
'URL, which may be all that it takes to get the file. For operators: of any company.';
GRANT EXECUTE ON FUNCTION media.explain_media(uuid) TO media_indexer;

COMMIT;
