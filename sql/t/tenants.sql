BEGIN;
SELECT plan(14);
SET LOCAL ROLE media_indexer;

SELECT media.add_company('alpha') AS alpha, media.add_company('beta') AS beta \gset

SELECT is(media.find_company('alpha'), :'alpha', 'a company is found by name');
SELECT is(media.find_company(:'alpha'), :'alpha', 'and by id');
SELECT is(media.find_company(upper(:'alpha')), :'alpha', 'in either case');
SELECT is(media.find_company('Alpha'), NULL, 'names are exact');
SELECT is(media.find_company('gamma'), NULL, 'no company, no id');
SELECT throws_ok($$SELECT media.add_company('alpha')$$, '23505', NULL, 'names are unique');
SELECT throws_ok($$SELECT media.add_company('')$$, '23514', NULL, 'and not empty');

SELECT media.add_company(:'alpha') AS gamma \gset
SELECT is(media.find_company(:'alpha'), :'alpha', 'an id wins over a name that looks like it');

SELECT media.add_user(:'alpha', 'ann', 'agent') AS ann \gset
SELECT media.add_user(:'beta', 'ann', 'admin') AS other_ann \gset

SELECT results_eq(
    format('SELECT * FROM media.find_user(%L, %L)', :'alpha', 'ann'),
    format('VALUES (%L::uuid, %L::text)', :'ann', 'agent'),
    'a user is found by name, in the company');
SELECT results_eq(
    format('SELECT * FROM media.find_user(%L, %L)', :'beta', :'other_ann'),
    format('VALUES (%L::uuid, %L::text)', :'other_ann', 'admin'),
    'and by id');
SELECT is_empty(
    format('SELECT * FROM media.find_user(%L, %L)', :'alpha', :'other_ann'),
    'another company''s user is not found');
SELECT throws_ok(format('SELECT media.add_user(%L, %L, %L)', :'alpha', 'ann', 'agent'), '23505', NULL,
    'a company has a user''s name once');
SELECT throws_ok(format('SELECT media.add_user(%L, %L, %L)', :'alpha', 'bob', 'king'), '23514', NULL,
    'there are four roles');
SELECT throws_ok($$SELECT media.add_user('aaaaaaaa-0000-4000-8000-00000000ffff', 'bob', 'agent')$$, '23503', NULL,
    'a user needs a company');

SELECT * FROM finish();
ROLLBACK;
