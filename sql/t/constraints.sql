BEGIN;
\ir include/fixture.sql
SELECT plan(37);

SELECT pg_temp.deliver(pg_temp.shop_a(), 'a1') + pg_temp.deliver(pg_temp.shop_b(), 'b1') AS media \gset
INSERT INTO media.conversations (id, company_id, account_id, external_id)
VALUES ('aaaaaaaa-0000-4000-8000-000000000002', pg_temp.alpha(), pg_temp.shop_a(), 'other');
INSERT INTO media.blobs (id, company_id, bucket, storage_key, sha256, size, mime_type)
VALUES ('aaaaaaaa-0000-4000-8000-000000000003', pg_temp.alpha(), 'images', 'k1', sha256('x'), 1, 'image/png');
INSERT INTO media.users (id, name)
VALUES ('aaaaaaaa-0000-4000-8000-000000000004', 'ann');

-- Tenants are kept apart by composite keys, whoever writes.

SELECT throws_ok(
    $$INSERT INTO media.conversations (company_id, account_id, external_id)
      VALUES (pg_temp.beta(), pg_temp.shop_a(), 'x')$$,
    '23503', NULL, 'a conversation cannot use another company''s account');
SELECT throws_ok(
    $$INSERT INTO media.messages (company_id, account_id, conversation_id, external_id)
      VALUES (pg_temp.beta(), pg_temp.shop_b(), 'aaaaaaaa-0000-4000-8000-000000000002', 'x')$$,
    '23503', NULL, 'a message cannot join another company''s conversation');
SELECT throws_ok(
    $$INSERT INTO media.media_files (company_id, account_id, conversation_id, message_id, item_index, file_type)
      SELECT pg_temp.beta(), pg_temp.shop_b(), conversation_id, id, 7, 'image'
      FROM media.messages WHERE external_id = 'a1'$$,
    '23503', NULL, 'media cannot join another company''s message');
SELECT throws_ok(
    $$INSERT INTO media.media_files (company_id, account_id, conversation_id, message_id, item_index, file_type)
      SELECT company_id, account_id, 'aaaaaaaa-0000-4000-8000-000000000002', id, 7, 'image'
      FROM media.messages WHERE external_id = 'a1'$$,
    '23503', NULL, 'media are in the conversation that their message is in');
SELECT throws_ok(
    $$UPDATE media.jobs SET company_id = pg_temp.beta() WHERE company_id = pg_temp.alpha()$$,
    '23503', NULL, 'a job cannot name another company''s media');
SELECT throws_ok(
    $$INSERT INTO media.account_secrets (company_id, account_id, name, position, sealed)
      VALUES (pg_temp.beta(), pg_temp.shop_a(), 'x', 0, '\x00')$$,
    '23503', NULL, 'a secret cannot be put on another company''s account');
SELECT throws_ok(
    $$INSERT INTO media.deliveries (company_id, account_id, delivery_key, body)
      VALUES (pg_temp.beta(), pg_temp.shop_a(), 'x', '')$$,
    '23503', NULL, 'a delivery cannot be put on another company''s account');
SELECT throws_ok(
    $$INSERT INTO media.sessions (company_id, user_id, token_sha256, expires_at)
      VALUES (pg_temp.alpha(), 'aaaaaaaa-0000-4000-8000-000000000004', sha256('t'), now())$$,
    '23503', NULL, 'who is not a member has no session');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT throws_ok(
    $$UPDATE media.media_files SET blob_id = 'aaaaaaaa-0000-4000-8000-000000000003'
      WHERE company_id = pg_temp.beta()$$,
    '23503', NULL, 'media cannot refer to another company''s blob');
SELECT lives_ok(
    $$UPDATE media.media_files SET blob_id = 'aaaaaaaa-0000-4000-8000-000000000003'
      WHERE company_id = pg_temp.alpha()$$,
    'media can refer to a blob of their company');

-- What is unique, and what is not.

SELECT throws_ok(
    $$INSERT INTO media.accounts (company_id, provider, external_id)
      VALUES (pg_temp.beta(), 'generic', 'shop-a')$$,
    '23505', NULL, 'a provider''s account belongs to one company');
SELECT lives_ok(
    $$INSERT INTO media.accounts (company_id, provider, external_id)
      VALUES (pg_temp.beta(), 'whatsapp', 'shop-a')$$,
    'two providers can use the same name');
SELECT throws_ok(
    $$INSERT INTO media.media_files (company_id, account_id, conversation_id, message_id, item_index, file_type)
      SELECT company_id, account_id, conversation_id, id, 0, 'image'
      FROM media.messages WHERE external_id = 'a1'$$,
    '23505', NULL, 'a message has one item at a position');
SELECT lives_ok(
    $$INSERT INTO media.media_files (company_id, account_id, conversation_id, message_id, item_index, file_type, event_kind)
      SELECT company_id, account_id, conversation_id, id, 0, 'image', 'edit'
      FROM media.messages WHERE external_id = 'a1'$$,
    'another kind of event has positions of its own');
SELECT lives_ok(
    $$INSERT INTO media.media_files (company_id, account_id, conversation_id, message_id, item_index, file_type)
      SELECT company_id, account_id, conversation_id, id, i, 'image'
      FROM media.messages, generate_series(1, 9) AS i WHERE external_id = 'a1'$$,
    'a message can have ten items');
SELECT throws_ok(
    $$INSERT INTO media.blobs (company_id, bucket, storage_key, sha256, size, mime_type)
      VALUES (pg_temp.alpha(), 'images', 'k2', sha256('x'), 1, 'image/png')$$,
    '23505', NULL, 'a company''s bucket has a content once');
SELECT lives_ok(
    $$INSERT INTO media.blobs (company_id, bucket, storage_key, sha256, size, mime_type)
      VALUES (pg_temp.beta(), 'images', 'k3', sha256('x'), 1, 'image/png'),
             (pg_temp.alpha(), 'documents', 'k4', sha256('x'), 1, 'image/png')$$,
    'another company or bucket has its own copy');
SELECT throws_ok(
    $$INSERT INTO media.blobs (company_id, bucket, storage_key, sha256, size, mime_type)
      VALUES (pg_temp.beta(), 'images', 'k1', sha256('y'), 1, 'image/png')$$,
    '23505', NULL, 'an object in a store has one owner');
SELECT lives_ok(
    $$INSERT INTO media.blobs (company_id, bucket, store, storage_key, sha256, size, mime_type)
      VALUES (pg_temp.beta(), 'images', 's3', 'k1', sha256('y'), 1, 'image/png')$$,
    'another store has keys of its own');

-- What values there are.

SELECT throws_ok(
    $$UPDATE media.media_files SET download_status = 'completed' WHERE company_id = pg_temp.beta()$$,
    '23514', NULL, 'completed media have bytes');
SELECT throws_ok(
    $$UPDATE media.media_files SET download_status = 'done'$$, '23514', NULL, 'no other status');
SELECT throws_ok(
    $$UPDATE media.media_files SET file_type = 'sticker'$$, '23514', NULL, 'no other file type');
SELECT throws_ok(
    $$UPDATE media.media_files SET visibility = 'secret'$$, '23514', NULL, 'no other visibility');
SELECT throws_ok(
    $$UPDATE media.media_files SET item_index = -1$$, '23514', NULL, 'positions count from 0');
SELECT throws_ok(
    $$UPDATE media.media_files SET provider_sha256 = '\x00'$$, '23514', NULL, 'a SHA-256 has 32 bytes');
SELECT throws_ok(
    $$UPDATE media.media_files SET provider_size = -1$$, '23514', NULL, 'no negative sizes');
SELECT throws_ok(
    $$UPDATE media.blobs SET size = 0$$, '23514', NULL, 'no empty blobs');
SELECT throws_ok(
    $$UPDATE media.blobs SET storage_key = ''$$, '23514', NULL, 'no empty keys');
SELECT throws_ok(
    $$UPDATE media.blobs SET state = 'lost'$$, '23514', NULL, 'no other blob state');
SELECT throws_ok(
    $$UPDATE media.messages SET external_id = ''$$, '23514', NULL, 'no empty external ids');
SELECT throws_ok(
    $$UPDATE media.jobs SET priority = 10$$, '23514', NULL, 'ten priorities');
SELECT throws_ok(
    $$UPDATE media.jobs SET kind = 'dance'$$, '23514', NULL, 'no other job kind');
SELECT throws_ok(
    $$UPDATE media.accounts SET provider = 'Bad Name'$$, '23514', NULL, 'provider names are plain');
SELECT throws_ok(
    $$UPDATE media.buckets SET max_bytes = 0$$, '23514', NULL, 'a bucket takes something');

SELECT results_eq(
    $$SELECT name, visibility::text, 'image/jpeg' = ANY (allowed_mime_types), max_bytes, key_template::text
      FROM media.buckets ORDER BY name$$,
    $$SELECT name, 'private', CASE WHEN name <> 'documents' THEN name = 'images' END, 104857600::bigint,
             '{company}/{account}/{yyyy}/{mm}/{message}-{index}.{ext}'
      FROM unnest(ARRAY['audio', 'documents', 'images', 'videos']) AS name$$,
    'the four buckets and their defaults');
SELECT results_eq(
    $$SELECT media.size_limit(provider, bucket, mime_type)
      FROM (VALUES (1, 'whatsapp', 'images', 'image/jpeg'), (2, 'whatsapp', 'images', 'Image/WebP ; x=1'),
                   (3, 'whatsapp', 'documents', NULL), (4, 'twilio', 'images', 'image/webp'), (5, 'twilio', 'x', 'y'))
          AS t (place, provider, bucket, mime_type)
      ORDER BY place$$,
    $$VALUES (5242880::bigint), (512000), (104857600), (52428800), (NULL)$$,
    'a provider has limits of its own');
SELECT is((SELECT DISTINCT max_attempts::int FROM media.jobs), 100, 'a job has as many attempts as a daemon can be told to make');

SELECT * FROM finish();
ROLLBACK;
