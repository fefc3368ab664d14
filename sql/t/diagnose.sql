BEGIN;
\ir include/fixture.sql
SELECT plan(8);

SELECT pg_temp.deliver(pg_temp.shop_a(), 'm1', 3) AS m1 \gset
SELECT is_empty($$SELECT * FROM media.count_expiring('1 hour')$$, 'what has no end does not expire');
SELECT is_empty($$SELECT * FROM media.count_failures(now() - interval '1 day')$$, 'and nothing has failed');

SELECT count(*) FROM media.claim_jobs('w1', 9, 60) \g /dev/null
SELECT media.fail_job(pg_temp.job_of('m1', 2), 'w1', 'gone', 'a: b') \g /dev/null
SELECT results_eq($$SELECT provider, reason, files FROM media.count_failures(now() - interval '1 day')$$,
    $$VALUES ('generic', 'gone', 1::bigint)$$, 'failures are counted by reason');
SELECT is_empty($$SELECT * FROM media.count_failures(now() + interval '1 minute')$$, 'from a time on');

UPDATE media.media_files SET deadline = now() + interval '30 minutes' WHERE id = pg_temp.media_of('m1', 1);
SELECT results_eq($$SELECT provider, files, first_at - now() FROM media.count_expiring('1 hour')$$,
    $$VALUES ('generic', 1::bigint, '30 minutes'::interval)$$, 'what is lost within the hour');
SELECT is_empty($$SELECT * FROM media.count_expiring('1 minute')$$, 'is not lost within a minute');

SELECT results_eq($$SELECT * FROM media.check_event_partitions()$$, $$VALUES (3, 0::bigint)$$,
    'this and two more months have a partition');
SELECT format('DROP TABLE media.%I', to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months',
    '"media_events_y"YYYY"m"MM')) AS statement \gset
:statement;
INSERT INTO media.media_events (at, company_id, media_id, actor, new_status, new_is_active)
VALUES ('2001-01-01Z', pg_temp.alpha(), gen_random_uuid(), 'test', 'pending', TRUE);
SELECT results_eq($$SELECT * FROM media.check_event_partitions()$$, $$VALUES (2, 1::bigint)$$,
    'a missing one, and rows without one, are seen');

SELECT * FROM finish();
ROLLBACK;
