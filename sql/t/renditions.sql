BEGIN;
\ir include/fixture.sql
SELECT plan(26);

SELECT pg_temp.deliver(pg_temp.shop_a(), 'm1', 1, '{"file_name": "cat.png"}') + pg_temp.deliver(pg_temp.shop_a(), 'm2')
     + pg_temp.deliver(pg_temp.shop_b(), 'b1') AS media \gset
SELECT count(*) AS claimed FROM media.claim_jobs('w', 9, 60) \gset
SELECT pg_temp.complete('m1', 'w', 'cat', 'a/cat.png'), pg_temp.complete('m2', 'w', 'cat', NULL),
       pg_temp.complete('b1', 'w', 'dog', 'b/dog.png') \gset
SELECT id AS cat FROM media.blobs WHERE storage_key = 'a/cat.png' \gset
UPDATE media.media_files SET created_at = now() + interval '1 minute' WHERE id = pg_temp.media_of('m2');
INSERT INTO media.renditions (company_id, blob_id, kind, storage_key, width, height, size, mime_type, sha256, created_at)
VALUES (pg_temp.alpha(), :'cat', 'thumbnail-320', 'a/cat.320.webp', 320, 200, 2, 'image/webp', sha256('ca'), '2026-01-02Z');

CREATE FUNCTION pg_temp.by_key(p_key text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', store, storage_key, mime_type, file_name, size) FROM media.lookup_media_by_key(p_key)
$$;
CREATE FUNCTION pg_temp.kind_of(p_message text, p_kind text) RETURNS text LANGUAGE sql AS $$
    SELECT storage_key FROM media.lookup_rendition(pg_temp.media_of(p_message), p_kind)
$$;

-- Of media, by kind.
SELECT results_eq(
    $$SELECT * FROM media.lookup_rendition(pg_temp.media_of('m1'), 'thumbnail-320')$$,
    $$VALUES (pg_temp.alpha(), 'completed', 'private', 'local', 'a/cat.320.webp', 'image/webp', NULL, 2::bigint,
              sha256('ca'), '2026-01-02Z'::timestamptz)$$,
    'a rendition is looked up like media');
SELECT is(pg_temp.kind_of('m2', 'thumbnail-320'), 'a/cat.320.webp', 'all media of the bytes have it');
SELECT is(pg_temp.kind_of('m1', 'poster'), NULL, 'there is no other');
SELECT is(pg_temp.kind_of('b1', 'thumbnail-320'), NULL, 'nor of other bytes');
SELECT is_empty($$SELECT * FROM media.lookup_rendition('aaaaaaaa-0000-4000-8000-00000000ffff', 'thumbnail-320')$$,
    'nor of no media');
SELECT is_empty($$SELECT * FROM media.lookup_rendition(NULL, NULL)$$, 'nor of nothing');
SAVEPOINT live;
UPDATE media.media_files SET visibility = 'public' WHERE id = pg_temp.media_of('m1');
SELECT is((SELECT visibility FROM media.lookup_rendition(pg_temp.media_of('m1'), 'thumbnail-320')), 'public',
    'it is as visible as the media');
UPDATE media.media_files SET is_active = FALSE WHERE id = pg_temp.media_of('m1');
SELECT is(pg_temp.kind_of('m1', 'thumbnail-320'), NULL, 'deleted media have none');
UPDATE media.blobs SET state = 'deleting';
SELECT is(pg_temp.kind_of('m2', 'thumbnail-320'), NULL, 'nor have those whose bytes are being deleted');
SELECT is(pg_temp.by_key('a/cat.png'), NULL, 'no key finds these');
SELECT is(pg_temp.by_key('a/cat.320.webp'), NULL, 'nor what was derived from them');
ROLLBACK TO live;

-- By key.
SELECT is((SELECT media_id FROM media.lookup_media_by_key('a/cat.png')), pg_temp.media_of('m2'),
    'a key finds the newest media of its bytes');
UPDATE media.media_files SET is_active = FALSE WHERE id = pg_temp.media_of('m2');
SELECT results_eq(
    $$SELECT * FROM media.lookup_media_by_key('a/cat.png')$$,
    $$SELECT *, pg_temp.media_of('m1') FROM media.lookup_media(pg_temp.media_of('m1'))$$,
    'that are not deleted, as their id does');
SELECT is(pg_temp.by_key('a/cat.320.webp'), 'local a/cat.320.webp image/webp 2', 'a rendition has a key, too');
SELECT is((SELECT media_id FROM media.lookup_media_by_key('a/cat.320.webp')), pg_temp.media_of('m1'), 'and belongs to media');
SELECT is(pg_temp.by_key('a/dog.png'), NULL, 'an unknown key finds nothing');
SELECT is_empty($$SELECT * FROM media.lookup_media_by_key(NULL)$$, 'nor does none');
INSERT INTO media.renditions (company_id, blob_id, kind, store, storage_key, size, mime_type, sha256)
VALUES (pg_temp.alpha(), :'cat', 'view', 'attic', 'b/dog.png', 9, 'image/png', sha256('x'));
SELECT is(pg_temp.by_key('b/dog.png'), 'local b/dog.png image/png 3', 'where stores share a key, the original wins');
UPDATE media.blobs SET store = 'zoo' WHERE storage_key = 'b/dog.png';
INSERT INTO media.blobs (company_id, bucket, store, storage_key, sha256, size, mime_type)
VALUES (pg_temp.alpha(), 'images', 'attic', 'b/dog.png', sha256('y'), 1, 'image/png');
SELECT is(pg_temp.by_key('b/dog.png'), 'zoo b/dog.png image/png 3', 'a blob without media does not');
SELECT throws_ok(
    $$INSERT INTO media.renditions (company_id, blob_id, kind, storage_key, size, mime_type, sha256)
      SELECT pg_temp.beta(), id, 'poster', 'k', 1, 'image/png', sha256('z') FROM media.blobs WHERE storage_key = 'a/cat.png'$$,
    '23503', NULL, 'a rendition cannot be of another company''s blob');
SELECT throws_ok(
    $$INSERT INTO media.renditions (company_id, blob_id, kind, storage_key, size, mime_type, sha256)
      SELECT company_id, blob_id, kind, 'k', 1, 'image/png', sha256('z') FROM media.renditions WHERE kind = 'view'$$,
    '23505', NULL, 'a blob has one of a kind');
SELECT throws_ok(
    $$INSERT INTO media.renditions (company_id, blob_id, kind, storage_key, size, mime_type, sha256)
      SELECT company_id, blob_id, 'poster', 'a/cat.320.webp', 1, 'image/png', sha256('z')
      FROM media.renditions WHERE kind = 'view'$$,
    '23505', NULL, 'an object in a store is one rendition');
SELECT throws_ok($$UPDATE media.renditions SET kind = 'Big One'$$, '23514', NULL, 'kinds are plain names');

-- Keys are found by index, however many there are.
INSERT INTO media.blobs (company_id, bucket, storage_key, sha256, size, mime_type)
SELECT pg_temp.beta(), 'audio', 'n/' || i, sha256(i::text::bytea), 1, 'audio/ogg' FROM generate_series(1, 2000) AS i;
ANALYZE media.blobs;
CREATE FUNCTION pg_temp.rows_read(p_table text, p_query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_before bigint := pg_stat_get_xact_tuples_returned(p_table::regclass);
BEGIN
    EXECUTE p_query;
    RETURN pg_stat_get_xact_tuples_returned(p_table::regclass) - v_before;
END
$$;
SELECT is(pg_temp.rows_read('media.blobs', $$SELECT FROM media.lookup_media_by_key('n/7')$$), 0::bigint,
    'a lookup by key does not read the blobs');

-- They go with their blob.
SET LOCAL media.blob_delete = on;
UPDATE media.media_files SET blob_id = NULL, download_status = 'failed' WHERE blob_id = :'cat';
DELETE FROM media.blobs WHERE id = :'cat';
SELECT is((SELECT count(*)::int FROM media.renditions), 0, 'renditions go with their blob');
DELETE FROM media.companies WHERE id = pg_temp.beta();
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(pg_temp.by_key('b/dog.png'), NULL, 'as media go with their company');

SELECT * FROM finish();
ROLLBACK;
