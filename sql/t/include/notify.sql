-- Commits, so that notifications are sent: two media in one delivery are one
-- word about jobs; the claim is one word for each of them, the completion of one
-- of them another, and the end of the company one for each again.
\ir fixture.sql
LISTEN media_jobs;
LISTEN media_changed;
SELECT pg_temp.deliver(pg_temp.shop_a(), 'm1', 2);
SELECT count(*) FROM media.claim_jobs('w', 2, 60);
SELECT pg_temp.complete('m1', 'w', 'cat', 'a/cat.png');
DELETE FROM media.companies;
SELECT 1 / (count(*) = 0)::int FROM media.media_events;
