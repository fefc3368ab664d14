BEGIN;
\ir include/fixture.sql
SELECT plan(3);

SELECT pg_temp.deliver(pg_temp.shop_a(), 'm1', 3, '{"provider_media_id": "p", "url_expires_at": 1700000300,
    "declared_mime_type": "image/jpeg", "file_name": "cat.png"}') AS media \gset
SELECT count(*) AS claimed FROM media.claim_jobs('w', 2, 60) \gset
SELECT pg_temp.complete('m1', 'w', 'cat', 'a/cat.png') AS completed \gset
SELECT media.retry_job(pg_temp.job_of('m1', 1), 'w', 'network', 'reset', 5000) AS retried \gset

SET LOCAL ROLE media_indexer;
SET LOCAL media.company_id = 'aaaaaaaa-0000-4000-8000-000000000000';
SELECT results_eq(
    $$SELECT company_id, account_id, provider, conversation_external_id::text, message_external_id::text, item_index::int,
             file_name::text, file_type::text, mime_type::text, declared_mime_type::text, file_size::bigint, sha256,
             file_key::text, provider_media_id::text, download_status::text, download_attempts::int, last_error::text,
             url_expires_at, retry_at, created_at, updated_at
      FROM media.media_items WHERE message_external_id = 'm1' ORDER BY item_index$$,
    $$SELECT pg_temp.alpha(), pg_temp.shop_a(), 'generic', 'conversation of m1', 'm1', i,
             'cat.png', 'image', mime, 'image/jpeg', size, sha, key, 'p', status, attempts, error,
             to_timestamp(1700000300), retry, now(), now()
      FROM (VALUES
          (0, 'image/png', 3::bigint, encode(sha256('cat'), 'hex'), 'a/cat.png', 'completed', 1, NULL, NULL::timestamptz),
          (1, NULL, NULL, NULL, NULL, 'pending', 1, 'network: reset', now() + interval '5 seconds'),
          (2, NULL, NULL, NULL, NULL, 'pending', 0, NULL, NULL)
      ) AS v (i, mime, size, sha, key, status, attempts, error, retry)$$,
    'the view shows media in every state');
RESET ROLE;
UPDATE media.media_files SET is_active = FALSE WHERE item_index < 2;
SET LOCAL ROLE media_indexer;
SELECT is((SELECT array_agg(item_index::int) FROM media.media_items), ARRAY[2], 'deleted media are left out');
SELECT ok(
    (SELECT m.id = i.message_id AND m.conversation_id = i.conversation_id
     FROM media.media_items AS i, media.messages AS m),
    'ids of messages and conversations are theirs');

SELECT * FROM finish();
ROLLBACK;
