BEGIN;
\ir include/fixture.sql
SELECT plan(22);

-- Claims as a daemon that serves companies in turn; what it got, in order.
CREATE FUNCTION pg_temp.claim(
    p_limit int, p_after uuid DEFAULT NULL, p_per_company int DEFAULT NULL, p_per_host int DEFAULT NULL,
    p_companies uuid[] DEFAULT '{}', p_hosts text[] DEFAULT '{}'
) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(message_external_id || '/' || item_index, ' ' ORDER BY ordinality)
    FROM media.claim_jobs('w', p_limit, 60, p_after, p_per_company, p_per_host, p_companies, p_hosts) WITH ORDINALITY
$$;
CREATE FUNCTION pg_temp.give_back() RETURNS int LANGUAGE sql AS $$
    SELECT media.release_jobs('w', array_agg(id)) FROM media.jobs WHERE lease_owner = 'w'
$$;

-- Companies take turns.
SELECT pg_temp.deliver(pg_temp.shop_a(), 'a', 6) + pg_temp.deliver(pg_temp.shop_b(), 'b', 2) AS media \gset
SELECT is(pg_temp.claim(2), 'a/0 b/0', 'of two jobs each company gets one');
SELECT is(pg_temp.claim(1, pg_temp.alpha()), 'b/1', 'after one company comes the other');
SELECT is(pg_temp.claim(1, pg_temp.alpha()), 'a/1', 'unless it has nothing to do');
SELECT is(pg_temp.claim(1, pg_temp.beta()), 'a/2', 'after the last comes the first');
SELECT is(pg_temp.give_back(), 5, 'released jobs');
SELECT is(pg_temp.claim(7), 'a/0 b/0 a/1 a/2 b/1 a/3 a/4', 'what one leaves the other gets');
SELECT is(pg_temp.claim(9), 'a/5', 'to the last one');
SELECT is(pg_temp.give_back(), 8, 'released jobs');

-- Priorities go before turns.
UPDATE media.jobs SET priority = 2 WHERE id IN (pg_temp.job_of('a', 4), pg_temp.job_of('a', 5));
SELECT is(pg_temp.claim(3), 'a/4 a/5 b/0', 'a higher priority does not wait for its turn');
SELECT is(pg_temp.give_back(), 3, 'released jobs');

-- Limits.
SELECT is(pg_temp.claim(8, NULL, 2), 'a/4 a/5 b/0 b/1', 'no company gets more than its part');
SELECT is(pg_temp.claim(8, NULL, 3, NULL, ARRAY[pg_temp.alpha(), pg_temp.alpha()]), 'a/0', 'what runs counts');
SELECT is(pg_temp.give_back(), 5, 'released jobs');
SELECT is(pg_temp.claim(8, NULL, NULL, 3), 'a/4 a/5 b/0', 'no host gets more than its part, whoever asks');
SELECT is(pg_temp.claim(8, NULL, NULL, 2, '{}', ARRAY['media.example', 'else']), 'a/0', 'what runs counts there, too');
SELECT pg_temp.deliver(pg_temp.shop_b(), 'fast', 1, '{"url": "https://user@FAST.example:8443/x?y"}') AS media \gset
SELECT is(pg_temp.claim(8, NULL, NULL, 1, '{}', ARRAY['media.example']), 'fast/0', 'other hosts are not held up');
SELECT pg_temp.give_back() AS back \gset
SELECT is((SELECT host::text FROM media.jobs WHERE id = pg_temp.job_of('fast')), 'fast.example', 'by the name of the host');

-- First goes what is lost first.
DELETE FROM media.jobs;
SELECT pg_temp.deliver(pg_temp.shop_a(), 'old') + pg_temp.deliver(pg_temp.shop_a(), 'day', 1, '{"url_expires_at": 4102444800}')
    + pg_temp.deliver(pg_temp.shop_a(), 'hour', 1, '{"url_expires_at": 4102441200}')
    + pg_temp.deliver(pg_temp.shop_a(), 'lost', 1, '{"url": null, "url_expires_at": 4102444800, "deadline": 4102437600}') AS media \gset
SELECT is(pg_temp.claim(9), 'lost/0 hour/0 day/0 old/0', 'what expires first goes first, what does not is last');
SELECT is((SELECT host::text FROM media.jobs WHERE id = pg_temp.job_of('lost')), 'generic', 'where there is no URL the provider counts');
SELECT ok(media.remember_source(pg_temp.job_of('day'), 'w', 'https://x/', 4102430000, NULL, NULL), 'once the URL is another one');
SELECT pg_temp.give_back() AS back \gset
SELECT is(pg_temp.claim(1), 'day/0', 'its end counts');

-- A claim looks at what is ready, not at what there is.
SELECT pg_temp.give_back() AS back \gset
SELECT pg_temp.deliver(pg_temp.shop_a(), 'flood', 3000) + pg_temp.deliver(pg_temp.shop_b(), 'single') AS media \gset
SELECT is(pg_temp.claim(2, pg_temp.alpha()), 'single/0 day/0', 'a flood of one company does not delay another');

SELECT * FROM finish();
ROLLBACK;
