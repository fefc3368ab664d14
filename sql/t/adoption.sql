BEGIN;
\ir include/fixture.sql
SELECT plan(21);
SET LOCAL synchronous_commit = off;

CREATE FUNCTION pg_temp.adopt(p_company uuid, p_id text, p_path text, p_bytes text, p_key text DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$
    SELECT media.adopt_file(p_company, 'public.photos', p_id, p_path, 'image', 'image/png', p_id || '.png', ('2019-05-0' || p_id)::timestamptz,
                            sha256(p_bytes::bytea), length(p_bytes), 'local', p_key)
$$;
CREATE FUNCTION pg_temp.by_key(p_key text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', storage_key, mime_type, file_name) FROM media.lookup_media_by_key(p_key)
$$;

SELECT is(media.find_adopted(pg_temp.alpha(), 'public.photos', '1'), NULL, 'at first nothing is adopted');
SELECT is(pg_temp.adopt(pg_temp.alpha(), '1', 'up/1.png', 'cat'), 'blob_missing', 'bytes must be there');
SELECT is(pg_temp.adopt(pg_temp.alpha(), '1', 'up/1.png', 'cat', 'up/1.png'), 'adopted', 'then they are adopted');
SELECT is(pg_temp.by_key('up/1.png'), 'up/1.png image/png 1.png', 'and found by their path');
SELECT is(pg_temp.adopt(pg_temp.alpha(), '1', 'up/1.png', 'cat', 'up/1.png'), 'already_there', 'once');
SELECT results_eq(
    $$SELECT status, visibility, store, storage_key, mime_type, file_name, size
      FROM media.lookup_media(media.find_adopted(pg_temp.alpha(), 'public.photos', '1'))$$,
    $$VALUES ('completed', 'private', 'local', 'up/1.png', 'image/png', '1.png', 3::bigint)$$, 'they are media like any');
SELECT results_eq(
    $$SELECT m.created_at, m.download_attempts::int, a.provider, a.is_active
      FROM media.media_files AS m JOIN media.accounts AS a ON a.id = m.account_id WHERE m.company_id = pg_temp.alpha()$$,
    $$VALUES ('2019-05-01'::timestamptz, 0, 'adopted', FALSE)$$, 'as old as they are, of an account that takes no webhooks');
SELECT is((SELECT count(*)::int FROM media.jobs), 0, 'nobody fetches them');
SELECT is((SELECT actor FROM media.media_events WHERE new_status = 'completed'), 'adopt', 'it is told who did it');

-- The same bytes.
SELECT is(pg_temp.adopt(pg_temp.alpha(), '2', 'up/2.png', 'cat'), 'duplicate', 'bytes that are there are not stored again');
SELECT is(pg_temp.by_key('up/2.png'), 'up/1.png image/png 2.png', 'their path leads to the others');
SELECT is(pg_temp.adopt(pg_temp.alpha(), '3', 'up/3.png', 'cat', 'up/3.png'), 'duplicate', 'another copy');
SELECT is(media.claim_doomed_files('local', 0, 9), 'up/3.png', 'is removed in time');
SELECT is(pg_temp.adopt(pg_temp.alpha(), '4', 'up/3.png', 'dog', 'up/3.png'), 'key_doomed', 'nobody gets a key that is being removed');
SELECT is(media.find_adopted(pg_temp.alpha(), 'public.photos', '4'), NULL, 'and nothing is left of the attempt');

-- Another company.
SELECT is(pg_temp.adopt(pg_temp.beta(), '1', 'up/1.png', 'cat', 'up/1.png'), 'key_taken', 'a key belongs to one company');
SELECT is(pg_temp.adopt(pg_temp.beta(), '1', 'up/1.png', 'cat', 'up/1-1.png'), 'adopted', 'another takes another');
SELECT is(pg_temp.by_key('up/1.png'), 'up/1.png image/png 3.png', 'the path leads to whose key it is');
SELECT isnt(media.find_adopted(pg_temp.beta(), 'public.photos', '1'), media.find_adopted(pg_temp.alpha(), 'public.photos', '1'),
    'each has media of its own');

-- Moves and deletions.
SELECT is(media.move_file((SELECT id FROM media.blobs WHERE storage_key = 'up/1.png'), '', 'local', 'up/1.png', 's3', 'up/1-2.png')
          || ' ' || pg_temp.by_key('up/1.png'), 'moved up/1-2.png image/png 3.png', 'a path still leads to what was moved to another key');
SELECT media.delete_media(pg_temp.alpha(), m.id, 'ann', NULL) FROM media.media_files AS m WHERE m.company_id = pg_temp.alpha() \g /dev/null
SELECT is(pg_temp.adopt(pg_temp.alpha(), '2', 'up/2.png', 'cat') || coalesce(pg_temp.by_key('up/2.png'), ' not found'),
    'already_there not found', 'what was deleted does not come back');

SELECT * FROM finish();
ROLLBACK;
