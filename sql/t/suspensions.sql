BEGIN;
\ir include/fixture.sql
SELECT plan(54);

CREATE FUNCTION pg_temp.claim(p_limit int) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(message_external_id || '/' || item_index, ' ' ORDER BY ordinality)
    FROM media.claim_jobs('w', p_limit, 60) WITH ORDINALITY
$$;
CREATE FUNCTION pg_temp.retry(p_message text, p_index int, p_reason text, p_scope text, p_asked_ms int DEFAULT 0)
RETURNS text LANGUAGE sql AS $$
    SELECT media.retry_job(pg_temp.job_of(p_message, p_index), 'w', p_reason, 'why', 1000, p_scope, p_asked_ms)
$$;
-- Lets the pauses of all suspensions be over.
CREATE FUNCTION pg_temp.pause_over() RETURNS void LANGUAGE sql AS $$
    UPDATE media.account_suspensions SET probe_at = now() WHERE suspended_at IS NOT NULL;
    UPDATE media.jobs SET run_at = now() WHERE NOT is_ready AND lease_owner IS NULL
$$;
CREATE FUNCTION pg_temp.pause() RETURNS interval LANGUAGE sql AS $$
    SELECT probe_at - now() FROM media.account_suspensions WHERE suspended_at IS NOT NULL
$$;

-- A refused credential.
SELECT pg_temp.deliver(pg_temp.shop_a(), 'a', 4) + pg_temp.deliver(pg_temp.shop_b(), 'b', 1) AS media \gset
SELECT is(pg_temp.claim(3), 'a/0 b/0 a/1', 'jobs of two accounts');
SELECT is(pg_temp.retry('a', 0, 'unauthorized', 'account'), 'suspended', 'a refused credential suspends the account');
SELECT is(pg_temp.retry('a', 1, 'unauthorized', 'account'), 'held', 'once');
SELECT is(pg_temp.status_of('a', 0), 'pending 0 unauthorized: why', 'its media waits, and that was no attempt');
SELECT is((SELECT attempts::int FROM media.jobs WHERE id = pg_temp.job_of('a', 1)), 0, 'nor one of the job');
SELECT is(pg_temp.claim(9), NULL, 'its other jobs are left alone');
SELECT is(pg_temp.status_of('a', 3), 'pending 0', 'and untouched');
SELECT results_eq(
    $$SELECT company, provider, external_id, host, reason, error, suspended_at, probe_at FROM media.list_suspensions()$$,
    $$VALUES ('alpha', 'generic', 'shop-a', '', 'unauthorized', 'why', now(), now() + interval '1 minute')$$,
    'everybody can see that, and why');
SELECT ok(media.next_job_delay_ms() BETWEEN 1 AND 1000, 'the queue is looked at again before long');

-- Half open.
SELECT pg_temp.pause_over();
SELECT is(pg_temp.claim(9), 'a/0', 'after the pause a single job is let through');
SELECT is(pg_temp.claim(9), NULL, 'one at a time');
SELECT is(pg_temp.retry('a', 0, 'unauthorized', 'account'), 'held', 'still refused');
SELECT is(pg_temp.pause(), interval '2 minutes', 'the next pause is longer');
SELECT pg_temp.pause_over();
UPDATE media.jobs SET run_at = now() + interval '1 minute', is_ready = FALSE WHERE id = pg_temp.job_of('a', 0);
SELECT is(pg_temp.claim(9), 'a/1', 'the probe is not always the same');
SELECT is((SELECT is_resumed FROM media.complete_download(
    pg_temp.job_of('a', 1), 'w', sha256('x'), 1, 'image/png', 'local', 'k')), TRUE, 'one that works resumes the account');
SELECT is_empty($$SELECT * FROM media.list_suspensions()$$, 'nothing is suspended any more');
SELECT is(pg_temp.claim(9), 'a/0 a/2 a/3', 'all of its jobs are there, also those that waited for another time');

-- A new secret.
SELECT is(pg_temp.retry('a', 0, 'unauthorized', 'account'), 'suspended', 'refused again');
SELECT ok(media.change_account(pg_temp.shop_a(), NULL, NULL), 'once the secret is replaced');
SELECT is(pg_temp.claim(9), 'a/0', 'the account is resumed at once');

-- Rate limits.
SELECT is(pg_temp.retry('a', 0, 'rate_limited', 'account', 30000), 'suspended', 'a rate limit is the account''s');
SELECT is(pg_temp.pause(), interval '30 seconds', 'for as long as the provider asked');
SELECT is(pg_temp.retry('a', 2, 'rate_limited', 'account', 50), 'held', 'others that were under way');
SELECT is(pg_temp.pause(), interval '30 seconds', 'do not shorten that');
SELECT pg_temp.pause_over();
SELECT is(pg_temp.claim(9), 'a/0', 'a probe');
SELECT is(media.fail_job(pg_temp.job_of('a', 0), 'w', 'gone', ''), 'failed', 'that is told that its media is gone');
SELECT is_empty($$SELECT * FROM media.list_suspensions()$$, 'shows that the account works, too');
SELECT is(media.release_jobs('w', array_agg(id)), 2, 'the rest') FROM media.jobs WHERE lease_owner = 'w';

-- Limits of one host.
SELECT pg_temp.deliver(pg_temp.shop_a(), 'c', 1, '{"url": "https://other.example/"}') AS media \gset
SELECT is(pg_temp.claim(1), 'a/2', 'a job from one host');
SELECT is(pg_temp.retry('a', 2, 'rate_limited', 'host', 1000), 'suspended', 'that has enough');
SELECT is(pg_temp.claim(9), 'c/0 b/0', 'leaves those from others') FROM (SELECT media.release_jobs('w', array_agg(id)) FROM media.jobs WHERE lease_owner = 'w') AS r;
DELETE FROM media.account_suspensions;
DELETE FROM media.jobs;

-- Outages.
SELECT pg_temp.deliver(pg_temp.shop_b(), 'o', 8) AS media \gset
SELECT is(pg_temp.claim(9), 'o/0 o/1 o/2 o/3 o/4 o/5 o/6 o/7', 'many jobs in an outage');
SELECT is(string_agg(pg_temp.retry('o', i, 'network', 'media'), ' '), 'pending pending pending pending',
    'the first ones are tried again by themselves') FROM generate_series(0, 3) AS i;
SELECT is(pg_temp.status_of('o', 3), 'pending 1 network: why', 'and those were attempts');
SELECT is(pg_temp.retry('o', 4, 'network', 'media'), 'suspended', 'the fifth in a row shows an outage');
SELECT is(media.fail_job(pg_temp.job_of('o', 5), 'w', 'network', 'why'), 'held', 'where no attempt is the last');
SELECT is(pg_temp.status_of('o', 5), 'pending 0 network: why', 'nor one at all');
SELECT is(pg_temp.pause(), interval '1 second', 'the first pause is short');
SELECT pg_temp.pause_over();
SELECT is(pg_temp.claim(9), 'o/0', 'a probe');
SELECT is(pg_temp.retry('o', 0, 'network', 'media'), 'held', 'that does not get through');
SELECT is(pg_temp.pause(), interval '2 seconds', 'makes the next one longer');
SELECT pg_temp.pause_over();
SELECT is(pg_temp.claim(1), 'o/0', 'another');
SELECT is(pg_temp.retry('o', 0, 'network', 'media', 90000), 'held', 'that is told when to come back');
SELECT is(pg_temp.pause(), interval '90 seconds', 'makes it as long as that');
SELECT is(media.suspension_pause('network', 1000), interval '5 minutes', 'up to a limit');

-- One broken item is no outage.
DELETE FROM media.account_suspensions;
DELETE FROM media.jobs;
SELECT pg_temp.deliver(pg_temp.shop_b(), 'p', 2) AS media \gset
UPDATE media.jobs SET priority = 1 WHERE id = pg_temp.job_of('p');
SELECT is(string_agg(pg_temp.claim(1) || ' ' || media.retry_job(pg_temp.job_of('p'), 'w', 'network', 'why', 0), ' '),
    repeat('p/0 pending ', 9) || 'p/0 pending', 'an item that fails again and again') FROM generate_series(1, 10);
SELECT is_empty($$SELECT * FROM media.list_suspensions()$$, 'suspends nothing');
SELECT is(pg_temp.claim(2), 'p/0 p/1', 'and holds nobody up');

-- Upkeep.
SELECT pg_temp.deliver(pg_temp.shop_a(), 'late', 2) AS media \gset
UPDATE media.media_files SET deadline = now() WHERE id = pg_temp.media_of('late', 1);
UPDATE media.jobs SET last_error = 'unauthorized: why' WHERE id = pg_temp.job_of('late', 1);
SELECT is(media.expire_downloads(9), 1, 'what waited for longer than the provider keeps it');
SELECT is(pg_temp.status_of('late', 1), 'failed 0 expired: after unauthorized: why', 'has failed, and tells why it waited');
SELECT is(pg_temp.status_of('late', 0), 'pending 0', 'what has time waits');
INSERT INTO media.account_suspensions (company_id, account_id, host, noted_at)
VALUES (pg_temp.alpha(), pg_temp.shop_a(), 'old.example', now() - interval '2 days'),
       (pg_temp.alpha(), pg_temp.shop_a(), 'media.example', now() - interval '2 days'),
       (pg_temp.alpha(), pg_temp.shop_a(), 'new.example', now());
SELECT is(media.delete_idle_suspensions(0), 0, 'none if none was asked for');
SELECT is(media.delete_idle_suspensions(9), 1, 'old failures without a job to find out more');
SELECT set_eq($$SELECT host::text FROM media.account_suspensions WHERE account_id = pg_temp.shop_a()$$,
    ARRAY['media.example', 'new.example'], 'are forgotten, not the others');

SELECT * FROM finish();
ROLLBACK;
