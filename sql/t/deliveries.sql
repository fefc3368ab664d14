BEGIN;
\ir include/fixture.sql
SELECT plan(42);
SET LOCAL synchronous_commit = off;

CREATE FUNCTION pg_temp.accept(p_key text, p_messages jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT is_new || ' ' || media_created
    FROM media.accept_delivery(pg_temp.shop_a(), p_key, '{"x": "y"}', '\x6869', p_messages)
$$;
CREATE FUNCTION pg_temp.counts() RETURNS text LANGUAGE sql AS $$
    SELECT format('%s deliveries, %s conversations, %s messages, %s media, %s jobs',
        (SELECT count(*) FROM media.deliveries), (SELECT count(*) FROM media.conversations),
        (SELECT count(*) FROM media.messages), (SELECT count(*) FROM media.media_files),
        (SELECT count(*) FROM media.jobs))
$$;

SELECT is(
    pg_temp.accept('d1', '[{
        "external_id": "m1", "conversation": {"external_id": "c1"}, "sender": "+1555", "sent_at": 1700000000, "text": "hi",
        "media": [
            {"index": 0, "file_type": "image", "provider_media_id": "p0", "url": "https://x/0", "url_expires_at": 1700000300,
             "file_name": "a.jpg", "declared_mime_type": "image/jpeg", "size": 123,
             "sha256": "2D711642B726B04401627CA9FBAC32F5C8530FB1903CC4DB02258717921A4881", "deadline": 1702592000},
            {"index": 1, "file_type": "document"}
        ]
    }]'),
    'true 2', 'a delivery with two media is new');
SELECT is(pg_temp.counts(), '1 deliveries, 1 conversations, 1 messages, 2 media, 2 jobs', 'and makes all its rows');
SELECT is(current_setting('synchronous_commit'), 'local', 'and waits for the disk at COMMIT, even where that is off');
SELECT results_eq(
    $$SELECT company_id, account_id, delivery_key::text, headers, body FROM media.deliveries$$,
    $$VALUES (pg_temp.alpha(), pg_temp.shop_a(), 'd1', '{"x": "y"}'::jsonb, '\x6869'::bytea)$$,
    'the delivery is kept as it came');
SELECT results_eq(
    $$SELECT company_id, account_id, external_id::text, sender::text, body::text, sent_at FROM media.messages$$,
    $$VALUES (pg_temp.alpha(), pg_temp.shop_a(), 'm1', '+1555', 'hi', to_timestamp(1700000000))$$,
    'so is the message');
SELECT results_eq(
    $$SELECT event_kind::text, item_index::int, file_type::text, provider_media_id::text, provider_media_url::text,
             url_expires_at, file_name::text, declared_mime_type::text, provider_size::bigint,
             encode(provider_sha256, 'hex'), deadline, download_status::text, download_attempts::int, visibility::text
      FROM media.media_files ORDER BY item_index$$,
    $$VALUES ('message', 0, 'image', 'p0', 'https://x/0', to_timestamp(1700000300), 'a.jpg', 'image/jpeg', 123::bigint,
              '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881', to_timestamp(1702592000), 'pending', 0, 'private'),
             ('message', 1, 'document', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'pending', 0, 'private')$$,
    'so are the media');

-- Replays.
SELECT is(pg_temp.accept('d1', '[{"external_id": "m9", "conversation": {"external_id": "c9"}, "media": []}]'), 'false 0',
    'the same delivery again is not new');
SELECT is(pg_temp.counts(), '1 deliveries, 1 conversations, 1 messages, 2 media, 2 jobs', 'and changes nothing');
SELECT is(
    (SELECT delivery_id FROM media.accept_delivery(pg_temp.shop_a(), 'd1', NULL, '', NULL)),
    (SELECT id FROM media.deliveries),
    'its answer names the first one');
SELECT is(
    (SELECT is_new FROM media.accept_delivery(pg_temp.shop_b(), 'd1', NULL, '', NULL)), TRUE,
    'another account''s delivery can have the same id');
SELECT is(
    pg_temp.accept('d2', '[{"external_id": "m1", "conversation": {"external_id": "c1"}, "sender": "other",
        "media": [{"index": 1, "file_type": "image"}, {"index": 2, "file_type": "image"}, {"index": 2, "file_type": "video"}]}]'),
    'true 1', 'a known message gains only the media that are not there yet');
SELECT is((SELECT string_agg(item_index || ':' || file_type, ' ' ORDER BY item_index) FROM media.media_files),
    '0:image 1:document 2:image', 'the first word stands');
SELECT is((SELECT sender::text FROM media.messages), '+1555', 'also about the sender');
SELECT is((SELECT count(*)::int FROM media.jobs), 3, 'and each has one job');
SELECT is(
    pg_temp.accept('d3', '[{"external_id": "m1", "conversation": {"external_id": "c1"}, "event_kind": "edit",
        "media": [{"index": 0, "file_type": "image"}]}]'),
    'true 1', 'another kind of event has media of its own');

-- Messages that say less.
SELECT is(pg_temp.accept('d4', '[{"external_id": "m4", "conversation": {"external_id": "c1"}}]'), 'true 0',
    'a message can have no media');
SELECT is((SELECT count(*)::int FROM media.messages WHERE external_id = 'm4' AND sender IS NULL AND sent_at IS NULL), 1,
    'it is a message nevertheless');
SELECT is(pg_temp.accept('d5', '[{"external_id": "m4", "conversation": {"external_id": "c1"}, "sender": "+1", "text": "later"}]'),
    'true 0', 'a later delivery can say more of it');
SELECT is((SELECT sender || ' ' || body FROM media.messages WHERE external_id = 'm4'), '+1 later', 'which is filled in');
SELECT is(pg_temp.accept('d6', '[]'), 'true 0', 'a delivery can have no messages');
SELECT is(pg_temp.accept('d7', NULL), 'true 0', 'or NULL for them');

-- Other accounts.
SELECT is(
    pg_temp.accept('d8', jsonb_build_array(jsonb_build_object('account_id', pg_temp.shop_b(), 'external_id', 'm8',
        'conversation', '{"external_id": "c8"}'::jsonb, 'media', '[{"index": 0, "file_type": "audio"}]'::jsonb))),
    'true 1', 'a message can be for another account');
SELECT results_eq(
    $$SELECT m.company_id, m.account_id, j.company_id FROM media.media_files AS m
      JOIN media.jobs AS j ON j.media_id = m.id WHERE m.file_type = 'audio'$$,
    $$VALUES (pg_temp.beta(), pg_temp.shop_b(), pg_temp.beta())$$,
    'its media are that account''s company''s');
SELECT throws_ok(
    $$SELECT pg_temp.accept('d9', '[{"account_id": "aaaaaaaa-0000-4000-8000-00000000ffff", "external_id": "m",
        "conversation": {"external_id": "c"}}]')$$,
    '23503', NULL, 'but the account must exist');
SELECT throws_ok(
    $$SELECT * FROM media.accept_delivery('aaaaaaaa-0000-4000-8000-00000000ffff', 'd', '{}', '', '[]')$$,
    '23503', NULL, 'as must the delivery''s own');
SELECT is((SELECT count(*)::int FROM media.deliveries WHERE delivery_key = 'd9'), 0, 'an error keeps nothing');
SELECT throws_ok(
    $$SELECT pg_temp.accept('d9', '[{"external_id": "m", "conversation": {}}]')$$,
    '23502', NULL, 'a message is in a conversation');
SELECT throws_ok(
    $$SELECT pg_temp.accept('d9', '[{"external_id": "m", "conversation": {"external_id": "c"},
        "media": [{"index": 0, "file_type": "sticker"}]}]')$$,
    '23514', NULL, 'media have a known type');

-- Values that do not fit.
SELECT is(
    pg_temp.accept(repeat('k', 2000), jsonb_build_array(jsonb_build_object(
        'external_id', repeat('ü', 2000), 'conversation', jsonb_build_object('external_id', repeat('c', 2000)),
        'event_kind', repeat('e', 100), 'sender', repeat('s', 2000), 'text', repeat('t', 70000),
        'media', jsonb_build_array(jsonb_build_object(
            'index', 0, 'file_type', 'video', 'provider_media_id', repeat('p', 2000), 'url', repeat('u', 40000),
            'file_name', repeat('ß', 2000), 'declared_mime_type', repeat('m', 2000)))))),
    'true 1', 'over-long texts are accepted');
SELECT results_eq(
    $$SELECT char_length(g.external_id), char_length(c.external_id), char_length(m.event_kind), char_length(g.sender),
             char_length(g.body), char_length(m.provider_media_id), char_length(m.provider_media_url),
             char_length(m.file_name), char_length(m.declared_mime_type)
      FROM media.media_files AS m
      JOIN media.messages AS g ON g.id = m.message_id
      JOIN media.conversations AS c ON c.id = m.conversation_id
      WHERE m.file_type = 'video'$$,
    $$VALUES (512, 512, 64, 256, 65536, 1024, 32768, 255, 255)$$,
    'and cut');
SELECT is(pg_temp.accept(repeat('k', 2000), NULL), 'false 0', 'a long delivery id is found again');
SELECT is(pg_temp.accept(repeat('k', 2000) || '2', NULL), 'true 0', 'one that differs in its end only is another');
SELECT is(
    pg_temp.accept('d10', '[{"external_id": "m10", "conversation": {"external_id": "c1"}, "sent_at": -5, "media": [
        {"index": 0, "file_type": "image", "size": -1, "sha256": "zz", "url_expires_at": 1e30, "deadline": -1}]}]'),
    'true 1', 'impossible numbers are accepted');
SELECT results_eq(
    $$SELECT g.sent_at, m.provider_size::bigint, m.provider_sha256::bytea, m.url_expires_at, m.deadline
      FROM media.media_files AS m JOIN media.messages AS g ON g.id = m.message_id WHERE g.external_id = 'm10'$$,
    $$VALUES (NULL::timestamptz, NULL::bigint, NULL::bytea, NULL::timestamptz, NULL::timestamptz)$$,
    'as unknown');

UPDATE media.buckets SET visibility = 'public' WHERE name = 'audio';
SELECT is(
    pg_temp.accept('d11', '[{"external_id": "m11", "conversation": {"external_id": "c1"},
        "media": [{"index": 0, "file_type": "audio"}, {"index": 1, "file_type": "image"}]}]'),
    'true 2', 'media take their visibility');
SELECT is(
    (SELECT string_agg(m.visibility, ' ' ORDER BY m.item_index)
     FROM media.media_files AS m JOIN media.messages AS g ON g.id = m.message_id WHERE g.external_id = 'm11'),
    'public private', 'from the bucket');

-- What else an item may say.
SELECT is(
    pg_temp.accept('voice', '[{
        "external_id": "voice", "conversation": {"external_id": "c1"},
        "media": [
            {"index": 0, "file_type": "audio", "provider_media_id": "v0", "duration_seconds": 1.5, "waveform": "ABQo"},
            {"index": 1, "file_type": "document", "failure": "too_large: over 100 MB", "duration_seconds": -1}
        ]
    }]'),
    'true 2', 'media that cannot be had are recorded, too');
SELECT results_eq(
    $$SELECT f.download_status::text, f.last_error::text, f.duration_seconds, f.waveform::text,
             (SELECT count(*) FROM media.jobs AS j WHERE j.media_id = f.id)
      FROM media.media_files AS f JOIN media.messages AS g ON g.id = f.message_id
      WHERE g.external_id = 'voice' ORDER BY f.item_index$$,
    $$VALUES ('pending', NULL, 1.5::double precision, 'ABQo', 1::bigint),
             ('failed', 'too_large: over 100 MB', NULL, NULL, 0)$$,
    'as failed, without a job');
SELECT is(
    pg_temp.accept('edit 1', '[{
        "external_id": "voice", "conversation": {"external_id": "c1"}, "event_kind": "edit 1",
        "media": [{"index": 0, "file_type": "audio", "provider_media_id": "v1"},
                  {"index": 1, "file_type": "audio", "provider_media_id": "v0"}]
    }]'),
    'true 1', 'an edited message adds what it had not');
SELECT is(
    pg_temp.accept('edit 2', '[{
        "external_id": "voice", "conversation": {"external_id": "c1"}, "event_kind": "edit 2",
        "media": [{"index": 0, "file_type": "audio", "provider_media_id": "v0"},
                  {"index": 1, "file_type": "audio", "provider_media_id": "v1"}]
    }]'),
    'true 0', 'and nothing twice');
SELECT is(
    pg_temp.accept('edit 3', '[{
        "external_id": "voice", "conversation": {"external_id": "c1"}, "event_kind": "edit 3",
        "media": [{"index": 0, "file_type": "audio"}]
    }]'),
    'true 1', 'media without an id are new ones');
SELECT is(
    pg_temp.accept('twins', '[{
        "external_id": "twins", "conversation": {"external_id": "c1"},
        "media": [{"index": 0, "file_type": "image", "provider_media_id": "same"},
                  {"index": 1, "file_type": "image", "provider_media_id": "same"}]
    }]'),
    'true 2', 'a message may hold one file twice');

SELECT * FROM finish();
ROLLBACK;
