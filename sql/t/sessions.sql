BEGIN;
\ir include/fixture.sql
SELECT plan(34);

SELECT media.add_user(pg_temp.alpha(), 'ann', 'agent') AS ann, media.add_user(pg_temp.beta(), 'bob', 'viewer') AS bob \gset
CREATE FUNCTION pg_temp.seen(p_token text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', user_id, companies[1], cardinality(companies), role)
    FROM media.lookup_session(sha256(p_token::bytea))
$$;

-- Opening and looking up.
SET LOCAL ROLE media_indexer;
SELECT is(media.open_session(sha256('a'), pg_temp.alpha(), :'ann', 60), ceil(extract(EPOCH FROM now()))::bigint + 60,
    'a session lasts as long as was asked');
SELECT is(media.open_session(sha256('b'), pg_temp.beta(), :'bob', 60) > 0, TRUE, 'another company has sessions, too');
SELECT throws_ok(format('SELECT media.open_session(%L, %L, %L, 60)', sha256('a'), pg_temp.beta(), :'bob'), '23505', NULL,
    'a token is used once');
SELECT throws_ok(format('SELECT media.open_session(%L, %L, %L, 60)', sha256('c'), pg_temp.beta(), :'ann'), '23503', NULL,
    'who is not a member gets no session');
SELECT throws_ok(format('SELECT media.open_session(%L, %L, %L, 60)', 'short', pg_temp.alpha(), :'ann'), '23514', NULL,
    'a hash has 32 bytes');
RESET ROLE;
SET LOCAL ROLE media_nginx;
SELECT results_eq(
    $$SELECT * FROM media.lookup_session(sha256('a'))$$,
    format($$VALUES (%L::text, ARRAY[%L]::text[], 'agent'::text, ceil(extract(EPOCH FROM now()))::bigint + 60)$$,
           :'ann', pg_temp.alpha()),
    'nginx learns who it is, for which company, in which role, until when');
SELECT is(pg_temp.seen('b'), :'bob' || ' ' || pg_temp.beta() || ' 1 viewer', 'of each company''s sessions');
SELECT is(pg_temp.seen('c'), NULL, 'an unknown token has no row');
SELECT is_empty($$SELECT * FROM media.lookup_session(NULL)$$, 'nor has none');
SELECT is_empty($$SELECT * FROM media.lookup_session('\x00')$$, 'nor has rubbish');
RESET ROLE;
UPDATE media.company_members SET role = 'admin' WHERE user_id = :'ann';
SELECT is(pg_temp.seen('a'), :'ann' || ' ' || pg_temp.alpha() || ' 1 admin', 'a new role holds at once');

-- The plan must not read the table from end to end.
INSERT INTO media.sessions (company_id, user_id, token_sha256, expires_at)
SELECT pg_temp.alpha(), :'ann', sha256(i::text::bytea), now() + interval '1 hour' FROM generate_series(1, 2000) AS i;
ANALYZE media.sessions;
CREATE FUNCTION pg_temp.rows_read(p_table text, p_query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_before bigint := pg_stat_get_xact_tuples_returned(p_table::regclass);
BEGIN
    EXECUTE p_query;
    RETURN pg_stat_get_xact_tuples_returned(p_table::regclass) - v_before;
END
$$;
SELECT is(pg_temp.rows_read('media.sessions', $$SELECT FROM media.lookup_session(sha256('7'))$$), 0::bigint,
    'a lookup does not read the sessions');
DELETE FROM media.sessions WHERE token_sha256 NOT IN (sha256('a'), sha256('b'));

-- Their end.
SAVEPOINT good;
UPDATE media.sessions SET expires_at = now();
SELECT is(pg_temp.seen('a'), NULL, 'an expired session has no row');
SELECT is((SELECT string_agg(state, ' ') FROM media.list_sessions(:'ann')), 'expired', 'but is listed');
SELECT is(media.delete_expired_sessions(1), 1::bigint, 'expired ones are deleted');
SELECT is(media.delete_expired_sessions(10), 1::bigint, 'in portions');
SELECT is(media.delete_expired_sessions(10), 0::bigint, 'until none is left');
ROLLBACK TO good;
SELECT is(media.delete_expired_sessions(10), 0::bigint, 'good ones stay');
SELECT is(media.revoke_session(sha256('a')), TRUE, 'a session is revoked');
SELECT is(pg_temp.seen('a'), NULL, 'and has no row');
SELECT is(media.revoke_session(sha256('a')), TRUE, 'twice is once');
SELECT is(media.revoke_session(sha256('z')), FALSE, 'there must be one');
SELECT is((SELECT string_agg(state, ' ') FROM media.list_sessions(:'ann')), 'revoked', 'it is listed as such');
SELECT is(media.delete_expired_sessions(10), 0::bigint, 'until its time is over');
SELECT isnt(pg_temp.seen('b'), NULL, 'others go on');
ROLLBACK TO good;
SELECT media.open_session(sha256('a2'), pg_temp.alpha(), :'ann', 60) AS opened \gset
SELECT is(media.revoke_sessions(:'ann'), 2::bigint, 'all sessions of a user end');
SELECT is(concat(pg_temp.seen('a'), pg_temp.seen('a2')), '', 'all of them');
SELECT isnt(pg_temp.seen('b'), NULL, 'of that user only');
SELECT is(media.revoke_sessions(:'ann'), 0::bigint, 'once');
ROLLBACK TO good;
DELETE FROM media.company_members WHERE user_id = :'ann';
SELECT is(pg_temp.seen('a'), NULL, 'who left the company has no session');

-- Users by name.
SELECT media.add_user(pg_temp.beta(), 'ann', 'agent') AS other_ann \gset
SELECT results_eq($$SELECT * FROM media.find_users('bob')$$, format('VALUES (%L::uuid)', :'bob'), 'a user is found by name');
SELECT results_eq(format('SELECT * FROM media.find_users(%L)', upper(:'bob')), format('VALUES (%L::uuid)', :'bob'), 'and by id');
SELECT is((SELECT count(*)::int FROM media.find_users('ann')), 2, 'a name may be that of several');
SELECT is_empty($$SELECT * FROM media.find_users('nobody')$$, 'or of nobody');

SELECT * FROM finish();
ROLLBACK;
