BEGIN;
\ir include/fixture.sql
SELECT plan(32);
SET LOCAL synchronous_commit = off;

CREATE FUNCTION pg_temp.today() RETURNS date LANGUAGE sql AS $$ SELECT (now() AT TIME ZONE 'UTC')::date $$;
CREATE FUNCTION pg_temp.figures(p_company uuid) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s %s: %s received, %s completed, %s failed, %s bytes, %s deduplicated, %s views',
        provider, file_type, received, completed, failed, bytes_stored, bytes_deduplicated, views),
        '; ' ORDER BY provider, file_type)
    FROM media.media_analytics WHERE company_id = p_company AND day = pg_temp.today()
$$;
CREATE FUNCTION pg_temp.reasons(p_company uuid) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(reason || ' ' || failed, ', ' ORDER BY reason) FROM media.media_failures WHERE company_id = p_company
$$;

-- One day of two companies.
SELECT pg_temp.deliver(pg_temp.shop_a(), m) FROM unnest(ARRAY['m1', 'm2', 'm3', 'm4', 'm5']) AS m \g /dev/null
SELECT pg_temp.deliver(pg_temp.shop_b(), 'b1') + pg_temp.deliver(pg_temp.shop_a(), 'lost', 1, '{"failure": "gone: not there"}') AS more \gset
SELECT count(*) AS claimed FROM media.claim_jobs('w', 100, 60) \gset
SELECT pg_temp.complete('m1', 'w', 'cat', 'a/cat.png') || pg_temp.complete('m2', 'w', 'cat', NULL) AS completed \gset
SELECT media.fail_job(pg_temp.job_of('m3'), 'w', 'expired', 'too late') AS failed \gset
SELECT media.fail_job(pg_temp.job_of('m4'), 'w', 'No Code', NULL) AS failed \gset
SELECT media.retry_job(pg_temp.job_of('m5'), 'w', 'network', 'reset', 0) AS retried \gset
SELECT is(pg_temp.figures(pg_temp.alpha()), NULL, 'nothing is counted at once');
SET LOCAL ROLE media_indexer;
SELECT is(media.fold_analytics(4), 4, 'some is by a fold');
SELECT is(media.fold_analytics(100), 7, 'the rest by the next');
SELECT is(media.fold_analytics(100), 0, 'all of it once');
RESET ROLE;
SELECT is(pg_temp.figures(pg_temp.alpha()),
    'generic image: 6 received, 2 completed, 3 failed, 3 bytes, 3 deduplicated, 0 views', 'a day has its figures');
SELECT is(pg_temp.figures(pg_temp.beta()),
    'generic image: 1 received, 0 completed, 0 failed, 0 bytes, 0 deduplicated, 0 views', 'of each company');
SELECT is(pg_temp.reasons(pg_temp.alpha()), 'expired 1, gone 1, other 1', 'failures have their reasons');
SELECT ok(
    (SELECT download_ms BETWEEN download_ms_max AND 2 * download_ms_max FROM media.media_analytics
     WHERE company_id = pg_temp.alpha()), 'downloads have their time');

-- Tried again, deleted, viewed.
SELECT media.queue_media_processing(pg_temp.media_of('m3')) AS job \gset
SELECT is(:'job', pg_temp.job_of('m3')::text, 'failed media are queued');
SELECT is(pg_temp.status_of('m3'), 'pending 0 expired: too late', 'to be tried again');
SELECT is(media.queue_media_processing(pg_temp.media_of('m3'))::text, :'job', 'once');
SELECT is(media.queue_media_processing(pg_temp.media_of('m1')), NULL, 'completed media are not');
SELECT throws_ok($$SELECT media.queue_media_processing(pg_temp.media_of('m4'), 'bake')$$, '23514', NULL, 'for unknown work');
SELECT throws_ok($$SELECT media.queue_media_processing(gen_random_uuid())$$, '23503', NULL, 'nor what never was');
SELECT throws_ok($$SELECT media.queue_media_processing(pg_temp.media_of('m4'), p_priority => 10)$$, '23514', NULL,
    'nor beyond the priorities');
SELECT count(*) AS claimed FROM media.claim_jobs('w', 100, 60) \gset
SELECT is(pg_temp.complete('m3', 'w', 'horse', 'a/horse.png'), 'stored', 'a second try can complete');
UPDATE media.media_files SET is_active = FALSE WHERE id = pg_temp.media_of('m2');
DELETE FROM media.messages WHERE external_id = 'm3';
SELECT is(media.count_views(ARRAY[pg_temp.media_of('m1'), pg_temp.media_of('m2'), gen_random_uuid()], ARRAY[5, 0, 1]), 1, 'views are added');
SELECT is(media.fold_analytics(100), 2, 'and counted');
SELECT is(pg_temp.figures(pg_temp.alpha()),
    'generic image: 6 received, 3 completed, 3 failed, 8 bytes, 3 deduplicated, 5 views', 'deleted media stay in the figures');

-- Computed anew, it is the same: after a thousand random events on many days, folded in random portions.
SELECT setseed(0.42);
DO $$
BEGIN
    FOR i IN 1 .. 1000 LOOP
        INSERT INTO media.media_events (at, company_id, media_id, actor, old_status, new_status, new_is_active, detail,
                                        account_id, file_type, bytes, is_duplicate, duration_ms)
        SELECT now() - random() * interval '90 days',
               a.company_id, gen_random_uuid(), 'test',
               (ARRAY[NULL, 'pending', 'downloading', 'completed', 'failed'])[1 + floor(random() * 5)],
               s.new_status, TRUE,
               (ARRAY['gone: x', 'network: y', 'odd'])[1 + floor(random() * 3)],
               CASE WHEN random() < 0.9 THEN a.id ELSE gen_random_uuid() END,
               (ARRAY['image', 'audio', 'video', 'document'])[1 + floor(random() * 4)],
               CASE s.new_status WHEN 'completed' THEN floor(random() * 1000000) END,
               CASE s.new_status WHEN 'completed' THEN random() < 0.3 END,
               CASE s.new_status WHEN 'completed' THEN floor(random() * 5000) END
        FROM (SELECT (ARRAY['pending', 'downloading', 'completed', 'failed'])[1 + floor(random() * 4)]) AS s (new_status),
             (SELECT x.id, x.company_id FROM media.accounts AS x ORDER BY random() LIMIT 1) AS a;
        IF random() < 0.02 THEN
            PERFORM media.fold_analytics(floor(random() * 40)::int);
        END IF;
    END LOOP;
END
$$;
CREATE TABLE pg_temp.at_half AS SELECT count(*) AS waiting FROM media.analytics_deltas;
SELECT cmp_ok((SELECT waiting FROM pg_temp.at_half), '>', 0::bigint, 'some events are not counted yet');
SAVEPOINT half;
SELECT media.fold_analytics(NULL) AS folded \gset
CREATE TABLE pg_temp.incremental AS SELECT * FROM media.media_analytics;
CREATE TABLE pg_temp.incremental_failures AS SELECT * FROM media.media_failures;
SELECT cmp_ok((SELECT count(*) FROM pg_temp.incremental), '>', 100::bigint, 'there are many figures');
SELECT is(
    (SELECT sum(received + completed + failed)::bigint FROM pg_temp.incremental),
    (SELECT sum((old_status IS NULL)::int + (new_status = 'completed')::int + (new_status = 'failed')::int)::bigint
     FROM media.media_events
     WHERE old_status IS NULL OR old_status <> new_status),
    'which contain every event');
UPDATE media.media_analytics SET received = 7, download_ms_max = 0 WHERE company_id = pg_temp.alpha();
DELETE FROM media.media_failures WHERE company_id = pg_temp.beta();
SET LOCAL ROLE media_indexer;
SELECT cmp_ok(media.recompute_analytics(pg_temp.today() - 100, pg_temp.today()), '>', 500, 'they are computed anew');
RESET ROLE;
SELECT set_eq('SELECT * FROM media.media_analytics', 'SELECT * FROM pg_temp.incremental', 'and are the same');
SELECT set_eq('SELECT * FROM media.media_failures', 'SELECT * FROM pg_temp.incremental_failures', 'with their reasons');
ROLLBACK TO half;
SELECT is(media.fold_analytics(0), 0, 'with events that were not counted yet');
SELECT cmp_ok(media.recompute_analytics(pg_temp.today() - 100, pg_temp.today()), '>', 500, 'they are computed anew');
SELECT is((SELECT count(*)::int FROM media.analytics_deltas), 0, 'which counts those, too');
SELECT is(
    (SELECT sum(received + completed + failed)::bigint FROM media.media_analytics),
    (SELECT sum((old_status IS NULL)::int + (new_status = 'completed')::int + (new_status = 'failed')::int)::bigint
     FROM media.media_events
     WHERE old_status IS NULL OR old_status <> new_status),
    'once');
SELECT is(media.recompute_analytics('2001-01-01', '2001-12-31'), 0, 'a year without events has no figures');

-- Partitions that are made later count, too, and what moves into one is not counted again.
SELECT media.fold_analytics(NULL) AS folded \gset
CREATE FUNCTION pg_temp.add_event_in(p_months int) RETURNS void LANGUAGE sql AS $$
    INSERT INTO media.media_events (at, company_id, media_id, actor, new_status, new_is_active, account_id, file_type)
    VALUES (now() + make_interval(months => p_months), pg_temp.alpha(), gen_random_uuid(), 'test', 'pending', TRUE,
            pg_temp.shop_a(), 'image')
$$;
SELECT pg_temp.add_event_in(30) AS added \gset
SELECT is(media.ensure_event_partitions(31), 29, 'there are new months');
SELECT pg_temp.add_event_in(30) AS added \gset
SELECT is((SELECT count(*)::int FROM media.analytics_deltas), 2, 'each event is counted once, whatever partition it is in');

SELECT * FROM finish();
ROLLBACK;
