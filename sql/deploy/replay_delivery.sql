-- Deploy ngx_media:replay_delivery to pg
-- requires: accept_delivery

BEGIN;

SET LOCAL ROLE media_owner;

CREATE FUNCTION media.count_deliveries(
    p_since    timestamptz,
    p_until    timestamptz,
    p_provider text,
    p_account  text
) RETURNS bigint
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT count(*)
        FROM media.deliveries AS d
        JOIN media.accounts AS a ON a.id = d.account_id
        WHERE d.received_at >= coalesce(p_since, '-infinity')
          AND d.received_at < coalesce(p_until, 'infinity')
          AND (p_provider IS NULL OR a.provider = p_provider)
          AND (p_account IS NULL OR a.external_id = p_account)
    );
END
$$;

COMMENT ON FUNCTION media.count_deliveries(timestamptz, timestamptz, text, text) IS
'How many deliveries list_deliveries() has in all. For operators: of all companies.';
GRANT EXECUTE ON FUNCTION media.count_deliveries(timestamptz, timestamptz, text, text) TO media_indexer;

CREATE FUNCTION media.list_deliveries(
    p_since    timestamptz,
    p_until    timestamptz,
    p_provider text,
    p_account  text,
    p_after    uuid,
    p_limit    int
)
RETURNS TABLE (
    delivery_id         uuid,
    company_id          uuid,
    account_id          uuid,
    provider            text,
    account_external_id text,
    delivery_key        text,
    headers             jsonb,
    body                bytea,
    received_at         bigint
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_after timestamptz := '-infinity';
BEGIN
    SELECT d.received_at INTO v_after FROM media.deliveries AS d WHERE d.id = p_after;
    RETURN QUERY
    SELECT d.id, d.company_id, d.account_id, a.provider, a.external_id, d.delivery_key::text, d.headers, d.body,
           media.to_unix(d.received_at)
    FROM media.deliveries AS d
    JOIN media.accounts AS a ON a.id = d.account_id
    WHERE d.received_at >= greatest(coalesce(p_since, '-infinity'), coalesce(v_after, '-infinity'))
      AND d.received_at < coalesce(p_until, 'infinity')
      AND (v_after IS NULL OR p_after IS NULL OR (d.received_at, d.id) > (v_after, p_after))
      AND (p_provider IS NULL OR a.provider = p_provider)
      AND (p_account IS NULL OR a.external_id = p_account)
    ORDER BY d.received_at, d.id
    LIMIT p_limit;
END
$$;

COMMENT ON FUNCTION media.list_deliveries(timestamptz, timestamptz, text, text, uuid, int) IS
'Kept deliveries in the order in which they came, from behind p_after, with their account: since p_since, before '
'p_until, of a provider, of its account by external id; NULL is no limit. received_at is in UTC seconds. For '
'operators: of all companies.';
GRANT EXECUTE ON FUNCTION media.list_deliveries(timestamptz, timestamptz, text, text, uuid, int) TO media_indexer;

CREATE FUNCTION media.find_deliveries(p_name text)
RETURNS TABLE (
    delivery_id         uuid,
    company_id          uuid,
    account_id          uuid,
    provider            text,
    account_external_id text,
    delivery_key        text,
    headers             jsonb,
    body                bytea,
    received_at         bigint
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_id uuid := CASE WHEN p_name ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN p_name::uuid END;
BEGIN
    RETURN QUERY
    SELECT d.id, d.company_id, d.account_id, a.provider, a.external_id, d.delivery_key::text, d.headers, d.body,
           media.to_unix(d.received_at)
    FROM media.accounts AS a
    JOIN media.deliveries AS d ON d.account_id = a.id AND d.delivery_key = media.fit_key(p_name, 512)
    UNION ALL
    SELECT d.id, d.company_id, d.account_id, a.provider, a.external_id, d.delivery_key::text, d.headers, d.body,
           media.to_unix(d.received_at)
    FROM media.deliveries AS d
    JOIN media.accounts AS a ON a.id = d.account_id
    WHERE d.id = v_id AND d.delivery_key <> p_name
    LIMIT 10;
END
$$;

COMMENT ON FUNCTION media.find_deliveries(text) IS
'The delivery with this id, or those with this key (an account has one at most), at most 10; columns as of '
'list_deliveries(). For operators: of all companies.';
GRANT EXECUTE ON FUNCTION media.find_deliveries(text) TO media_indexer;

CREATE FUNCTION media.count_messages(p_account uuid, p_messages jsonb) RETURNS int
LANGUAGE sql STABLE
RETURN (
    SELECT count(*)
    FROM jsonb_array_elements(coalesce(p_messages, '[]')) AS i (item)
    JOIN media.accounts AS a ON a.id = coalesce((i.item ->> 'account_id')::uuid, p_account)
    JOIN media.messages AS g ON g.company_id = a.company_id
                            AND g.external_id = media.fit_key(i.item ->> 'external_id', 512)
                            AND g.account_id = a.id
);

COMMENT ON FUNCTION media.count_messages(uuid, jsonb) IS
'How many of a delivery''s messages are there. Internal to replay_delivery().';

CREATE FUNCTION media.replay_delivery(p_delivery uuid, p_messages jsonb, p_dry_run boolean)
RETURNS TABLE (
    messages_created int,
    media_created    int
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_delivery record;
BEGIN
    -- A second replay at the same time waits for this one.
    SELECT d.company_id, d.account_id INTO v_delivery
    FROM media.deliveries AS d
    WHERE d.id = p_delivery
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no delivery %', p_delivery USING ERRCODE = 'foreign_key_violation';
    END IF;

    PERFORM set_config('media.actor', 'replay', TRUE);
    messages_created := -media.count_messages(v_delivery.account_id, p_messages);
    BEGIN
        media_created := media.add_messages(v_delivery.company_id, v_delivery.account_id, p_messages);
        messages_created := messages_created + media.count_messages(v_delivery.account_id, p_messages);
        IF p_dry_run THEN
            RAISE EXCEPTION 'undone' USING ERRCODE = 'ND001';
        END IF;
    EXCEPTION WHEN SQLSTATE 'ND001' THEN
        NULL; -- variables keep what was counted
    END;
    RETURN NEXT;
END
$$;

COMMENT ON FUNCTION media.replay_delivery(uuid, jsonb, boolean) IS
'Takes the messages of a kept delivery once more: makes what is missing of messages, media and jobs, changes '
'nothing else. With p_dry_run all of it is undone again. Returns what was made. Errors: 23503 no such delivery or '
'account; those of accept_delivery().';
GRANT EXECUTE ON FUNCTION media.replay_delivery(uuid, jsonb, boolean) TO media_indexer;

COMMIT;
