BEGIN;
\ir include/fixture.sql
SELECT plan(25);

SELECT media.add_user(pg_temp.alpha(), 'ann', 'agent') AS ann \gset
CREATE FUNCTION pg_temp.revoked(p_token text, p_user text DEFAULT NULL, p_issued_at bigint DEFAULT 0) RETURNS boolean
LANGUAGE sql AS $$
    SELECT revoked FROM media.lookup_revocation(sha256(p_token::bytea), p_user, p_issued_at)
$$;

-- A token.
SET LOCAL ROLE media_nginx;
SELECT is(pg_temp.revoked('t', 'u'), FALSE, 'nothing is revoked at first');
SELECT is((SELECT count(*)::int FROM media.lookup_revocation(NULL, NULL, NULL)), 1, 'there is always a row');
RESET ROLE;
SET LOCAL ROLE media_indexer;
SELECT lives_ok($$SELECT media.revoke_token(sha256('t'), NULL)$$, 'a token is revoked');
SELECT lives_ok($$SELECT media.revoke_token(sha256('t'), 5)$$, 'twice is once');
SELECT throws_ok($$SELECT media.revoke_token('\x00', 5)$$, '23514', NULL, 'a hash has 32 bytes');
RESET ROLE;
SET LOCAL ROLE media_nginx;
SELECT is(pg_temp.revoked('t', 'u'), TRUE, 'nginx learns of it');
SELECT is(pg_temp.revoked('t2', 'u'), FALSE, 'others are good');
RESET ROLE;

-- A user.
SELECT media.open_session(sha256('s'), pg_temp.alpha(), :'ann', 60) AS opened \gset
SELECT extract(EPOCH FROM date_trunc('second', now()))::bigint AS now \gset
SET LOCAL ROLE media_indexer;
SELECT is(media.revoke_user(:'ann'), 1::bigint, 'all that a user has is revoked: sessions');
SELECT is(media.revoke_user('auth0|17'), 0::bigint, 'also of a user that only tokens know');
SELECT throws_ok($$SELECT media.revoke_user('')$$, '23514', NULL, 'a user has a name');
RESET ROLE;
SELECT is_empty($$SELECT * FROM media.lookup_session(sha256('s'))$$, 'the session has ended');
SET LOCAL ROLE media_nginx;
SELECT is(pg_temp.revoked('x', :'ann', :now - 1), TRUE, 'and tokens issued before');
SELECT is(pg_temp.revoked('x', 'auth0|17', :now - 1), TRUE, 'whosever');
SELECT is(pg_temp.revoked('x', :'ann', :now), TRUE, 'iat does not tell before from after within its second');
SELECT is(pg_temp.revoked('x', :'ann', NULL), TRUE, 'nor does a token without it');
SELECT is(pg_temp.revoked('x', :'ann', :now + 1), FALSE, 'later ones are good');
SELECT is(pg_temp.revoked('x', 'auth0|18', 0), FALSE, 'so are those of others');
RESET ROLE;
UPDATE media.revocations SET revoked_before = now() - interval '1 hour' WHERE user_id = 'auth0|17';
SELECT is(pg_temp.revoked('x', 'auth0|17', :now - 60), FALSE, 'the time counts');
SELECT media.revoke_user('auth0|17') AS sessions \gset
SELECT is(pg_temp.revoked('x', 'auth0|17', :now - 60), TRUE, 'a second revocation moves it');

-- What is over is cleaned up.
SELECT lives_ok($$SELECT media.revoke_token(sha256('old'), extract(EPOCH FROM now() - interval '25 hours')::bigint),
                         media.revoke_token(sha256('fresh'), extract(EPOCH FROM now() - interval '23 hours')::bigint)$$,
    'tokens end by themselves');
SELECT is(media.delete_expired_revocations(10), 1::bigint, 'a day later nobody needs to know');
SELECT is(concat_ws(' ', pg_temp.revoked('old'), pg_temp.revoked('fresh'), pg_temp.revoked('t')), 'f t t',
    'others stay, and those without an end');
SELECT is((SELECT count(*)::int FROM media.revocations WHERE user_id IS NOT NULL), 2, 'and those of users');

-- One thing at a time.
SELECT throws_ok($$INSERT INTO media.revocations (token_sha256, user_id, revoked_before)
                   VALUES (sha256('q'), 'q', now())$$, '23514', NULL, 'a token or a user');
SELECT throws_ok($$INSERT INTO media.revocations (user_id) VALUES ('q')$$, '23514', NULL, 'a user until a time');

SELECT * FROM finish();
ROLLBACK;
