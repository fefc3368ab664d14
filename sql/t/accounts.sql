BEGIN;
\ir include/fixture.sql
SELECT plan(22);
SET LOCAL ROLE media_indexer;

SELECT is(
    media.add_account('cccccccc-0000-4000-8000-000000000001', pg_temp.alpha(), 'whatsapp', '1234',
        '[{"name": "token", "sealed": "AAEC"}, {"name": "app_secret", "sealed": "AwQF"}, {"name": "token", "sealed": "/+8="}]',
        '{"a": 1}'),
    'cccccccc-0000-4000-8000-000000000001',
    'the caller chooses the id');
SELECT results_eq(
    $$SELECT * FROM media.find_account('whatsapp', '1234')$$,
    $$VALUES ('cccccccc-0000-4000-8000-000000000001'::uuid, pg_temp.alpha(), '{"a": 1}'::jsonb,
              '[{"name": "app_secret", "sealed": "AwQF"}, {"name": "token", "sealed": "AAEC"}, {"name": "token", "sealed": "/+8="}]'::jsonb)$$,
    'an account comes with its secrets, by name and in the order they were given');
SELECT is(
    media.account_secrets('cccccccc-0000-4000-8000-000000000001'),
    (SELECT secrets FROM media.find_account('whatsapp', '1234')),
    'the secrets can be had alone');
SELECT is_empty($$SELECT * FROM media.find_account('generic', '1234')$$, 'the provider matters');
SELECT throws_ok(
    $$SELECT media.add_account(gen_random_uuid(), pg_temp.beta(), 'whatsapp', '1234', '[]')$$,
    '23505', NULL, 'a provider''s account is added once');
SELECT throws_ok(
    $$SELECT media.add_account(gen_random_uuid(), gen_random_uuid(), 'whatsapp', '99', '[]')$$,
    '23503', NULL, 'an account needs a company');
SELECT throws_ok(
    $$SELECT media.add_account(gen_random_uuid(), pg_temp.beta(), 'whatsapp', '99', '[{"name": "x", "sealed": "%"}]')$$,
    '22023', NULL, 'a secret is base64');
SELECT is_empty($$SELECT * FROM media.find_account('whatsapp', '99')$$, 'a failed addition leaves nothing');
SELECT lives_ok(
    $$SELECT media.add_account('cccccccc-0000-4000-8000-000000000002', pg_temp.beta(), 'generic', 'plain', NULL, NULL)$$,
    'secrets and settings can be absent');
SELECT results_eq(
    $$SELECT settings, secrets FROM media.find_account('generic', 'plain')$$,
    $$VALUES ('{}'::jsonb, '[]'::jsonb)$$,
    'and are empty then');
SELECT media.add_account('cccccccc-0000-4000-8000-000000000003', pg_temp.beta(), 'generic', 'long',
    jsonb_build_array(jsonb_build_object('name', 'k', 'sealed',
        translate(encode(decode(repeat('00ff', 200), 'hex'), 'base64'), E'\n', '')))) AS long \gset
SELECT results_eq(
    $$SELECT * FROM media.list_accounts('cccccccc-0000-4000-8000-000000000000', 2)$$,
    $$SELECT 'whatsapp', '1234', * FROM media.find_account('whatsapp', '1234')
      UNION ALL SELECT 'generic', 'plain', * FROM media.find_account('generic', 'plain')$$,
    'accounts are listed by id');
SELECT results_eq(
    $$SELECT external_id FROM media.list_accounts('cccccccc-0000-4000-8000-000000000001', 1)$$,
    $$VALUES ('plain')$$,
    'from behind a given one');
SELECT ok(
    position(E'\n' IN media.account_secrets('cccccccc-0000-4000-8000-000000000003') #>> '{0,sealed}') = 0,
    'long secrets are one line');

-- Changes.
SELECT is(
    media.change_account('cccccccc-0000-4000-8000-000000000001',
        '[{"name": "token", "sealed": "BgcI"}, {"name": "extra", "sealed": "AQ=="}]', '{"b": true}'),
    TRUE, 'an account takes new secrets and settings');
SELECT results_eq(
    $$SELECT settings, secrets FROM media.find_account('whatsapp', '1234')$$,
    $$VALUES ('{"a": 1, "b": true}'::jsonb,
              '[{"name": "app_secret", "sealed": "AwQF"}, {"name": "extra", "sealed": "AQ=="}, {"name": "token", "sealed": "BgcI"}]'::jsonb)$$,
    'which replace those of the same names and leave the others');
SELECT is(
    media.change_account('cccccccc-0000-4000-8000-000000000001', NULL, NULL),
    TRUE, 'no secrets and no settings');
SELECT results_eq(
    $$SELECT settings, jsonb_array_length(secrets) FROM media.find_account('whatsapp', '1234')$$,
    $$VALUES ('{"a": 1, "b": true}'::jsonb, 3)$$,
    'change nothing');
SELECT is(media.change_account(gen_random_uuid(), '[]', '{}'), FALSE, 'an unknown account is not changed');

RESET ROLE;
SELECT pg_temp.deliver(pg_temp.shop_a(), name) AS delivered FROM (VALUES ('waiting'), ('slow')) AS n (name);
UPDATE media.jobs
SET run_at = now() + interval '1 hour',
    is_ready = FALSE,
    last_error = CASE id WHEN pg_temp.job_of('waiting') THEN 'unauthorized: refused' ELSE 'network: refused' END;
SELECT ok(media.change_account(pg_temp.shop_a(), NULL, NULL), 'once its secrets may be better');
SELECT results_eq(
    $$SELECT last_error::text FROM media.jobs WHERE due_at <= now()$$,
    $$VALUES ('unauthorized: refused')$$,
    'an account''s downloads that waited for that are due');
UPDATE media.accounts SET is_active = FALSE WHERE external_id = '1234';
SELECT is_empty($$SELECT * FROM media.list_accounts('cccccccc-0000-4000-8000-000000000000', 1)
                  WHERE external_id = '1234'$$, 'an inactive account is not listed');
SELECT is_empty($$SELECT * FROM media.find_account('whatsapp', '1234')$$, 'nor found');

SELECT * FROM finish();
ROLLBACK;
