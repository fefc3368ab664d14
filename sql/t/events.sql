BEGIN;
\ir include/fixture.sql
SELECT plan(19);

-- The audit trail.
SELECT pg_temp.deliver(pg_temp.shop_a(), 'm1') AS media \gset
SELECT count(*) AS claimed FROM media.claim_jobs('worker', 1, 60) \gset
SELECT media.retry_job(pg_temp.job_of('m1'), 'worker', 'network', 'reset', 0) AS retried \gset
SELECT count(*) AS claimed FROM media.claim_jobs('worker', 1, 60) \gset
SELECT pg_temp.complete('m1', 'worker', 'cat', 'a/cat.png') AS completed \gset
SET LOCAL media.actor = 'ann';
SET LOCAL media.reason = 'private';
UPDATE media.media_files SET is_active = FALSE;
SET LOCAL media.actor = '';
SET LOCAL media.reason = '';
UPDATE media.media_files SET is_active = TRUE;
UPDATE media.media_files SET file_name = 'new name';
SELECT results_eq(
    $$SELECT actor, old_status, new_status, old_is_active, new_is_active, detail
      FROM media.media_events WHERE media_id = pg_temp.media_of('m1') AND company_id = pg_temp.alpha() ORDER BY at$$,
    $$VALUES ('webhook', NULL, 'pending', NULL::boolean, TRUE, NULL),
             ('worker', 'pending', 'downloading', TRUE, TRUE, NULL),
             ('worker', 'downloading', 'pending', TRUE, TRUE, 'network: reset'),
             ('worker', 'pending', 'downloading', TRUE, TRUE, 'network: reset'),
             ('worker', 'downloading', 'completed', TRUE, TRUE, NULL),
             ('ann', 'completed', 'completed', TRUE, FALSE, 'private'),
             (session_user::text COLLATE "default", 'completed', 'completed', FALSE, TRUE, NULL)$$,
    'every change of state is written down, with who did it');
SELECT throws_ok($$UPDATE media.media_events SET actor = 'nobody'$$, '23001', NULL, 'and stays as it was');
DELETE FROM media.messages;
SELECT results_eq(
    $$SELECT old_status, new_status, old_is_active, new_is_active FROM media.media_events ORDER BY at OFFSET 7$$,
    $$VALUES ('completed', 'deleted', TRUE, FALSE)$$, 'even when the media are deleted, which is written down, too');

-- Partitions.
CREATE FUNCTION pg_temp.partition_of_event(p_at timestamptz) RETURNS text LANGUAGE sql AS $$
    WITH added AS (
        INSERT INTO media.media_events (at, company_id, media_id, actor, new_status, new_is_active)
        VALUES (p_at, pg_temp.alpha(), gen_random_uuid(), 'test', 'pending', TRUE)
        RETURNING tableoid
    )
    SELECT tableoid::regclass::text FROM added
$$;
SELECT is(
    (SELECT DISTINCT tableoid::regclass::text FROM media.media_events),
    to_char(now() AT TIME ZONE 'UTC', '"media.media_events_y"YYYY"m"MM'),
    'events are in the partition of their month');
SELECT is(pg_temp.partition_of_event('2001-02-03Z'), 'media.media_events_default', 'an old event has a place');
SELECT is(pg_temp.partition_of_event(now() + interval '40 months'), 'media.media_events_default', 'so has a future one');
SET LOCAL timezone = 'Asia/Tokyo';
SET LOCAL ROLE media_indexer;
SELECT is(media.ensure_event_partitions(2), 0, 'the next months are there already');
SELECT is(media.ensure_event_partitions(-1), 0, 'none is asked for');
SELECT is(media.ensure_event_partitions(41), 39, 'more can be made');
SELECT is(media.ensure_event_partitions(41), 0, 'once');
RESET ROLE;
SELECT results_eq(
    $$SELECT tableoid::regclass::text FROM media.media_events WHERE actor = 'test' AND at > now()$$,
    $$SELECT to_char(now() AT TIME ZONE 'UTC' + interval '40 months', '"media.media_events_y"YYYY"m"MM')$$,
    'events move to the partition made for them');
SELECT is(pg_temp.partition_of_event(date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + interval '1 second'),
    to_char(now() AT TIME ZONE 'UTC', '"media.media_events_y"YYYY"m"MM'), 'months are those of UTC, wherever one is');
SELECT is_empty(
    $$SELECT oid::regclass FROM pg_class
      WHERE relispartition AND relkind = 'r' AND relnamespace = 'media'::regnamespace
        AND (relowner <> 'media_owner'::regrole OR obj_description(oid, 'pg_class') IS NULL)$$,
    'partitions belong to media_owner and say what they are');
SELECT is((SELECT count(*)::int FROM media.media_events), 11, 'no event was lost');

-- Retention.
SET LOCAL ROLE media_owner;
DO $$
DECLARE
    v_month timestamp := date_trunc('month', now() AT TIME ZONE 'UTC') - interval '3 months';
BEGIN
    FOR i IN 0 .. 2 LOOP
        EXECUTE format('CREATE TABLE media.%I PARTITION OF media.media_events FOR VALUES FROM (%L) TO (%L)',
            to_char(v_month, '"media_events_y"YYYY"m"MM'), v_month AT TIME ZONE 'UTC',
            (v_month + interval '1 month') AT TIME ZONE 'UTC');
        v_month := v_month + interval '1 month';
    END LOOP;
END
$$;
RESET ROLE;
SELECT pg_temp.partition_of_event(now() - make_interval(months => i)) FROM generate_series(1, 3) AS i \g /dev/null
SET LOCAL ROLE media_indexer;
SELECT is(media.drop_event_partitions(24), 0, 'events are kept for some months');
SELECT is(media.drop_event_partitions(2), 1, 'a partition that is older goes');
SELECT is(media.drop_event_partitions(2), 0, 'once');
SELECT is(media.drop_event_partitions(-5), 1, 'the last month is always kept');
RESET ROLE;
SELECT is((SELECT count(*)::int FROM media.media_events), 11, 'no other event goes, but very old ones');

SELECT * FROM finish();
ROLLBACK;
