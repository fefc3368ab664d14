BEGIN;
\ir include/fixture.sql
SELECT plan(8);

-- Something of both companies in every table.
SELECT media.add_user(pg_temp.alpha(), 'ann', 'agent') AS ann, media.add_user(pg_temp.beta(), 'bob', 'agent') AS bob \gset
INSERT INTO media.sessions (company_id, user_id, token_sha256, expires_at)
VALUES (pg_temp.alpha(), :'ann', sha256('a'), now()),
       (pg_temp.beta(), :'bob', sha256('b'), now());
INSERT INTO media.account_secrets (company_id, account_id, name, position, sealed)
VALUES (pg_temp.alpha(), pg_temp.shop_a(), 'key', 0, '\x00'),
       (pg_temp.beta(), pg_temp.shop_b(), 'key', 0, '\x00');
INSERT INTO media.account_suspensions (company_id, account_id, host)
VALUES (pg_temp.alpha(), pg_temp.shop_a(), ''),
       (pg_temp.beta(), pg_temp.shop_b(), '');
INSERT INTO media.blobs (company_id, bucket, storage_key, sha256, size, mime_type)
VALUES (pg_temp.alpha(), 'images', 'a', sha256('x'), 1, 'image/png'),
       (pg_temp.beta(), 'images', 'b', sha256('x'), 1, 'image/png');
INSERT INTO media.renditions (company_id, blob_id, kind, storage_key, size, mime_type, sha256)
SELECT company_id, id, 'poster', storage_key, 1, 'image/webp', sha256 FROM media.blobs;
SELECT pg_temp.deliver(pg_temp.shop_a(), 'a1') + pg_temp.deliver(pg_temp.shop_b(), 'b1') AS media \gset
INSERT INTO media.quarantine (media_id, company_id, sha256, size, mime_type, reason)
SELECT id, company_id, sha256('x'), 1, 'text/html', 'active_content' FROM media.media_files;
INSERT INTO media.media_analytics (company_id, day, provider, file_type)
SELECT id, '2026-01-01', '', 'image' FROM media.companies;
INSERT INTO media.media_failures (company_id, day, provider, file_type, reason)
SELECT id, '2026-01-01', '', 'image', 'gone' FROM media.companies;
INSERT INTO media.dead_letters (media_id, company_id, reason)
SELECT id, company_id, 'gone' FROM media.media_files;

-- Which companies a tenant table shows, in one row; users count by name.
CREATE FUNCTION pg_temp.shown(p_table text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_column text := CASE p_table WHEN 'companies' THEN 'id' WHEN 'users' THEN 'name' ELSE 'company_id' END;
    v_shown text;
BEGIN
    EXECUTE format('SELECT string_agg(DISTINCT left(%I::text, 3), '','') FROM media.%I', v_column, p_table) INTO v_shown;
    RETURN v_shown;
END
$$;
CREATE TABLE pg_temp.tenant_tables AS
SELECT c.relname::text AS name
FROM pg_class AS c
WHERE c.relnamespace = 'media'::regnamespace
  AND c.relkind IN ('r', 'p', 'v')
  AND NOT c.relispartition
  AND c.relname NOT IN ('buckets', 'size_limits', 'revocations', 'loose_blobs', 'doomed_files', 'analytics_deltas',
                        'file_moves', 'former_keys', 'known_files', 'fsck_runs', 'fsck_listing', 'fsck_positions', 'retention_rules',
                        'multipart_uploads');
GRANT SELECT ON pg_temp.tenant_tables TO media_indexer;

SET LOCAL ROLE media_indexer;

SELECT is_empty(
    $$SELECT name FROM pg_temp.tenant_tables WHERE pg_temp.shown(name) IS NOT NULL$$,
    'without a company nothing is shown');
SET LOCAL media.company_id = '';
SELECT is_empty(
    $$SELECT name FROM pg_temp.tenant_tables WHERE pg_temp.shown(name) IS NOT NULL$$,
    'an empty company is no company');
SET LOCAL media.company_id = 'aaaaaaaa-0000-4000-8000-000000000000';
SELECT is_empty(
    $$SELECT name, pg_temp.shown(name) FROM pg_temp.tenant_tables
      WHERE pg_temp.shown(name) IS DISTINCT FROM CASE name WHEN 'users' THEN 'ann' ELSE 'aaa' END$$,
    'a company sees its own rows, and no others, of every table and view');
SET LOCAL media.company_id = 'bbbbbbbb-0000-4000-8000-000000000000';
SELECT is_empty(
    $$SELECT name, pg_temp.shown(name) FROM pg_temp.tenant_tables
      WHERE pg_temp.shown(name) IS DISTINCT FROM CASE name WHEN 'users' THEN 'bob' ELSE 'bbb' END$$,
    'so does another');
SELECT is_empty(
    $$SELECT id FROM media.media_items WHERE message_external_id = 'a1'$$,
    'another company''s message id finds nothing');
SELECT is((SELECT count(*)::int FROM media.buckets), 4, 'buckets are everybody''s');
SET LOCAL media.company_id = 'rubbish';
SELECT throws_ok($$SELECT id FROM media.media_files$$, '22P02', NULL, 'a company that is no uuid is an error');

RESET ROLE;
SELECT ok((SELECT count(*) >= 15 FROM pg_temp.tenant_tables), 'all tables were looked at');

SELECT * FROM finish();
ROLLBACK;
