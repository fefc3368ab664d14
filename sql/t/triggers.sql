BEGIN;
\ir include/fixture.sql
SELECT plan(37);

-- NOTIFY leaves at COMMIT only: here the triggers write down what they would send.
CREATE TABLE pg_temp.sent (channel text, payload text);
CREATE OR REPLACE FUNCTION media.notify_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pg_temp.sent VALUES ('media_jobs', NEW.kind);
    RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION media.notify_media_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pg_temp.sent VALUES ('media_changed', OLD.id);
    RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION media.notify_session_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pg_temp.sent VALUES ('media_session_changed', 'token');
    RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION media.notify_member_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pg_temp.sent VALUES ('media_session_changed', 'member');
    RETURN NULL;
END
$$;
GRANT INSERT ON pg_temp.sent TO media_owner;
CREATE FUNCTION pg_temp.sent() RETURNS text LANGUAGE sql AS $$
    WITH taken AS (DELETE FROM pg_temp.sent RETURNING channel, payload)
    SELECT string_agg(DISTINCT channel || ' ' || CASE channel WHEN 'media_changed' THEN 'id' ELSE payload END, ', ') FROM taken
$$;

SELECT pg_temp.deliver(pg_temp.shop_a(), 'm1') AS media \gset
SELECT is(pg_temp.sent(), 'media_jobs download', 'a new job is announced');
SELECT count(*) AS claimed FROM media.claim_jobs('w', 1, 60) \gset
SELECT is(pg_temp.sent(), 'media_changed id', 'a claim changes what a lookup says');
SELECT is((SELECT count(*)::int FROM media.extend_leases('w', ARRAY[pg_temp.job_of('m1')], 90)), 1, 'a lease is extended');
SELECT is(pg_temp.sent(), NULL, 'in silence');
SELECT is(media.release_jobs('w', ARRAY[pg_temp.job_of('m1')]), 1, 'a job is given back');
SELECT is(pg_temp.sent(), 'media_changed id, media_jobs download', 'which is announced');
SELECT count(*) AS claimed FROM media.claim_jobs('w', 1, 60) \gset
SELECT pg_temp.sent() AS claimed \gset
SELECT is(media.retry_job(pg_temp.job_of('m1'), 'w', 'network', 'x', 5000), 'pending', 'a job is to be tried later');
SELECT is(pg_temp.sent(), 'media_changed id', 'which is no job yet');
UPDATE media.jobs SET run_at = now();
SELECT is(pg_temp.sent(), 'media_jobs download', 'until it is due');
SELECT count(*) AS claimed FROM media.claim_jobs('w', 1, 60) \gset
SELECT pg_temp.sent() AS claimed \gset
SELECT is(pg_temp.complete('m1', 'w', 'cat', 'a/cat.png'), 'stored', 'a download is completed');
SELECT is(pg_temp.sent(), 'media_changed id', 'which changes the lookup');
SET LOCAL media.notify_later = on;
SELECT pg_temp.deliver(pg_temp.shop_a(), 'm2') AS media \gset
SELECT count(*) AS claimed FROM media.claim_jobs('w', 1, 60) \gset
SELECT media.release_jobs('w', ARRAY[pg_temp.job_of('m2')]) AS released \gset
SELECT count(*) AS claimed FROM media.claim_jobs('w', 1, 60) \gset
SELECT is(pg_temp.complete('m2', 'w', 'cat', NULL), 'duplicate', 'a session that sends notifications itself');
SELECT is(pg_temp.sent(), NULL, 'is not helped with jobs and downloads');
UPDATE media.media_files SET visibility = 'public' WHERE id = pg_temp.media_of('m2');
SELECT is(pg_temp.sent(), 'media_changed id', 'but with what takes rights away');
SET LOCAL media.notify_later = off;
UPDATE media.media_files SET width = 5, provider_media_url = 'u';
SELECT is(pg_temp.sent(), NULL, 'other columns do not');
UPDATE media.media_files SET is_active = FALSE;
SELECT is(pg_temp.sent(), 'media_changed id', 'a deletion does');
UPDATE media.media_files SET visibility = 'public' WHERE id = pg_temp.media_of('m1');
SELECT is(pg_temp.sent(), 'media_changed id', 'visibility does');
UPDATE media.media_files SET file_name = 'x.png';
SELECT is(pg_temp.sent(), 'media_changed id', 'a new name does');
SELECT has_trigger('media', 'blobs', 'notify_changed', 'a blob that moves or dies changes lookups, too');
DELETE FROM media.messages;
SELECT is(pg_temp.sent(), 'media_changed id', 'media that are gone do');

-- Sessions and members.
SELECT media.add_user(pg_temp.alpha(), 'ann', 'agent') AS ann \gset
SELECT is(pg_temp.sent(), 'media_session_changed member', 'a new member is announced');
SELECT media.open_session(sha256('a'), pg_temp.alpha(), :'ann', 60) AS opened \gset
SELECT is(pg_temp.sent(), NULL, 'a new session is not: nobody has had its token');
UPDATE media.sessions SET created_at = created_at - interval '1 hour';
SELECT is(pg_temp.sent(), NULL, 'nor is what no lookup tells');
UPDATE media.sessions SET expires_at = expires_at + interval '1 hour';
SELECT is(pg_temp.sent(), 'media_session_changed token', 'a new end of a session is');
SAVEPOINT open;
SELECT is(media.revoke_session(sha256('a')), TRUE, 'a session is revoked');
SELECT is(pg_temp.sent(), 'media_session_changed token', 'which is announced');
DELETE FROM media.sessions;
SELECT is(pg_temp.sent(), NULL, 'its deletion is no news');
ROLLBACK TO open;
DELETE FROM media.sessions;
SELECT is(pg_temp.sent(), 'media_session_changed token', 'the deletion of a good one is');
ROLLBACK TO open;
UPDATE media.company_members SET updated_at = now();
SELECT is(pg_temp.sent(), NULL, 'a member without a change is not');
UPDATE media.company_members SET role = 'viewer';
SELECT is(pg_temp.sent(), 'media_session_changed member', 'a role is');
DELETE FROM media.users WHERE id = :'ann';
SELECT is(pg_temp.sent(), 'media_session_changed member, media_session_changed token', 'a deleted user takes rights along');
SELECT has_trigger('media', 'users', 'notify_deleted', 'also one without a company');

-- Times.
SELECT is_empty(
    $$SELECT c.oid::regclass FROM pg_class AS c
      JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'updated_at'
      WHERE c.relnamespace = 'media'::regnamespace AND c.relkind = 'r'
        AND NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgname = 'touch_updated_at')$$,
    'every table with updated_at keeps it');
INSERT INTO media.companies (name, updated_at) VALUES ('gamma', '2001-01-01Z');
UPDATE media.companies SET name = 'delta' WHERE name = 'gamma';
SELECT is((SELECT updated_at FROM media.companies WHERE name = 'delta'), now(), 'at the time of the change');

-- Blobs are not deleted by hand.
SET CONSTRAINTS ALL IMMEDIATE;
SELECT throws_ok($$DELETE FROM media.blobs$$, '23001', NULL, 'a blob is not deleted directly');
SELECT throws_ok($$TRUNCATE media.blobs CASCADE$$, '23001', NULL, 'nor are all');
SET LOCAL media.blob_delete = on;
SELECT lives_ok($$DELETE FROM media.blobs$$, 'a function that says so may');
SET LOCAL media.blob_delete = off;

SELECT * FROM finish();
ROLLBACK;
