BEGIN;
\ir include/fixture.sql
SELECT plan(5);

CREATE FUNCTION pg_temp.sample() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', due, running, waiting, suspended) FROM media.sample_queue()
$$;

SELECT is(pg_temp.sample(), '0 0 0 0', 'an empty queue has nothing to count');
SELECT is((SELECT oldest_pending_seconds FROM media.sample_queue()), 0::double precision, 'and nothing old');

SELECT pg_temp.deliver(pg_temp.shop_a(), 'm1', 3) AS m1 \gset
SELECT * FROM media.claim_jobs('w1', 1, 60) \gset job_
SELECT is(pg_temp.sample(), '2 1 0 0', 'claimed jobs run, the others are due');
UPDATE media.jobs SET run_at = now() + interval '1 minute', is_ready = FALSE WHERE id IN (SELECT max(id) FROM media.jobs);
UPDATE media.jobs SET created_at = now() - interval '90 seconds' WHERE id = :job_job_id;
SELECT is(pg_temp.sample(), '1 1 1 0', 'what is tried again later waits');
SELECT is((SELECT oldest_pending_seconds FROM media.sample_queue()), 90::double precision,
    'what runs is not at its end either');

SELECT * FROM finish();
ROLLBACK;
