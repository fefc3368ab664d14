BEGIN;
\ir include/fixture.sql
SELECT plan(36);
SET LOCAL synchronous_commit = off;

SELECT pg_temp.deliver(pg_temp.shop_a(), m) FROM unnest(ARRAY['m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7']) AS m \g /dev/null
SELECT pg_temp.deliver(pg_temp.shop_b(), 'b1') + pg_temp.deliver(pg_temp.shop_a(), 'doc', 1, '{"file_type": "document"}') AS more \gset
SELECT count(*) AS claimed FROM media.claim_jobs('w', 100, 60) \gset

-- What the provider says when asked.
SELECT ok(media.remember_source(pg_temp.job_of('m1'), 'w', 'https://new', 1700000000, 42, sha256('x')), 'a source is remembered');
SELECT results_eq(
    $$SELECT provider_media_url::text, url_expires_at, provider_size::bigint, provider_sha256::bytea
      FROM media.media_files WHERE id = pg_temp.media_of('m1')$$,
    $$VALUES ('https://new', to_timestamp(1700000000), 42::bigint, sha256('x'))$$,
    'with all it said');
SELECT ok(media.remember_source(pg_temp.job_of('m1'), 'w', 'https://newer', NULL, NULL, NULL), 'what it does not say');
SELECT results_eq(
    $$SELECT provider_media_url::text, url_expires_at, provider_size::bigint, provider_sha256::bytea
      FROM media.media_files WHERE id = pg_temp.media_of('m1')$$,
    $$VALUES ('https://newer', to_timestamp(1700000000), 42::bigint, sha256('x'))$$,
    'stays');
SELECT throws_ok(
    $$SELECT media.remember_source(pg_temp.job_of('m1'), 'w', NULL, NULL, NULL, '\x00')$$,
    '23514', NULL, 'a hash has 32 bytes');

-- New bytes.
SELECT is(pg_temp.complete('m1', 'w', 'cat', NULL), 'blob_missing', 'without a key there must be a blob');
SELECT is(pg_temp.status_of('m1'), 'downloading 1', 'and nothing happens');
SELECT is_empty($$SELECT * FROM media.find_blob(pg_temp.alpha(), 'images', sha256('cat'))$$, 'there is none yet');
SELECT pg_temp.job_of('m1') AS job \gset
SELECT results_eq(
    $$SELECT c.outcome, c.storage_key, b.storage_key::text
      FROM media.complete_download(pg_temp.job_of('m1'), 'w', sha256('cat'), 3, 'image/png', 'local', 'a/cat.png') AS c
      JOIN LATERAL (SELECT c.blob_id, c.storage_key) AS b ON TRUE$$,
    $$VALUES ('stored', 'a/cat.png', 'a/cat.png')$$,
    'new bytes are stored under our key');
SELECT is(current_setting('synchronous_commit'), 'local', 'durably');
SELECT results_eq(
    $$SELECT company_id, bucket, store::text, storage_key::text, size::bigint, mime_type::text, state::text FROM media.blobs$$,
    $$VALUES (pg_temp.alpha(), 'images', 'local', 'a/cat.png', 3::bigint, 'image/png', 'live')$$,
    'as a blob');
SELECT results_eq(
    $$SELECT m.download_status::text, m.mime_type::text, m.file_size::bigint, b.storage_key::text, m.last_error::text
      FROM media.media_files AS m JOIN media.blobs AS b ON b.id = m.blob_id WHERE m.id = pg_temp.media_of('m1')$$,
    $$VALUES ('completed', 'image/png', 3::bigint, 'a/cat.png', NULL)$$,
    'that the media refer to');
SELECT is(pg_temp.job_of('m1'), NULL, 'the job is done');
SELECT results_eq(
    format($$SELECT outcome, storage_key FROM media.complete_download(%s, 'w', sha256('cat'), 3, 'image/png', 'local', 'a/cat.png')$$, :job),
    $$VALUES ('lease_lost', 'a/cat.png')$$,
    'who asks twice has no lease, but learns that the key is in use');
SELECT results_eq(
    format($$SELECT outcome, blob_id, storage_key FROM media.complete_download(%s, 'w', sha256('cat'), 3, 'image/png', 'local', 'a/other.png')$$, :job),
    $$VALUES ('lease_lost', NULL::uuid, NULL::text)$$,
    'or that it is not');

-- The same bytes again.
SELECT results_eq(
    $$SELECT store, storage_key FROM media.find_blob(pg_temp.alpha(), 'images', sha256('cat'))$$,
    $$VALUES ('local', 'a/cat.png')$$,
    'the blob is found');
SELECT pg_temp.deliver(pg_temp.shop_a(), 'claims', 2, jsonb_build_object('sha256', encode(sha256('cat'), 'hex')))
     + pg_temp.deliver(pg_temp.shop_b(), 'other company', 1, jsonb_build_object('sha256', encode(sha256('cat'), 'hex')))
     + pg_temp.deliver(pg_temp.shop_a(), 'another bucket', 1,
                       jsonb_build_object('file_type', 'document', 'sha256', encode(sha256('cat'), 'hex')))
     + pg_temp.deliver(pg_temp.shop_a(), 'no hash') AS claimable \gset
SELECT set_eq(
    $$SELECT message_external_id || ' ' || is_content_new FROM media.claim_jobs('new', 100, 60)$$,
    ARRAY['claims false', 'other company true', 'another bucket true', 'no hash false'],
    'a claim tells what would be new');
SELECT is(media.release_jobs('new', ARRAY(SELECT j.id FROM media.jobs AS j WHERE j.lease_owner = 'new')), 5,
          'and all of these are given back');
SELECT results_eq(
    $$SELECT outcome, storage_key FROM media.complete_download(pg_temp.job_of('m2'), 'w', sha256('cat'), 3, 'image/png', 'local', NULL)$$,
    $$VALUES ('duplicate', 'a/cat.png')$$,
    'and used without a key');
SELECT results_eq(
    $$SELECT outcome, storage_key FROM media.complete_download(pg_temp.job_of('m3'), 'w', sha256('cat'), 3, 'image/png', 'local', 'a/cat-2.png')$$,
    $$VALUES ('duplicate', 'a/cat.png')$$,
    'or in place of another key');
SELECT is((SELECT count(*)::int FROM media.blobs), 1, 'there is one blob');
SELECT is((SELECT count(DISTINCT blob_id)::int || ' of ' || count(*) FROM media.media_files WHERE download_status = 'completed'),
    '1 of 3', 'of three media');
SELECT is(pg_temp.complete('b1', 'w', 'cat', 'b/cat.png'), 'stored', 'another company has its own');
SELECT is(pg_temp.complete('doc', 'w', 'cat', 'd/cat.png'), 'stored', 'another bucket, too');
SELECT is((SELECT bucket FROM media.blobs WHERE storage_key = 'd/cat.png'), 'documents', 'which the file type decides');

-- A key that is taken.
SELECT throws_ok(
    $$SELECT pg_temp.complete('m4', 'w', 'dog', 'a/cat.png')$$,
    '23505', NULL, 'a key of other bytes is an error');
SELECT is(pg_temp.status_of('m4'), 'downloading 1', 'that leaves the download as it was');
SELECT is(pg_temp.complete('m4', 'w', 'dog', 'a/dog.png'), 'stored', 'and another key helps');
SELECT throws_ok(
    $$SELECT pg_temp.complete('m5', 'w', '', 'a/empty.png')$$,
    '23514', NULL, 'nothing empty is stored');

-- Blobs whose bytes are given up.
UPDATE media.blobs SET state = 'deleting' WHERE storage_key = 'a/dog.png';
SELECT is_empty($$SELECT * FROM media.find_blob(pg_temp.alpha(), 'images', sha256('dog'))$$, 'a dying blob is not found');
SELECT is(pg_temp.complete('m5', 'w', 'dog', NULL), 'blob_missing', 'nor used');
SELECT is(pg_temp.complete('m5', 'w', 'dog', 'a/dog-2.png'), 'stored', 'fresh bytes revive it');
SELECT results_eq(
    $$SELECT state::text, storage_key::text FROM media.blobs WHERE sha256 = sha256('dog')$$,
    $$VALUES ('live', 'a/dog-2.png')$$,
    'under their key');

-- A lease that ran out, but nobody else took.
UPDATE media.jobs SET lease_until = now() - interval '1 hour' WHERE id = pg_temp.job_of('m6');
SELECT is(pg_temp.complete('m6', 'w', 'owl', 'a/owl.png'), 'stored', 'late is not too late');

-- Media deleted during the download.
UPDATE media.media_files SET is_active = FALSE WHERE id = pg_temp.media_of('m7');
SELECT is(pg_temp.complete('m7', 'w', 'fox', 'a/fox.png'), 'lease_lost', 'bytes of deleted media are not taken');
SELECT is(pg_temp.status_of('m7'), 'pending 1', 'who restores them has them fetched again');

SET CONSTRAINTS ALL IMMEDIATE;
SELECT * FROM finish();
ROLLBACK;
