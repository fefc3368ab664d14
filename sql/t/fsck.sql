BEGIN;
\ir include/fixture.sql
SELECT plan(45);
SET LOCAL synchronous_commit = off;

CREATE FUNCTION pg_temp.store(p_message text, p_bytes text, p_key text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_temp.deliver(pg_temp.shop_a(), p_message);
    PERFORM media.claim_jobs('w', 100, 60);
    RETURN pg_temp.complete(p_message, 'w', p_bytes, p_key);
END
$$;
-- A listing of files of so many seconds ago.
CREATE FUNCTION pg_temp.note(p_run bigint, p_keys text[], p_sizes bigint[], p_age int DEFAULT 7200) RETURNS void LANGUAGE sql AS $$
    SELECT media.fsck_note(p_run, p_keys, p_sizes,
        ARRAY(SELECT extract(EPOCH FROM now())::bigint - p_age FROM unnest(p_keys)))
$$;
CREATE FUNCTION pg_temp.faulty(p_run bigint) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(kind || ' ' || storage_key || coalesce(' ' || found_size, ''), ', ') FROM media.fsck_faulty(p_run, '', 100)
$$;
CREATE FUNCTION pg_temp.untracked(p_run bigint) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(storage_key, ' ') FROM media.fsck_untracked(p_run, '', 100)
$$;
CREATE FUNCTION pg_temp.blob_of(p_key text) RETURNS uuid LANGUAGE sql AS $$
    SELECT id FROM media.blobs WHERE storage_key = p_key
$$;
CREATE FUNCTION pg_temp.lose(p_key text, p_reason text DEFAULT 'missing') RETURNS text LANGUAGE sql AS $$
    SELECT failed || ' ' || retried FROM media.lose_blob(pg_temp.blob_of(p_key), 'local', p_key, p_reason, 'x')
$$;
CREATE FUNCTION pg_temp.sweep() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_keys text[];
BEGIN
    PERFORM media.give_up_blobs(0, 100);
    v_keys := ARRAY(SELECT media.claim_doomed_files('local', 0, 100) AS key ORDER BY key);
    PERFORM media.files_removed('local', v_keys);
    RETURN array_to_string(v_keys, ' ');
END
$$;

SELECT is(pg_temp.store('cat', 'cat', 'a/cat'), 'stored', 'there is a file');
SELECT is(pg_temp.store('dog', 'dogs', 'a/dog'), 'stored', 'and one more');
SELECT is(pg_temp.store('elk', 'elk', 'b/elk'), 'stored', 'and a third');
INSERT INTO media.renditions (company_id, blob_id, kind, storage_key, size, mime_type, sha256)
SELECT company_id, id, 'poster', 'a/cat.webp', 2, 'image/webp', sha256('x') FROM media.blobs WHERE storage_key = 'a/cat';
SELECT results_eq($$SELECT * FROM media.list_stores()$$, $$VALUES ('local', 4::bigint, 12::bigint)$$,
    'stores are told with what lies in them');

-- All is well.
SELECT media.fsck_start('local', 0) AS run \gset
SELECT throws_ok(format('SELECT * FROM media.fsck_faulty(%s, %L, 9)', :run, ''), '55000', NULL,
    'half a listing tells nothing of what is missing');
SELECT throws_ok(format('SELECT * FROM media.fsck_untracked(%s, %L, 9)', :run, ''), '55000', NULL, 'nor of the untracked');
SELECT throws_ok(format('SELECT media.fsck_doom(%s, %L)', :run, '{x}'), '55000', NULL, 'nor may anything be removed');
SELECT pg_temp.note(:run, '{a/cat, a/dog}', '{3, 4}') \g /dev/null
SELECT pg_temp.note(:run, '{b/elk, a/cat.webp, a/dog}', '{3, 2, 4}') \g /dev/null
SELECT results_eq(format('SELECT * FROM media.fsck_listed(%s)', :run), $$VALUES (4::bigint, 12::bigint, 4::bigint)$$,
    'a listing is complete when that was said');
SELECT throws_ok(format('SELECT media.fsck_note(%s, %L, %L, %L)', :run, '{x}', '{1}', '{1}'), '55000', NULL,
    'nothing is added to it later');
SELECT is(pg_temp.faulty(:run), NULL, 'nothing is missing');
SELECT is(pg_temp.untracked(:run), NULL, 'and nothing too much');
SELECT media.fsck_end(:run) \g /dev/null
SELECT throws_ok(format('SELECT * FROM media.fsck_faulty(%s, %L, 9)', :run, ''), '55000', NULL, 'a run ends');

-- Nothing is well.
SELECT media.fsck_start('local', 0) AS run \gset
SELECT pg_temp.note(:run, '{a/dog, z/stray, b/elk}', '{5, 1, 3}') \g /dev/null
SELECT pg_temp.note(:run, '{z/new}', '{1}', -10) \g /dev/null
SELECT media.fsck_listed(:run) \g /dev/null
SELECT is(pg_temp.faulty(:run), 'missing a/cat, missing a/cat.webp, size a/dog 5', 'what is missing, or of another size');
SELECT is((SELECT string_agg(storage_key, ' ') FROM media.fsck_faulty(:run, 'a/cat', 1)), 'a/cat.webp', 'in portions');
SELECT is(pg_temp.untracked(:run), 'z/stray', 'what is too much, but not what came later');
SELECT is((SELECT string_agg(k, ' ') FROM media.fsck_doom(:run, '{z/stray, z/new, b/elk, z/unheard-of}') AS k), 'z/stray',
    'only that can be removed');
SELECT is(pg_temp.untracked(:run), NULL, 'it is known from then on');
SELECT is(media.claim_doomed_files('local', 3600, 9), NULL, 'and has a grace period');
SELECT is(pg_temp.sweep(), 'z/stray', 'after which it goes');

-- A row that changed after the beginning is not looked at.
SELECT media.fsck_start('local', 3600) AS young \gset
SELECT media.fsck_listed(:young) \g /dev/null
SELECT is(pg_temp.faulty(:young), NULL, 'young rows are left alone');
SELECT is((SELECT tracked FROM media.fsck_listed(media.fsck_start('elsewhere', 0))), 0::bigint, 'every store is for itself');

-- What is untracked is taken by a blob in time.
SELECT media.fsck_start('local', 0) AS late \gset
SELECT pg_temp.note(:late, '{z/fox, z/owl}', '{3, 3}') \g /dev/null
SELECT media.fsck_listed(:late) \g /dev/null
SELECT is(pg_temp.store('fox', 'fox', 'z/fox'), 'stored', 'an untracked file becomes that of a blob');
SELECT is((SELECT string_agg(k, ' ') FROM media.fsck_doom(:late, '{z/fox, z/owl}') AS k), 'z/owl', 'it is not removed');
SELECT is(pg_temp.store('owl', 'owl', 'z/owl'), 'stored', 'nor when that was decided already');
SELECT is(pg_temp.sweep(), '', 'both stay');

-- Bytes are lost.
SELECT pg_temp.deliver(pg_temp.shop_a(), 'twin') AS twin, pg_temp.deliver(pg_temp.shop_a(), 'deleted') AS deleted,
       pg_temp.deliver(pg_temp.shop_a(), 'late', 1, '{"deadline": 1700000001}') AS late \gset
UPDATE media.media_files SET deadline = now() + interval '1 hour' WHERE id = pg_temp.media_of('late');
SELECT count(*) AS claimed FROM media.claim_jobs('w', 100, 60) \gset
SELECT pg_temp.complete(m, 'w', 'cat', NULL) FROM unnest(ARRAY['twin', 'deleted', 'late']) AS m \g /dev/null
UPDATE media.media_files SET deadline = now() - interval '1 hour' WHERE id = pg_temp.media_of('late');
SELECT media.delete_media(pg_temp.alpha(), pg_temp.media_of('deleted'), 'ann', '') AS gone \gset
SELECT is(media.lose_blob(pg_temp.blob_of('a/cat'), 'local', 'a/other', 'missing', 'x'), NULL,
    'a blob whose file is another by now is not touched');
SELECT is(pg_temp.status_of('cat'), 'completed 1', 'nor are its media');
SELECT is(pg_temp.lose('a/cat'), '3 2', 'media without bytes fail; what the provider still has is fetched again');
SELECT is(pg_temp.status_of('cat'), 'pending 1 missing: x', 'as this');
SELECT is(pg_temp.status_of('twin'), 'pending 1 missing: x', 'and all others that had the bytes');
SELECT is(pg_temp.status_of('late'), 'failed 1 missing: x', 'the rest tells why');
SELECT is((SELECT reason::text FROM media.dead_letters WHERE media_id = pg_temp.media_of('late')), 'missing', 'as dead letters do');
SELECT results_eq(
    $$SELECT actor, old_status, new_status, detail FROM media.media_events
      WHERE media_id = pg_temp.media_of('late') AND new_status = 'failed'$$,
    $$VALUES ('fsck', 'completed', 'failed', 'missing: x')$$, 'and the audit trail');
SELECT is(pg_temp.lose('a/cat'), NULL, 'nothing is lost twice');
SELECT is(media.restore_media(pg_temp.alpha(), pg_temp.media_of('deleted'), 'ann', ''), 'pending',
    'deleted media are fetched when they are restored');
SELECT count(*) AS claimed FROM media.claim_jobs('w', 100, 60) \gset
SELECT is(pg_temp.complete('cat', 'w', 'cat', 'a/cat'), 'stored', 'the bytes come back under their key');
SELECT is(pg_temp.complete('twin', 'w', 'cat', NULL), 'duplicate', 'for all');
SELECT is(pg_temp.sweep(), '', 'and stay');

-- Bytes are wrong.
SELECT is(pg_temp.lose('a/dog', 'corrupt'), '1 1', 'wrong bytes are as good as none');
SELECT count(*) AS claimed FROM media.claim_jobs('w', 100, 60) \gset
SELECT is(pg_temp.complete('dog', 'w', 'dogs', 'a/dog-1'), 'stored', 'the right ones get a key of their own');
SELECT is(media.claim_doomed_files('local', 3600, 9), NULL, 'the wrong ones stay for a while');
SELECT is(pg_temp.sweep(), 'a/dog', 'and go');
SELECT is(media.lose_rendition(pg_temp.blob_of('a/cat'), 'poster', 'local', 'a/other'), FALSE,
    'a rendition that is another by now is not touched');
SELECT is(media.lose_rendition(pg_temp.blob_of('a/cat'), 'poster', 'local', 'a/cat.webp'), TRUE, 'one without bytes goes');

-- Where the next check goes on.
SELECT media.set_fsck_position('local', 'a/dog') \g /dev/null
SELECT results_eq(
    $$SELECT storage_key, size, sha256 FROM media.fsck_files('local', media.fsck_position('local'), NULL, 2)$$,
    $$VALUES ('a/dog-1', 4::bigint, encode(sha256('dogs'), 'hex')), ('b/elk', 3::bigint, encode(sha256('elk'), 'hex'))$$,
    'files are hashed in the order of their keys');
SELECT is((SELECT string_agg(storage_key, ' ') FROM media.fsck_files('local', '', media.fsck_position('local'), 9)), 'a/cat',
    'and from the first to where the last check began');
SELECT ok(media.is_known_file('local', 'a/cat') AND media.is_known_file('local', 'a/cat', encode(sha256('cat'), 'hex'))
    AND NOT media.is_known_file('local', 'a/cat', encode(sha256('dog'), 'hex')) AND NOT media.is_known_file('s3', 'a/cat'),
    'as long as they are those of a row');
SELECT media.set_fsck_position('local', '') \g /dev/null
SELECT is(media.fsck_position('local'), '', 'and from the beginning after the last');

SELECT * FROM finish();
ROLLBACK;
