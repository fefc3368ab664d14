-- Commits, so that notifications are sent: two media in one delivery are one
-- word about jobs; the claim is one word for each of them, the completion of one
-- of them another, a rendition of it another; what ends sessions says whose; and
-- the end of the company is one for each medium and member again.
\ir fixture.sql
LISTEN media_jobs;
LISTEN media_changed;
LISTEN media_session_changed;
SELECT pg_temp.deliver(pg_temp.shop_a(), 'm1', 2);
SELECT count(*) FROM media.claim_jobs('w', 2, 60);
SELECT pg_temp.complete('m1', 'w', 'cat', 'a/cat.png');
INSERT INTO media.renditions (company_id, blob_id, kind, storage_key, size, mime_type, sha256)
SELECT company_id, id, 'poster', 'a/cat.webp', 1, 'image/webp', sha256('x') FROM media.blobs;
SELECT media.add_user(pg_temp.alpha(), 'ann', 'agent') AS ann \gset
SELECT media.open_session(sha256('token'), pg_temp.alpha(), :'ann', 60) AS opened \gset
SELECT media.revoke_session(sha256('token'));
SELECT media.revoke_token(sha256('jwt'), NULL);
SELECT media.revoke_user('auth0|17');
DELETE FROM media.companies;
SELECT 1 / (count(*) = 0)::int FROM media.media_events;
