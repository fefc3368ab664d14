BEGIN;
\ir include/fixture.sql
SELECT plan(66);
SET LOCAL synchronous_commit = off;

CREATE FUNCTION pg_temp.blob_of(p_message text) RETURNS uuid LANGUAGE sql AS $$
    SELECT blob_id FROM media.media_files WHERE id = pg_temp.media_of(p_message)
$$;
CREATE FUNCTION pg_temp.place_of(p_message text) RETURNS text LANGUAGE sql AS $$
    SELECT store || ' ' || storage_key FROM media.lookup_media(pg_temp.media_of(p_message))
$$;
CREATE FUNCTION pg_temp.move(p_message text, p_from text, p_to text, p_kind text DEFAULT '') RETURNS text LANGUAGE sql AS $$
    SELECT media.move_file(pg_temp.blob_of(p_message), p_kind, split_part(p_from, ' ', 1), split_part(p_from, ' ', 2),
                           split_part(p_to, ' ', 1), split_part(p_to, ' ', 2))
$$;
CREATE FUNCTION pg_temp.keys_in(p_store text, p_company uuid DEFAULT NULL, p_accounts uuid[] DEFAULT NULL)
RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(storage_key, ' ' ORDER BY storage_key)
    FROM media.stored_files(p_store, p_company, p_accounts, '00000000-0000-0000-0000-000000000000', '', 100)
$$;
CREATE FUNCTION pg_temp.known_in(p_store text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(f.storage_key || ' ' || f.kind, ', ' ORDER BY f.storage_key, f.kind)
    FROM (
        SELECT b.storage_key, b.store, 'original' AS kind FROM media.blobs AS b WHERE b.state = 'live'
        UNION ALL SELECT r.storage_key, r.store, r.kind FROM media.renditions AS r
        UNION ALL SELECT d.storage_key, d.store, 'doomed' FROM media.doomed_files AS d WHERE d.removed_at IS NULL
    ) AS f
    WHERE f.store = p_store
$$;
-- What a sweep without grace removes.
CREATE FUNCTION pg_temp.sweep(p_store text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_keys text[];
BEGIN
    PERFORM media.give_up_blobs(0, 100);
    v_keys := ARRAY(SELECT media.claim_doomed_files(p_store, 0, 100) AS key ORDER BY key);
    PERFORM media.files_removed(p_store, v_keys);
    RETURN array_to_string(v_keys, ' ');
END
$$;
CREATE FUNCTION pg_temp.undoable() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(from_key || kind, ' ' ORDER BY from_key) FROM media.undoable_moves('local', 's3', NULL, NULL, 0, 100)
$$;

SELECT pg_temp.deliver(pg_temp.shop_a(), m) FROM unnest(ARRAY['cat', 'dog', 'twin', 'elk']) AS m \g /dev/null
SELECT pg_temp.deliver(pg_temp.shop_b(), 'bee') AS media \gset
SELECT count(*) AS claimed FROM media.claim_jobs('w', 100, 60) \gset
SELECT pg_temp.complete('cat', 'w', 'cat', 'a/cat.png'), pg_temp.complete('twin', 'w', 'cat', NULL),
       pg_temp.complete('dog', 'w', 'dogs', 'a/dog.png'), pg_temp.complete('bee', 'w', 'bees!', 'b/bee.png') \gset
INSERT INTO media.renditions (company_id, blob_id, kind, storage_key, size, mime_type, sha256)
SELECT company_id, id, kind, 'a/cat.' || kind, 1, 'image/webp', sha256('x')
FROM media.blobs, unnest(ARRAY['poster', 'small']) AS kind WHERE storage_key = 'a/cat.png';

-- What there is to move.
SELECT is(pg_temp.keys_in('local'), 'a/cat.png a/cat.poster a/cat.small a/dog.png b/bee.png', 'originals and renditions are found');
SELECT is(pg_temp.keys_in('s3'), NULL, 'where they are');
SELECT is(pg_temp.keys_in('local', pg_temp.beta()), 'b/bee.png', 'of a company');
SELECT is(pg_temp.keys_in('local', NULL, ARRAY[pg_temp.shop_a()]), 'a/cat.png a/cat.poster a/cat.small a/dog.png', 'of an account');
SELECT is(pg_temp.keys_in('local', pg_temp.beta(), ARRAY[pg_temp.shop_a()]), NULL, 'of both');
SELECT results_eq($$SELECT * FROM media.count_stored_files('local', NULL, NULL)$$, $$VALUES (5::bigint, 14::numeric)$$, 'they are counted');
SELECT results_eq($$SELECT * FROM media.count_stored_files('local', NULL, ARRAY[pg_temp.shop_b()])$$,
    $$VALUES (1::bigint, 5::numeric)$$, 'of an account, too');
SELECT results_eq($$SELECT * FROM media.count_stored_files('s3', NULL, NULL)$$, $$VALUES (0::bigint, 0::numeric)$$, 'elsewhere is nothing');
CREATE FUNCTION pg_temp.page_through(p_limit int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_blob uuid := '00000000-0000-0000-0000-000000000000';
    v_kind text := '';
    v_count int;
    v_keys text := '';
BEGIN
    LOOP
        SELECT (array_agg(f.blob_id ORDER BY ord DESC))[1], (array_agg(f.kind ORDER BY ord DESC))[1], count(*),
               v_keys || string_agg(f.storage_key || ' ', '' ORDER BY ord)
        INTO v_blob, v_kind, v_count, v_keys
        FROM media.stored_files('local', NULL, NULL, v_blob, v_kind, p_limit)
             WITH ORDINALITY AS f (blob_id, kind, storage_key, size, sha256, mime_type, file_name, account_id, ord);
        EXIT WHEN v_count = 0;
        IF v_count < p_limit THEN
            RETURN v_keys;
        END IF;
    END LOOP;
    RETURN v_keys;
END
$$;
SELECT is((SELECT string_agg(key, ' ' ORDER BY key) FROM regexp_split_to_table(btrim(pg_temp.page_through(2)), ' ') AS key),
    'a/cat.png a/cat.poster a/cat.small a/dog.png b/bee.png', 'pages of two have each once');
SELECT matches(pg_temp.page_through(2), 'a/cat.png a/cat.poster a/cat.small ', 'renditions follow their original');
SELECT is((SELECT account_id FROM media.stored_files('local', pg_temp.beta(), NULL, pg_temp.beta(), '', 1)
           UNION ALL SELECT account_id FROM media.stored_files('local', pg_temp.beta(), NULL, '00000000-0000-0000-0000-000000000000', '', 1) LIMIT 1),
    pg_temp.shop_b(), 'each with its account');
SELECT results_eq($$SELECT media.find_accounts(NULL, 'shop-a')$$, $$VALUES (pg_temp.shop_a())$$, 'accounts are found by their external id');
SELECT results_eq($$SELECT media.find_accounts(pg_temp.alpha(), upper(pg_temp.shop_a()::text))$$, $$VALUES (pg_temp.shop_a())$$, 'or their id');
SELECT is_empty($$SELECT media.find_accounts(pg_temp.beta(), 'shop-a')$$, 'not those of another company');

-- Moving.
SELECT is(pg_temp.move('cat', 'local a/cat.png', 's3 a/cat.png'), 'moved', 'a file is moved');
SELECT is(pg_temp.place_of('cat'), 's3 a/cat.png', 'and found there');
SELECT is(pg_temp.place_of('twin'), 's3 a/cat.png', 'by all that have it');
SELECT is(pg_temp.move('cat', 'local a/cat.poster', 's3 a/cat.poster', 'poster'), 'moved', 'so is a rendition');
SELECT is((SELECT store FROM media.lookup_rendition(pg_temp.media_of('cat'), 'poster')), 's3', 'which is found there as well');
SELECT is((SELECT store FROM media.lookup_rendition(pg_temp.media_of('cat'), 'small')), 'local', 'the other is where it was');
SELECT is(pg_temp.keys_in('local'), 'a/cat.small a/dog.png b/bee.png', 'what is moved needs no move');
SELECT is(pg_temp.move('cat', 'local a/cat.png', 's3 a/cat.png'), 'already_there', 'nothing is moved twice');
SELECT is(pg_temp.move('cat', 'local a/cat.png', 's3 a/cat-1.png'), 'already_there', 'not under another key either');
SELECT is(pg_temp.known_in('local'),
    'a/cat.png doomed, a/cat.poster doomed, a/cat.small small, a/dog.png original, b/bee.png original', 'the old places are known');
SELECT is(pg_temp.known_in('s3'), 'a/cat-1.png doomed, a/cat.png original, a/cat.poster poster',
    'so are the new ones, and a copy that was made in vain');
SELECT is(pg_temp.sweep('s3'), 'a/cat-1.png', 'which goes');
SELECT is_empty($$SELECT media.claim_doomed_files('local', 3600, 100)$$, 'the old copies have a grace period');

-- Undoing.
SELECT is(pg_temp.undoable(), 'a/cat.png a/cat.posterposter', 'until it is over, moves can be undone');
SELECT is_empty($$SELECT * FROM media.undoable_moves('s3', 'local', NULL, NULL, 0, 100)$$, 'there is none the other way');
SELECT is_empty($$SELECT * FROM media.undoable_moves('local', 's3', pg_temp.beta(), NULL, 0, 100)$$, 'nor of another company');
SELECT is((SELECT count(*)::int FROM media.undoable_moves('local', 's3', NULL, ARRAY[pg_temp.shop_a()], 0, 100)), 2, 'an account has them');
SELECT is_empty($$SELECT * FROM media.undoable_moves('local', 's3', NULL, ARRAY[pg_temp.shop_b()], 0, 100)$$, 'another has not');
SELECT is(pg_temp.move('cat', 's3 a/cat.png', 'local a/cat.png'), 'moved', 'one is');
SELECT is(pg_temp.place_of('cat'), 'local a/cat.png', 'it is where it was');
SELECT is(pg_temp.undoable(), 'a/cat.posterposter', 'and undone once');
SELECT is(pg_temp.known_in('s3'), 'a/cat.png doomed, a/cat.poster poster', 'what is left behind is doomed');
SELECT is(pg_temp.sweep('local'), 'a/cat.poster', 'when the grace period is over, what has a reference stays');
SELECT is(pg_temp.undoable(), NULL, 'and what has none cannot come back');
SELECT is(pg_temp.move('cat', 's3 a/cat.poster', 'local a/cat.poster', 'poster'), 'key_doomed', 'not under the key that was removed');
SELECT is(pg_temp.move('cat', 's3 a/cat.poster', 'local a/cat-1.poster', 'poster'), 'moved', 'but under another');

-- Keys that are taken.
SELECT is(pg_temp.move('dog', 'local a/dog.png', 's3 a/dog.png'), 'moved', 'a key');
UPDATE media.blobs SET storage_key = 'a/dog.png' WHERE id = pg_temp.blob_of('bee');
SELECT is(pg_temp.move('bee', 'local a/dog.png', 's3 a/dog.png'), 'key_taken', 'that another blob has is not taken');
SELECT is(pg_temp.place_of('bee'), 'local a/dog.png', 'the file stays where it is');
SELECT is(pg_temp.sweep('s3'), 'a/cat.png a/cat.poster', 'and nobody loses one');
SELECT is(pg_temp.move('bee', 'local a/dog.png', 's3 a/dog.png', 'poster'), 'vanished', 'a rendition that is not there is not moved');
SELECT is(pg_temp.sweep('s3'), '', 'nor does anybody lose one by that');
SELECT throws_ok($$SELECT pg_temp.move('bee', 'local a/dog.png', 'local a/bee.png')$$, '23514', NULL, 'from and to are two stores');

-- Deletions meanwhile.
SELECT media.delete_media(pg_temp.alpha(), pg_temp.media_of('dog'), 'ann', NULL) AS deleted \gset
SELECT is(pg_temp.move('dog', 's3 a/dog.png', 'cold a/dog.png'), 'moved', 'deleted media that still have bytes are moved');
SELECT is(media.is_stored_at(pg_temp.blob_of('dog'), '', 'cold', 'a/dog.png'), TRUE, 'where they are');
SELECT is(pg_temp.sweep('cold'), 'a/dog.png', 'their bytes go from there');
SELECT is(pg_temp.sweep('s3'), 'a/dog.png', 'and from where they were');
SELECT is(media.is_stored_at(pg_temp.blob_of('dog'), '', 'cold', 'a/dog.png'), FALSE, 'then there is nothing');
SELECT is(pg_temp.move('dog', 'cold a/dog.png', 's3 a/dog-1.png'), 'vanished', 'that could be moved');
SELECT is(pg_temp.sweep('s3'), 'a/dog-1.png', 'what was copied goes');
SELECT is(media.move_file(gen_random_uuid(), '', 'local', 'a/x', 's3', 'a/x'), 'vanished', 'so it is with blobs that are no more');
SELECT is(media.is_stored_at(pg_temp.blob_of('cat'), 'small', 'local', 'a/cat.small'), TRUE, 'a rendition is where it is');
SELECT is(media.is_stored_at(pg_temp.blob_of('cat'), 'small', 's3', 'a/cat.small'), FALSE, 'not elsewhere');
SELECT is(pg_temp.move('cat', 'local a/cat.png', 's3 a/cat-2.png'), 'moved', 'a company has moved files');
SELECT media.discard_copy('s3', 'a/cat-2.png') \g /dev/null
SELECT is(pg_temp.known_in('s3'), 'a/cat-2.png doomed, a/cat-2.png original, a/x doomed', 'no copy is discarded');
SELECT is(pg_temp.sweep('s3'), 'a/x', 'that something has');
SELECT is(media.delete_company(pg_temp.alpha()), TRUE, 'it ends');
SELECT is(pg_temp.sweep('s3'), 'a/cat-2.png', 'and the new ones go');
SELECT is(pg_temp.sweep('local'), 'a/cat-1.poster a/cat.png a/cat.poster a/cat.small', 'like the old ones');

-- The same bytes come again.
SELECT pg_temp.deliver(pg_temp.shop_b(), 'bee2') AS media \gset
SELECT count(*) AS claimed FROM media.claim_jobs('w', 100, 60) \gset
SELECT is(pg_temp.move('bee', 'local a/dog.png', 's3 b/bee.png'), 'moved', 'bytes that are moved');
SELECT is(pg_temp.complete('bee2', 'w', 'bees!', NULL) || ' ' || pg_temp.place_of('bee2'), 'duplicate s3 b/bee.png', 'are not stored again');
SELECT is(media.try_lock_moves('local', 's3'), TRUE, 'a session locks moves between two stores');

SELECT * FROM finish();
ROLLBACK;
