BEGIN;
\ir include/fixture.sql
SELECT plan(17);

CREATE FUNCTION pg_temp.message(p_id text, p_count int) RETURNS jsonb LANGUAGE sql
RETURN jsonb_build_array(jsonb_build_object(
    'external_id', p_id,
    'conversation', jsonb_build_object('external_id', 'conversation of ' || p_id),
    'sender', '+15550100', 'sent_at', 1700000000, 'text', 'hello',
    'media', (SELECT jsonb_agg(jsonb_build_object('index', i, 'file_type', 'image')) FROM generate_series(0, p_count - 1) AS i)
));
CREATE FUNCTION pg_temp.replay(p_messages jsonb, p_dry_run boolean DEFAULT FALSE) RETURNS text LANGUAGE sql AS $$
    SELECT messages_created || ' ' || media_created
    FROM media.replay_delivery((SELECT id FROM media.deliveries WHERE delivery_key = 'delivery of m1'), p_messages, p_dry_run)
$$;
CREATE FUNCTION pg_temp.everything() RETURNS text LANGUAGE sql AS $$
    SELECT md5(concat(
        (SELECT string_agg(m::text, '' ORDER BY m.id) FROM media.messages AS m),
        (SELECT string_agg(m::text, '' ORDER BY m.id) FROM media.media_files AS m),
        (SELECT string_agg(j::text, '' ORDER BY j.id) FROM media.jobs AS j),
        (SELECT string_agg(d::text, '' ORDER BY d.id) FROM media.deliveries AS d),
        (SELECT string_agg(e::text, '' ORDER BY e.at) FROM media.media_events AS e)))
$$;

SELECT pg_temp.deliver(pg_temp.shop_a(), 'm1', 2) AS m1 \gset
UPDATE media.messages SET updated_at = '2001-01-01Z';
SELECT pg_temp.everything() AS before \gset
SELECT is(pg_temp.replay(pg_temp.message('m1', 2)), '0 0', 'what is there already is not made');
SELECT is(pg_temp.everything(), :'before', 'nor changed');
SELECT is(pg_temp.replay(pg_temp.message('m2', 3), TRUE), '1 3', 'a dry run tells what would be made');
SELECT is(pg_temp.everything(), :'before', 'and makes nothing');
SELECT is(pg_temp.replay(pg_temp.message('m1', 3)), '0 1', 'a media item that was missed is made');
SELECT is(pg_temp.status_of('m1', 2), 'pending 0', 'and is to be downloaded');
SELECT isnt(pg_temp.job_of('m1', 2), NULL, 'by a job');
SELECT is((SELECT actor FROM media.media_events WHERE media_id = pg_temp.media_of('m1', 2)), 'replay',
    'the trail says why it came');
SELECT throws_ok($$SELECT media.replay_delivery(gen_random_uuid(), '[]', FALSE)$$, '23503', NULL,
    'a delivery that is not kept is an error');

SELECT pg_temp.deliver(pg_temp.shop_b(), 'm3', 1) AS m3 \gset
UPDATE media.deliveries SET received_at = '2026-01-01Z'::timestamptz + interval '1 hour' * (account_id = pg_temp.shop_b())::int;
SELECT is(media.count_deliveries(NULL, NULL, NULL, NULL), 2::bigint, 'all deliveries are counted');
SELECT is(media.count_deliveries('2026-01-01 00:30Z', NULL, NULL, NULL), 1::bigint, 'those since a time');
SELECT is(media.count_deliveries(NULL, '2026-01-01 01:00Z', 'generic', NULL), 1::bigint, 'those before a time');
SELECT is(media.count_deliveries(NULL, NULL, 'generic', 'shop-b'), 1::bigint, 'those of an account');
SELECT results_eq(
    $$SELECT account_external_id, delivery_key, received_at FROM media.list_deliveries(NULL, NULL, NULL, NULL, NULL, 9)$$,
    $$VALUES ('shop-a', 'delivery of m1', 1767225600::bigint), ('shop-b', 'delivery of m3', 1767229200)$$,
    'they are listed in their order');
SELECT results_eq(
    $$SELECT account_external_id FROM media.list_deliveries(NULL, NULL, NULL, NULL,
        (SELECT delivery_id FROM media.list_deliveries(NULL, NULL, NULL, NULL, NULL, 1)), 9)$$,
    ARRAY['shop-b'], 'and from behind one of them');
SELECT results_eq($$SELECT account_external_id FROM media.find_deliveries('delivery of m3')$$, ARRAY['shop-b'],
    'one is found by its key');
SELECT results_eq(
    $$SELECT account_external_id
      FROM media.find_deliveries((SELECT id::text FROM media.deliveries WHERE delivery_key = 'delivery of m3'))$$,
    ARRAY['shop-b'], 'and by its id');

SELECT * FROM finish();
ROLLBACK;
