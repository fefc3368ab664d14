BEGIN;
\ir include/fixture.sql
SELECT plan(9);

SELECT media.begin_multipart_upload('s3', 'U1', 'a/film.mp4', sha256('film'), 100, 16) AS noted \gset
SELECT results_eq(
    $$SELECT * FROM media.resume_multipart_upload('s3', 'a/film.mp4', sha256('film'), 100)$$,
    $$VALUES ('U1', 16::bigint)$$,
    'the same bytes under the same key go on');
SELECT is_empty($$SELECT FROM media.resume_multipart_upload('s3', 'a/film.mp4', sha256('other'), 100)$$, 'other bytes do not');
SELECT is_empty($$SELECT FROM media.resume_multipart_upload('s3', 'b/film.mp4', sha256('film'), 100)$$, 'nor another key');
SELECT is_empty($$SELECT FROM media.resume_multipart_upload('s4', 'a/film.mp4', sha256('film'), 100)$$, 'nor another store');

SELECT is_empty($$SELECT FROM media.stale_multipart_uploads(60, 10)$$, 'what is young is not stale');
UPDATE media.multipart_uploads SET touched_at = now() - interval '2 minutes';
SELECT results_eq(
    $$SELECT * FROM media.stale_multipart_uploads(60, 10)$$,
    $$VALUES ('s3', 'U1', 'a/film.mp4')$$,
    'what nobody goes on with is');
SELECT upload_id FROM media.resume_multipart_upload('s3', 'a/film.mp4', sha256('film'), 100) \gset
SELECT is_empty($$SELECT FROM media.stale_multipart_uploads(60, 10)$$, 'who goes on with it keeps it alive');

SELECT media.end_multipart_upload('s3', 'U1') AS ended \gset
SELECT is_empty($$SELECT FROM media.multipart_uploads$$, 'what has come to an end is forgotten');
SELECT throws_ok(
    $$SELECT media.begin_multipart_upload('s3', 'U2', 'a/film.mp4', sha256('film'), 0, 16)$$,
    '23514', NULL, 'nothing empty goes in parts');

SELECT * FROM finish();
ROLLBACK;
