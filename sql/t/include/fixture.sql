-- Two companies with an account each, and short names for what tests need.

INSERT INTO media.companies (id, name)
VALUES ('aaaaaaaa-0000-4000-8000-000000000000', 'alpha'),
       ('bbbbbbbb-0000-4000-8000-000000000000', 'beta');
INSERT INTO media.accounts (id, company_id, provider, external_id)
VALUES ('aaaaaaaa-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000000', 'generic', 'shop-a'),
       ('bbbbbbbb-0000-4000-8000-000000000001', 'bbbbbbbb-0000-4000-8000-000000000000', 'generic', 'shop-b');

CREATE FUNCTION pg_temp.alpha() RETURNS uuid LANGUAGE sql
RETURN 'aaaaaaaa-0000-4000-8000-000000000000'::uuid;
CREATE FUNCTION pg_temp.beta() RETURNS uuid LANGUAGE sql
RETURN 'bbbbbbbb-0000-4000-8000-000000000000'::uuid;
CREATE FUNCTION pg_temp.shop_a() RETURNS uuid LANGUAGE sql
RETURN 'aaaaaaaa-0000-4000-8000-000000000001'::uuid;
CREATE FUNCTION pg_temp.shop_b() RETURNS uuid LANGUAGE sql
RETURN 'bbbbbbbb-0000-4000-8000-000000000001'::uuid;

-- One message of p_count images, in a delivery and a conversation of its own name.
CREATE FUNCTION pg_temp.deliver(p_account uuid, p_message text, p_count int DEFAULT 1, p_item jsonb DEFAULT '{}')
RETURNS int LANGUAGE sql AS $$
    SELECT media_created
    FROM media.accept_delivery(
        p_account, 'delivery of ' || p_message, '{"host": "test"}', '\x7b7d',
        jsonb_build_array(jsonb_build_object(
            'external_id', p_message,
            'conversation', jsonb_build_object('external_id', 'conversation of ' || p_message),
            'sender', '+15550100',
            'sent_at', 1700000000,
            'text', 'hello',
            'media', (
                SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'index', i, 'file_type', 'image', 'url', 'https://media.example/' || i) || p_item ORDER BY i), '[]')
                FROM generate_series(0, p_count - 1) AS i
            )
        ))
    )
$$;

CREATE FUNCTION pg_temp.media_of(p_message text, p_index int DEFAULT 0) RETURNS uuid LANGUAGE sql AS $$
    SELECT m.id
    FROM media.media_files AS m
    JOIN media.messages AS g ON g.id = m.message_id
    WHERE g.external_id = p_message AND m.item_index = p_index AND m.event_kind = 'message'
$$;

CREATE FUNCTION pg_temp.job_of(p_message text, p_index int DEFAULT 0) RETURNS bigint LANGUAGE sql AS $$
    SELECT j.id FROM media.jobs AS j WHERE j.media_id = pg_temp.media_of(p_message, p_index)
$$;

CREATE FUNCTION pg_temp.status_of(p_message text, p_index int DEFAULT 0) RETURNS text LANGUAGE sql AS $$
    SELECT m.download_status::text || ' ' || m.download_attempts || coalesce(' ' || m.last_error, '')
    FROM media.media_files AS m
    WHERE m.id = pg_temp.media_of(p_message, p_index)
$$;

-- Completes a claimed job with these bytes under this key; the outcome.
CREATE FUNCTION pg_temp.complete(p_message text, p_owner text, p_bytes text, p_key text) RETURNS text LANGUAGE sql AS $$
    SELECT outcome
    FROM media.complete_download(
        pg_temp.job_of(p_message), p_owner, sha256(p_bytes::bytea), length(p_bytes), 'image/png', 'local', p_key)
$$;
