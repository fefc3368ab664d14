BEGIN;
\ir include/fixture.sql
SELECT plan(29);

CREATE FUNCTION pg_temp.claim() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(message_external_id || '/' || item_index, ' ' ORDER BY message_external_id, item_index)
    FROM media.claim_jobs('w', 9, 60)
$$;
CREATE FUNCTION pg_temp.fail(p_message text, p_index int, p_reason text) RETURNS text LANGUAGE sql AS $$
    SELECT media.fail_job(pg_temp.job_of(p_message, p_index), 'w', p_reason, 'why')
$$;

SELECT pg_temp.deliver(pg_temp.shop_a(), 'a', 3) + pg_temp.deliver(pg_temp.shop_b(), 'b', 1, '{"deadline": 4102444800}') AS media \gset
SELECT is(pg_temp.claim(), 'a/0 a/1 a/2 b/0', 'downloads');
SELECT is(pg_temp.fail('a', 0, 'gone') || pg_temp.fail('a', 1, 'too_large') || pg_temp.fail('b', 0, 'gone'), 'failedfailedfailed',
    'that fail');
SELECT set_eq(
    $$SELECT media_id, company_id, reason::text FROM media.dead_letters$$,
    $$VALUES (pg_temp.media_of('a', 0), pg_temp.alpha(), 'gone'), (pg_temp.media_of('a', 1), pg_temp.alpha(), 'too_large'),
             (pg_temp.media_of('b', 0), pg_temp.beta(), 'gone')$$,
    'are dead letters with a reason');

-- Which ones.
SELECT is(media.retry_failed_downloads(p_dry_run => TRUE), 3, 'all');
SELECT is(media.retry_failed_downloads(p_company => pg_temp.beta(), p_dry_run => TRUE), 1, 'those of a company');
SELECT is(media.retry_failed_downloads(p_provider => 'twilio', p_dry_run => TRUE), 0, 'of a provider');
SELECT is(media.retry_failed_downloads(p_provider => 'generic', p_reason => 'gone', p_dry_run => TRUE), 2, 'for a reason');
SELECT is(media.retry_failed_downloads(p_max_attempts => 1, p_dry_run => TRUE), 0, 'with fewer attempts');
SELECT is(media.retry_failed_downloads(p_max_attempts => 2, p_dry_run => TRUE), 3, 'than that');
SELECT is(media.retry_failed_downloads(p_limit => 2, p_dry_run => TRUE), 2, 'some of them');
SELECT is(media.retry_failed_downloads(p_before => now() - interval '1 second', p_dry_run => TRUE), 0, 'that failed before');
UPDATE media.media_files SET created_at = now() - interval '2 days' WHERE id = pg_temp.media_of('a', 0);
SELECT is(media.retry_failed_downloads(p_max_age => '1 day', p_dry_run => TRUE), 2, 'that are not too old');
UPDATE media.media_files SET deadline = now() WHERE id = pg_temp.media_of('b', 0);
SELECT is(media.retry_failed_downloads(p_dry_run => TRUE), 2, 'nor lost');
UPDATE media.media_files SET is_active = FALSE WHERE id = pg_temp.media_of('a', 1);
SELECT is(media.retry_failed_downloads(p_dry_run => TRUE), 1, 'nor deleted');
SELECT is(pg_temp.claim(), NULL, 'asking changes nothing');

-- Doing it.
SELECT is(media.retry_failed_downloads(), 1, 'a retry');
SELECT is(pg_temp.status_of('a', 0), 'pending 1 gone: why', 'lets the media wait');
SELECT is((SELECT count(*)::int FROM media.dead_letters), 2, 'which is no dead letter any more');
SELECT is(pg_temp.claim(), 'a/0', 'and is downloaded');
SELECT is(pg_temp.status_of('a', 0), 'downloading 2 gone: why', 'with all of its attempts counted');
SELECT is(media.retry_failed_downloads(), 0, 'once');

-- By id.
SELECT is(media.retry_download(pg_temp.media_of('a', 0)), 'downloading', 'what runs is let alone');
SELECT is(media.retry_download(pg_temp.media_of('a', 1)), 'deleted', 'what is deleted, too');
SELECT is(media.retry_download(gen_random_uuid()), 'not_found', 'what is not there is not found');
SELECT is(media.retry_download(pg_temp.media_of('b', 0)), 'retried', 'what failed is queued, whatever its deadline');
SELECT is(media.retry_job(pg_temp.job_of('a', 2), 'w', 'unauthorized', 'why', 0, 'account'), 'suspended', 'what waits for its account');
SELECT is(media.retry_download(pg_temp.media_of('a', 2)), 'retried', 'can be tried');
SELECT is(pg_temp.claim(), 'a/2 b/0', 'at once');
UPDATE media.jobs SET expires_at = now() - interval '1 minute' WHERE id = pg_temp.job_of('a', 2);

SELECT is(
    (media.queue_state(1) - '{at,oldest_at}'::text[]) #- '{suspensions,0,probe_at}' #- '{suspensions,0,since}'
        #- '{companies,0,oldest_at}',
    jsonb_build_object(
        'ready', 0, 'suspended', 0, 'running', 3, 'waiting', 0, 'failed', 1,
        'companies', '[{"company": "alpha", "jobs": 2, "ready": 0, "running": 2, "waiting": 0}]'::jsonb,
        'suspensions', '[{"company": "alpha", "provider": "generic", "external_id": "shop-a", "host": "",
                          "reason": "unauthorized", "error": "why", "jobs": 2}]'::jsonb,
        'deadlines', jsonb_build_array(jsonb_build_object(
            'media_id', pg_temp.media_of('a', 2), 'company', 'alpha', 'provider', 'generic',
            'expires_at', media.to_unix(now()) - 60, 'attempts', 1, 'last_error', 'unauthorized: why'))
    ),
    'the state of the queue tells all that');

SELECT * FROM finish();
ROLLBACK;
