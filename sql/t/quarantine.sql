BEGIN;
\ir include/fixture.sql
SELECT plan(29);

CREATE FUNCTION pg_temp.set_aside(p_message text, p_owner text, p_bytes text) RETURNS text LANGUAGE sql AS $$
    SELECT media.quarantine_download(pg_temp.job_of(p_message), p_owner, sha256(p_bytes::bytea), length(p_bytes),
                                     'text/html', 'active_content', 'a page')
$$;
SELECT pg_temp.deliver(pg_temp.shop_a(), 'm1', 1, '{"file_name": "n.jpg"}') + pg_temp.deliver(pg_temp.shop_a(), 'm2')
     + pg_temp.deliver(pg_temp.shop_b(), 'm3') AS media \gset
SELECT count(*) AS claimed FROM media.claim_jobs('w', 9, 60) \gset

SELECT is(pg_temp.set_aside('m1', 'other', 'page'), 'lease_lost', 'only who holds the lease ends a download');
SELECT is(pg_temp.status_of('m1'), 'downloading 1', 'which changes nothing');
SELECT is(pg_temp.set_aside('m1', 'w', 'page'), 'quarantined', 'suspicious bytes end a download');
SELECT is(pg_temp.status_of('m1'), 'quarantined 1 active_content: a page', 'the state says why');
SELECT is(pg_temp.job_of('m1'), NULL, 'the job is done');
SELECT is_empty($$SELECT FROM media.blobs$$, 'there is no blob');
SELECT is((SELECT storage_key FROM media.lookup_media(pg_temp.media_of('m1'))), NULL, 'nor anything to be served');
SELECT is((SELECT new_status FROM media.media_events ORDER BY at DESC LIMIT 1), 'quarantined', 'the audit trail tells');
SELECT is(pg_temp.set_aside('m2', 'w', 'second'), 'quarantined', 'a second one');
SELECT is(pg_temp.set_aside('m3', 'w', 'page'), 'quarantined', 'one of another company');

SELECT set_eq(
    $$SELECT media_id, company, provider, file_name, size, error FROM media.list_quarantine(10)$$,
    $$VALUES (pg_temp.media_of('m1'), 'alpha', 'generic', 'n.jpg', 4::bigint, 'active_content: a page'),
             (pg_temp.media_of('m2'), 'alpha', 'generic', NULL, 6, 'active_content: a page'),
             (pg_temp.media_of('m3'), 'beta', 'generic', NULL, 4, 'active_content: a page')$$,
    'the operator sees all of it');
SELECT results_eq(
    $$SELECT media_id, company_id, account_external_id, message_external_id, item_index, file_name, bucket,
             mime_type, sha256 FROM media.quarantined_media(pg_temp.media_of('m1'))$$,
    $$SELECT pg_temp.media_of('m1'), pg_temp.alpha(), 'shop-a', 'm1', 0, 'n.jpg', 'images', 'text/html',
             sha256('page')$$,
    'and what one item''s release needs');
SELECT is_empty($$SELECT FROM media.quarantined_media(NULL)$$, 'of nothing, nothing');
SELECT set_eq(
    $$SELECT media.unknown_to_quarantine(ARRAY[pg_temp.media_of('m1')::text, 'aaaaaaaa-0000-4000-8000-00000000ffff'])$$,
    ARRAY['aaaaaaaa-0000-4000-8000-00000000ffff'],
    'files without a row can be told');

SELECT media.doom_file('local', 'a/gone.html', TRUE), media.claim_doomed_files('local', 0, 9) \g /dev/null
SELECT is((SELECT outcome FROM media.release_quarantined(pg_temp.media_of('m1'), 'local', 'a/gone.html')), 'key_doomed',
    'a key whose file is being removed is not used');
SELECT isnt_empty($$SELECT FROM media.quarantined_media(pg_temp.media_of('m1'))$$, 'and another one can be tried');
SELECT results_eq(
    $$SELECT * FROM media.release_quarantined(pg_temp.media_of('m1'), 'local', 'a/page.html')$$,
    $$VALUES ('stored', 'a/page.html')$$,
    'what is released is stored');
SELECT is(pg_temp.status_of('m1'), 'completed 1', 'and completed');
SELECT results_eq(
    $$SELECT storage_key, mime_type, size, sha256 FROM media.lookup_media(pg_temp.media_of('m1'))$$,
    $$VALUES ('a/page.html', 'text/html', 4::bigint, sha256('page'))$$,
    'as what it is');
SELECT is((SELECT outcome FROM media.release_quarantined(pg_temp.media_of('m1'), 'local', 'a/page.html')), 'not_found', 'once');
SELECT ok(NOT media.delete_quarantined(pg_temp.media_of('m1')), 'what was released is not deleted');

SELECT is_empty($$SELECT media.expire_quarantine(60, 8192, 10)$$, 'what is young and small stays');
UPDATE media.quarantine SET created_at = now() - interval '1 minute' WHERE media_id = pg_temp.media_of('m2');
SELECT results_eq($$SELECT media.expire_quarantine(3600, 8191, 10)$$, $$SELECT pg_temp.media_of('m2')$$,
    'over the limit of bytes, the oldest goes');
SELECT is(pg_temp.status_of('m2'), 'failed 1 active_content: a page', 'and has failed');
SELECT results_eq($$SELECT media.expire_quarantine(-1, 8192, 10)$$, $$SELECT pg_temp.media_of('m3')$$, 'so does what is old');

SELECT pg_temp.deliver(pg_temp.shop_a(), 'm4') + pg_temp.deliver(pg_temp.shop_a(), 'm5') AS media \gset
SELECT count(*) AS claimed FROM media.claim_jobs('w', 9, 60) \gset
SELECT is(pg_temp.set_aside('m4', 'w', 'page') || pg_temp.set_aside('m5', 'w', 'other'), 'quarantinedquarantined', 'two more');
SELECT results_eq(
    $$SELECT * FROM media.release_quarantined(pg_temp.media_of('m4'), 'local', 'a/again.html')$$,
    $$VALUES ('duplicate', 'a/page.html')$$,
    'content that is there already is not stored twice');
SELECT ok(media.delete_quarantined(pg_temp.media_of('m5')), 'the operator deletes');
DELETE FROM media.messages WHERE external_id IN ('m4', 'm5');
SELECT is_empty($$SELECT FROM media.quarantine$$, 'nothing is left');

SELECT * FROM finish();
ROLLBACK;
