BEGIN;
\ir include/fixture.sql
SELECT plan(20);

SELECT pg_temp.deliver(pg_temp.shop_a(), 'm1', 1, '{"file_name": "cat.png"}') AS media \gset
CREATE FUNCTION pg_temp.status_seen() RETURNS text LANGUAGE sql AS $$
    SELECT status FROM media.lookup_media(pg_temp.media_of('m1'))
$$;

SELECT is_empty($$SELECT * FROM media.lookup_media('aaaaaaaa-0000-4000-8000-00000000ffff')$$, 'no such id, no row');
SELECT is_empty($$SELECT * FROM media.lookup_media(NULL)$$, 'no id, no row');
SELECT results_eq(
    $$SELECT company_id, status, visibility, store, storage_key, mime_type, file_name, size, sha256
      FROM media.lookup_media(pg_temp.media_of('m1'))$$,
    $$VALUES (pg_temp.alpha(), 'pending', 'private', NULL, NULL, NULL, 'cat.png', NULL::bigint, NULL::bytea)$$,
    'pending media have no bytes');
SELECT ok((SELECT modified_at IS NOT NULL FROM media.lookup_media(pg_temp.media_of('m1'))), 'but a time');
SELECT count(*) AS claimed FROM media.claim_jobs('w', 1, 60) \gset
SELECT is(pg_temp.status_seen(), 'downloading', 'downloading');
SAVEPOINT downloading;
SELECT is(media.fail_job(pg_temp.job_of('m1'), 'w', 'gone', 'x'), 'failed', 'a download fails');
SELECT is(pg_temp.status_seen(), 'failed', 'failed');
UPDATE media.media_files SET download_status = 'quarantined';
SELECT is(pg_temp.status_seen(), 'failed', 'to nginx, quarantined media have failed');
ROLLBACK TO downloading;
SELECT is(pg_temp.complete('m1', 'w', 'cat', 'a/cat.png'), 'stored', 'a download completes');
SELECT results_eq(
    $$SELECT company_id, status, visibility, store, storage_key, mime_type, file_name, size, sha256
      FROM media.lookup_media(pg_temp.media_of('m1'))$$,
    $$VALUES (pg_temp.alpha(), 'completed', 'private', 'local', 'a/cat.png', 'image/png', 'cat.png', 3::bigint, sha256('cat'))$$,
    'completed media have bytes');
UPDATE media.blobs SET created_at = '2026-01-02 03:04:05+00';
SELECT is((SELECT modified_at FROM media.lookup_media(pg_temp.media_of('m1'))), '2026-01-02 03:04:05+00',
    'the time is that of the bytes');
UPDATE media.media_files SET visibility = 'public';
SELECT is((SELECT visibility FROM media.lookup_media(pg_temp.media_of('m1'))), 'public', 'public');
UPDATE media.media_files SET is_active = FALSE;
SELECT is(pg_temp.status_seen(), NULL, 'deleted media are not found');
UPDATE media.media_files SET is_active = TRUE;
SELECT is(pg_temp.status_seen(), 'completed', 'restored ones are');

SELECT count(pg_temp.deliver(pg_temp.shop_a(), 'n' || i, 1, '{"file_name": "dog.png"}')) AS delivered
FROM generate_series(1, 3) AS i \gset
UPDATE media.media_files SET is_active = FALSE WHERE id = pg_temp.media_of('n2');
SELECT array_agg(pg_temp.media_of(name)) || '{aaaaaaaa-0000-4000-8000-00000000ffff,NULL}' || pg_temp.media_of('m1') AS ids
FROM unnest('{n1,m1,n2,n3}'::text[]) AS name \gset
SELECT results_eq(
    format($$SELECT asked, status FROM media.lookup_media_many(%L) ORDER BY asked$$, :'ids'),
    $$VALUES (1::bigint, 'pending'), (2, 'completed'), (4, 'pending'), (7, 'completed')$$,
    'of many, each that is there is found at its place');
SELECT results_eq(
    format($$SELECT * FROM media.lookup_media_many(%L) ORDER BY asked$$, :'ids'),
    format($$SELECT a.asked, l.* FROM unnest(%L::uuid[]) WITH ORDINALITY AS a (id, asked)
             CROSS JOIN LATERAL media.lookup_media(a.id) AS l ORDER BY a.asked$$, :'ids'),
    'and as if asked about alone');
SELECT is_empty($$SELECT * FROM media.lookup_media_many('{}')$$, 'no ids, no rows');
SELECT is_empty($$SELECT * FROM media.lookup_media_many(NULL)$$, 'nor for none');

UPDATE media.blobs SET state = 'deleting';
SELECT is(pg_temp.status_seen(), NULL, 'media whose bytes are being deleted are not found');
UPDATE media.blobs SET state = 'gone';
SELECT is(pg_temp.status_seen(), NULL, 'nor those whose bytes are gone');

SELECT * FROM finish();
ROLLBACK;
