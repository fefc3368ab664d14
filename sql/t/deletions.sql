BEGIN;
\ir include/fixture.sql
SELECT plan(51);
SET LOCAL synchronous_commit = off;

CREATE FUNCTION pg_temp.claim(p_owner text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(message_external_id, ' ' ORDER BY message_external_id) FROM media.claim_jobs(p_owner, 100, 60)
$$;
CREATE FUNCTION pg_temp.removed(p_message text) RETURNS boolean LANGUAGE sql AS $$
    SELECT media.delete_media(pg_temp.alpha(), pg_temp.media_of(p_message), 'ann', 'private')
$$;
CREATE FUNCTION pg_temp.restored(p_message text) RETURNS text LANGUAGE sql AS $$
    SELECT media.restore_media(pg_temp.alpha(), pg_temp.media_of(p_message), 'ann', 'a mistake')
$$;
CREATE FUNCTION pg_temp.is_shown(p_message text) RETURNS boolean LANGUAGE sql AS $$
    SELECT EXISTS (SELECT FROM media.lookup_media(pg_temp.media_of(p_message)))
$$;
-- What a sweep without grace does: blobs given up, files to be removed.
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
CREATE FUNCTION pg_temp.blob_states() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(storage_key || ' ' || state, ', ' ORDER BY storage_key) FROM media.blobs
$$;

-- Before, during and after the download.
SELECT pg_temp.deliver(pg_temp.shop_a(), m) FROM unnest(ARRAY['before', 'during', 'after', 'twin']) AS m \g /dev/null
SELECT is(pg_temp.removed('before'), TRUE, 'media that wait for their download are deleted');
SELECT is(pg_temp.job_of('before'), NULL, 'with their job');
SELECT is(pg_temp.claim('w'), 'after during twin', 'so that nobody fetches them');
SELECT is(pg_temp.removed('during'), TRUE, 'media under way are deleted');
SELECT is(pg_temp.status_of('during'), 'pending 1', 'they are not downloading any more');
SELECT is_empty($$SELECT media.extend_leases('w', ARRAY[pg_temp.job_of('during')], 60)$$, 'and their worker has lost the lease');
SELECT is(
    (SELECT outcome FROM media.complete_download(-1, 'w', sha256('x'), 1, 'image/png', 'local', 'a/during.png')),
    'lease_lost', 'what it has published is not taken');
SELECT is(pg_temp.sweep(), 'a/during.png', 'but removed');
SELECT is(pg_temp.complete('after', 'w', 'cat', 'a/cat.png'), 'stored', 'media are completed');
SELECT is(pg_temp.complete('twin', 'w', 'cat', NULL), 'duplicate', 'others have the same bytes');
SELECT is(pg_temp.removed('after'), TRUE, 'and deleted');
SELECT is(pg_temp.is_shown('after'), FALSE, 'nobody sees them any more');
SELECT is(pg_temp.is_shown('twin'), TRUE, 'the others are not touched');
SELECT is(pg_temp.sweep(), '', 'and keep the bytes');
SELECT is(pg_temp.removed('after'), TRUE, 'what is deleted can be deleted again');
SELECT is(media.delete_media(pg_temp.beta(), pg_temp.media_of('twin'), 'bob', ''), FALSE, 'but not by another company');
SELECT is(media.delete_media(pg_temp.alpha(), gen_random_uuid(), 'ann', ''), FALSE, 'nor what never was');

-- Restoring.
SELECT is(pg_temp.restored('after'), 'completed', 'deleted media can be restored');
SELECT is(pg_temp.is_shown('after'), TRUE, 'and seen again');
SELECT is(pg_temp.restored('before'), 'pending', 'so can media that were never downloaded');
SELECT is(pg_temp.restored('during'), 'pending', 'and those whose download was interrupted');
SELECT is(pg_temp.status_of('during'), 'pending 0', 'with all their attempts');
SELECT is(pg_temp.claim('w2'), 'before during', 'they are fetched');
SELECT is(media.restore_media(pg_temp.beta(), pg_temp.media_of('after'), 'bob', ''), NULL, 'another company restores nothing');
SELECT results_eq(
    $$SELECT actor, old_is_active, new_is_active, detail FROM media.media_events
      WHERE media_id = pg_temp.media_of('after') AND old_is_active <> new_is_active ORDER BY at$$,
    $$VALUES ('ann', TRUE, FALSE, 'private'), ('ann', FALSE, TRUE, 'a mistake')$$,
    'who did that, and why, is written down');

-- Bytes without a reference.
INSERT INTO media.renditions (company_id, blob_id, kind, storage_key, size, mime_type, sha256)
SELECT company_id, id, 'poster', 'a/cat.webp', 1, 'image/webp', sha256('x') FROM media.blobs WHERE storage_key = 'a/cat.png';
SELECT pg_temp.removed('after') AND pg_temp.removed('twin') AS removed \gset
SELECT is(media.give_up_blobs(3600, 100), 0, 'bytes without a reference have a grace period');
SELECT is(pg_temp.blob_states(), 'a/cat.png live', 'in which they stay');
SELECT is(pg_temp.sweep(), 'a/cat.png a/cat.webp', 'after it they go, with all that was derived from them');
SELECT is(pg_temp.blob_states(), 'a/cat.png gone', 'deleted media still tell what they had');
SELECT is(pg_temp.sweep(), '', 'nothing is removed twice');
SELECT is(pg_temp.restored('after'), 'pending', 'media whose bytes are removed are fetched anew when restored');
SELECT is(pg_temp.claim('w3'), 'after', 'by a new job');
SELECT is(pg_temp.complete('after', 'w3', 'cat', 'a/cat.png'), 'key_doomed',
    'not under the key that was removed: it may be removed once more');
SELECT is(pg_temp.sweep(), 'a/cat.png', 'as it is now');
SELECT is(pg_temp.complete('after', 'w3', 'cat', 'a/cat-2.png'), 'stored', 'but under another');
SELECT is(pg_temp.blob_states(), 'a/cat-2.png live', 'bytes that come again revive the blob');
SELECT is(pg_temp.sweep(), '', 'and are kept');
SELECT is(pg_temp.restored('twin'), 'completed', 'so are others that had them');

-- A reference that comes back in time.
SELECT pg_temp.removed('after') AND pg_temp.removed('twin') AS removed \gset
SELECT pg_temp.deliver(pg_temp.shop_a(), 'later') AS media \gset
SELECT is(pg_temp.claim('w4'), 'later', 'a dying blob');
SELECT is(pg_temp.complete('later', 'w4', 'cat', NULL), 'duplicate', 'gets a reference');
SELECT is(pg_temp.sweep(), '', 'which saves it');
SELECT media.doom_file('local', 'a/cat-2.png', TRUE) AS doomed \gset
SELECT is(pg_temp.sweep(), '', 'no file goes that a live blob has');

-- For good.
SELECT is(media.delete_message_media(pg_temp.alpha(), 'later', 'ann', NULL), 1, 'all media of a message are deleted');
SELECT is(media.delete_message_media(pg_temp.beta(), 'later', 'bob', NULL), NULL, 'but not by another company');
SELECT is(media.delete_message(pg_temp.alpha(), (SELECT id FROM media.messages WHERE external_id = 'later'), 'ann', NULL),
    TRUE, 'messages are deleted');
SELECT is(media.delete_conversation(pg_temp.alpha(), id, 'ann', NULL), TRUE, 'conversations are deleted')
FROM media.conversations WHERE external_id = 'conversation of after';
SELECT media.delete_conversation(pg_temp.alpha(), id, 'ann', NULL) FROM media.conversations
WHERE external_id = 'conversation of twin' \g /dev/null
SELECT is(pg_temp.sweep(), 'a/cat-2.png', 'the last one takes the bytes along');
SELECT is(pg_temp.blob_states(), NULL, 'and the row');
SELECT is(pg_temp.complete('before', 'w2', 'dog', 'a/dog.png'), 'stored', 'a company has bytes');
SELECT is(media.delete_company(pg_temp.alpha()), TRUE, 'it is deleted');
SELECT is(pg_temp.sweep(), 'a/dog.png', 'its files go, too');

SELECT * FROM finish();
ROLLBACK;
