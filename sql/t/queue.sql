BEGIN;
\ir include/fixture.sql
SELECT plan(62);

CREATE FUNCTION pg_temp.claim(p_owner text, p_limit int) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(message_external_id || '/' || item_index, ' ' ORDER BY ordinality)
    FROM media.claim_jobs(p_owner, p_limit, 60) WITH ORDINALITY
$$;
CREATE FUNCTION pg_temp.run_out(p_message text) RETURNS void LANGUAGE sql AS $$
    UPDATE media.jobs SET lease_until = now() - interval '1 second' WHERE id = pg_temp.job_of(p_message)
$$;

SELECT is(media.next_job_delay_ms(), NULL, 'an empty queue has no next job');
SELECT is(pg_temp.claim('w1', 5), NULL, 'and none to claim');

SELECT throws_ok($$SELECT * FROM media.claim_jobs('', 1, 60)$$, '22023', NULL, 'a claim has an owner');

UPDATE media.buckets SET allowed_mime_types = ARRAY['image/png', 'image/jpeg'] WHERE name = 'images';
SELECT pg_temp.deliver(pg_temp.shop_a(), 'm1', 3) AS m1 \gset
SELECT ok(media.next_job_delay_ms() BETWEEN 1 AND 1000, 'a ready job that no claim took is worth another look');
UPDATE media.jobs SET expires_at = now() + interval '1 minute' WHERE id = pg_temp.job_of('m1', 2);
UPDATE media.jobs SET priority = 1 WHERE id = pg_temp.job_of('m1', 1);
SELECT is(pg_temp.claim('w1', 0), NULL, 'a limit of nothing claims nothing');
SELECT is(pg_temp.claim('w1', NULL), NULL, 'nor does no limit');
SELECT is(pg_temp.claim('w1', 2), 'm1/1 m1/2', 'priority goes before what expires, that before age, and the limit holds');
SELECT is(pg_temp.claim('w2', 9), 'm1/0', 'another worker gets what is left');
SELECT is(pg_temp.claim('w3', 9), NULL, 'and a third nothing');
SELECT is(pg_temp.status_of('m1', 1), 'downloading 1', 'claimed media are downloading');
SELECT cmp_ok(media.next_job_delay_ms(), '<=', 60000::bigint, 'the next job is due when a lease ends');
SELECT cmp_ok(media.next_job_delay_ms(), '>', 30000::bigint, 'and not before');

-- What a worker is told.
SELECT pg_temp.deliver(pg_temp.shop_b(), 'm2', 1, '{"provider_media_id": "p", "url_expires_at": 1700000300, "file_name": "n",
    "declared_mime_type": "image/png", "size": 5, "deadline": 4102444800,
    "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}') AS m2 \gset
SELECT results_eq(
    $$SELECT * FROM media.claim_jobs('w1', 1, 60)$$,
    $$SELECT j.id, 'download', 1, 100, m.id, pg_temp.beta(), pg_temp.shop_b(), 'media.example', 'generic', 'shop-b', 'm2', '+15550100',
             1700000000::bigint, 0, 'message', 'p', 'https://media.example/0', 1700000300::bigint, 'n', 'image', 'image/png',
             5::bigint, '\x2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'::bytea, TRUE, 4102444800::bigint,
             'images', 52428800::bigint, '["image/png", "image/jpeg"]'::jsonb,
             '{company}/{account}/{yyyy}/{mm}/{message}-{index}.{ext}'
      FROM media.jobs AS j JOIN media.media_files AS m ON m.id = j.media_id WHERE m.company_id = pg_temp.beta()$$,
    'a claim tells all that the work needs');
SELECT ok(
    (SELECT lease_owner = 'w1' AND lease_until = now() + interval '60 seconds' FROM media.jobs WHERE id = pg_temp.job_of('m2')),
    'and leases the job');

-- Leases.
SELECT set_eq(
    $$SELECT media.extend_leases('w1', ARRAY[pg_temp.job_of('m1'), pg_temp.job_of('m2'), -1], 300)$$,
    $$SELECT pg_temp.job_of('m2')$$,
    'a worker keeps the leases that are its own');
SELECT ok((SELECT lease_until = now() + interval '300 seconds' FROM media.jobs WHERE id = pg_temp.job_of('m2')), 'for longer');
SELECT is(media.release_jobs('w1', ARRAY[pg_temp.job_of('m1'), pg_temp.job_of('m2')]), 1, 'it gives back its own');
SELECT is(pg_temp.status_of('m2'), 'pending 0', 'which counts as no attempt');
SELECT is(pg_temp.claim('w4', 9), 'm2/0', 'and anyone can take it at once');
SELECT pg_temp.run_out('m2');
SELECT is(media.next_job_delay_ms(), 0::bigint, 'a job whose lease ran out is due');
SELECT is(pg_temp.claim('w5', 9), 'm2/0', 'and taken by the next');
SELECT is(pg_temp.status_of('m2'), 'downloading 2', 'a lost attempt counts');
SELECT is_empty($$SELECT media.extend_leases('w4', ARRAY[pg_temp.job_of('m2')], 60)$$, 'the first has lost it');
SELECT is(media.release_jobs('w4', ARRAY[pg_temp.job_of('m2')]), 0, 'and cannot give it back');
SELECT is(media.retry_job(pg_temp.job_of('m2'), 'w4', 'network', 'x', 0), 'lease_lost', 'nor try it again');
SELECT is(media.fail_job(pg_temp.job_of('m2'), 'w4', 'network', 'x'), 'lease_lost', 'nor fail it');
SELECT is(pg_temp.complete('m2', 'w4', 'x', 'k'), 'lease_lost', 'nor complete it');
SELECT is(media.remember_source(pg_temp.job_of('m2'), 'w4', 'u', 1, 1, NULL), FALSE, 'nor say where it is');
SELECT is(pg_temp.status_of('m2'), 'downloading 2', 'nothing of that changed it');
UPDATE media.jobs SET lost_attempts = 8 WHERE id = pg_temp.job_of('m2');
SELECT pg_temp.run_out('m2');
SELECT pg_temp.deliver(pg_temp.shop_a(), 'm3') AS m3 \gset
SELECT is(pg_temp.claim('w6', 2), 'm3/0', 'what eight workers never reported of is passed over');
SELECT is(pg_temp.status_of('m2'), 'failed 2 network: worker lost', 'and failed');
SELECT is(pg_temp.job_of('m2'), NULL, 'without a job');

-- Trying again.
SELECT is(media.retry_job(pg_temp.job_of('m3'), 'w6', 'network', 'reset by peer', 5000), 'pending', 'an attempt can fail');
SELECT is(pg_temp.status_of('m3'), 'pending 1 network: reset by peer', 'with a reason');
SELECT ok((SELECT run_at = now() + interval '5 seconds' AND lease_owner IS NULL FROM media.jobs WHERE id = pg_temp.job_of('m3')),
    'and be due later');
SELECT is(pg_temp.claim('w6', 9), NULL, 'not now');
SELECT ok(media.next_job_delay_ms() BETWEEN 1 AND 5000, 'but then');
UPDATE media.jobs SET run_at = now() WHERE id = pg_temp.job_of('m3');
SELECT is(pg_temp.claim('w6', 9), 'm3/0', 'when it is taken');
SELECT is(pg_temp.status_of('m3'), 'downloading 2 network: reset by peer', 'as the second attempt');
SELECT is(media.retry_job(pg_temp.job_of('m3'), 'w6', 'network', repeat('ü', 2000), -1), 'pending', 'a delay is not negative');
SELECT is((SELECT char_length(last_error) FROM media.media_files WHERE id = pg_temp.media_of('m3')), 1000, 'an error is cut');
SELECT is(pg_temp.claim('w6', 9), 'm3/0', 'no delay, due at once');
UPDATE media.jobs SET attempts = 100 WHERE id = pg_temp.job_of('m3');
SELECT is(media.retry_job(pg_temp.job_of('m3'), 'w6', 'network', 'again', 0), 'failed', 'the last attempt fails for good');
SELECT is(pg_temp.status_of('m3'), 'failed 3 network: again', 'with its reason');
SELECT is(pg_temp.job_of('m3'), NULL, 'and no job');
SELECT is(media.retry_job(-1, 'w6', 'network', 'x', 0), 'lease_lost', 'a job that is gone is lost');

-- Deadlines.
SELECT pg_temp.deliver(pg_temp.shop_a(), 'm4', 1,
    jsonb_build_object('deadline', extract(EPOCH FROM now()) + 3600)) AS m4 \gset
SELECT is(pg_temp.claim('w7', 9), 'm4/0', 'media with a deadline');
SELECT is(media.retry_job(pg_temp.job_of('m4'), 'w7', 'network', 'x', 3599000), 'pending', 'can be tried before it');
UPDATE media.jobs SET run_at = now() WHERE id = pg_temp.job_of('m4');
SELECT is(pg_temp.claim('w7', 9), 'm4/0', 'and again');
SELECT is(media.retry_job(pg_temp.job_of('m4'), 'w7', 'gone', 'x', 3601000), 'failed', 'but not after it');
SELECT is(pg_temp.status_of('m4'), 'failed 2 gone: x', 'when they fail');

-- Giving up.
SELECT pg_temp.deliver(pg_temp.shop_a(), 'm5') AS m5 \gset
SELECT is(pg_temp.claim('w8', 9), 'm5/0', 'a claimed job');
SELECT is(media.fail_job(pg_temp.job_of('m5'), 'w8', 'too_large', NULL), 'failed', 'can fail at once');
SELECT is(pg_temp.status_of('m5'), 'failed 1 too_large: ', 'with a reason only');

-- Deleted media.
SELECT pg_temp.deliver(pg_temp.shop_a(), 'm6', 2) + pg_temp.deliver(pg_temp.shop_a(), 'm7') AS m6 \gset
UPDATE media.media_files SET is_active = FALSE WHERE id = pg_temp.media_of('m6');
SELECT is(pg_temp.claim('w9', 1), 'm6/1', 'the job of deleted media is not handed out');
SELECT is(pg_temp.job_of('m6'), NULL, 'but dropped');
SELECT is(pg_temp.status_of('m6'), 'pending 0', 'without a word about its status');
SELECT is(pg_temp.claim('w9', 1), 'm7/0', 'another is');
UPDATE media.media_files SET is_active = FALSE WHERE id = pg_temp.media_of('m7');
SELECT pg_temp.run_out('m7');
SELECT is(pg_temp.claim('w9', 9), NULL, 'media deleted while a worker was lost');
SELECT is(pg_temp.status_of('m7'), 'pending 1', 'are not downloading any more');
DELETE FROM media.messages WHERE external_id = 'm6';
SELECT is(pg_temp.job_of('m6', 1), NULL, 'the job of a deleted message is gone');
SELECT is((SELECT count(*)::int FROM media.jobs WHERE lease_owner = 'w9'), 0, 'nobody holds it');

SELECT * FROM finish();
ROLLBACK;
