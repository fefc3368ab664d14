BEGIN;
\ir include/fixture.sql
SELECT plan(29);

SELECT pg_temp.deliver(pg_temp.shop_a(), 'a1') AS media \gset

CREATE FUNCTION pg_temp.callable_by(p_role name) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT p.proname::text
    FROM pg_proc AS p
    WHERE p.pronamespace = 'media'::regnamespace AND has_function_privilege(p_role, p.oid, 'EXECUTE')
$$;
CREATE FUNCTION pg_temp.allowed(p_role name, p_privileges text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT c.relname::text
    FROM pg_class AS c
    WHERE c.relnamespace = 'media'::regnamespace
      AND c.relkind IN ('r', 'p', 'v')
      AND has_any_column_privilege(p_role, c.oid, p_privileges)
$$;

SELECT set_eq(
    $$SELECT pg_temp.callable_by('media_nginx')$$,
    ARRAY['lookup_media', 'lookup_media_many', 'lookup_rendition', 'lookup_media_by_key', 'lookup_session',
          'lookup_revocation', 'schema_version'],
    'nginx may look things up, and nothing else');
SELECT set_eq(
    $$SELECT pg_temp.callable_by('media_indexer')$$,
    ARRAY['schema_version', 'current_company', 'add_company', 'add_user', 'find_company', 'find_user', 'find_users',
          'open_session', 'revoke_session', 'revoke_sessions', 'list_sessions', 'delete_expired_sessions',
          'revoke_token', 'revoke_user', 'delete_expired_revocations',
          'add_account', 'change_account', 'find_account', 'list_accounts', 'account_secrets', 'accept_delivery', 'claim_jobs', 'extend_leases',
          'release_jobs', 'next_job_delay_ms', 'list_suspensions', 'retry_failed_downloads', 'retry_download', 'queue_state', 'expire_downloads', 'delete_idle_suspensions', 'remember_source', 'find_blob', 'complete_download', 'retry_job',
          'fail_job', 'lookup_media', 'lookup_rendition', 'lookup_media_by_key', 'lookup_session', 'lookup_revocation',
          'ensure_event_partitions', 'quarantine_download', 'list_quarantine', 'quarantined_media',
          'release_quarantined', 'delete_quarantined', 'expire_quarantine', 'unknown_to_quarantine',
          'sample_queue', 'find_media', 'explain_media', 'count_deliveries', 'list_deliveries', 'find_deliveries',
          'replay_delivery', 'count_expiring', 'count_failures', 'check_event_partitions',
          'drop_event_partitions', 'delete_media', 'restore_media', 'delete_message_media', 'delete_message',
          'delete_conversation', 'delete_company', 'give_up_blobs', 'claim_doomed_files', 'files_removed',
          'count_views', 'fold_analytics', 'recompute_analytics', 'get_media_storage_stats', 'list_companies',
          'bucket_of', 'queue_media_processing', 'list_stores', 'fsck_start', 'fsck_note', 'fsck_listed', 'fsck_end',
          'fsck_faulty', 'fsck_untracked', 'fsck_doom', 'fsck_files', 'fsck_position', 'set_fsck_position', 'lose_blob',
          'lose_rendition', 'is_known_file', 'set_retention_rule', 'remove_retention_rule', 'list_retention_rules', 'count_old_media',
          'delete_old_media', 'cleanup_old_media',
          'begin_multipart_upload', 'resume_multipart_upload', 'end_multipart_upload', 'stale_multipart_uploads',
          'find_adopted', 'adopt_file', 'find_accounts', 'stored_files',
          'count_stored_files', 'move_file', 'discard_copy', 'is_stored_at', 'undoable_moves', 'try_lock_moves'],
    'the daemon may call its functions, not the inner ones');
SELECT is_empty($$SELECT pg_temp.callable_by('public')$$, 'nobody else may call anything');
SELECT is_empty($$SELECT pg_temp.allowed('media_nginx', 'SELECT, INSERT, UPDATE, REFERENCES')$$,
    'nginx has no right to any table');
SELECT is_empty($$SELECT pg_temp.allowed('media_indexer', 'INSERT, UPDATE, REFERENCES')$$,
    'the daemon writes to no table');
SELECT is_empty(
    $$SELECT oid::regclass FROM pg_class
      WHERE relnamespace = 'media'::regnamespace AND relkind IN ('r', 'p')
        AND (has_table_privilege('media_indexer', oid, 'DELETE, TRUNCATE, TRIGGER')
             OR has_table_privilege('media_nginx', oid, 'DELETE, TRUNCATE, TRIGGER'))$$,
    'neither deletes');
SELECT is_empty(
    $$SELECT pg_temp.allowed('media_indexer', 'SELECT') AS name
      INTERSECT SELECT relname::text FROM pg_class WHERE relispartition AND relnamespace = 'media'::regnamespace$$,
    'partitions are read through their parent only');
SELECT is_empty(
    $$SELECT oid::regclass FROM pg_class
      WHERE relnamespace = 'media'::regnamespace AND relowner <> 'media_owner'::regrole$$,
    'media_owner owns every relation');
SELECT is_empty(
    $$SELECT oid::regprocedure FROM pg_proc
      WHERE pronamespace = 'media'::regnamespace
        AND (proowner <> 'media_owner'::regrole
             OR (prosecdef AND oid NOT IN ('media.lookup_media'::regproc, 'media.lookup_media_many'::regproc)
                 AND NOT 'search_path=pg_catalog, media, pg_temp' = ANY (coalesce(proconfig, '{}'))))$$,
    'and every function; definer functions fix their search path, or use none');
SELECT is(
    (SELECT array_agg(rolname::text ORDER BY rolname) FROM pg_roles
     WHERE rolname IN ('media_owner', 'media_indexer', 'media_nginx') AND rolcanlogin
       AND NOT (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)),
    ARRAY['media_indexer', 'media_nginx'],
    'two plain roles log in');

SET LOCAL ROLE media_nginx;
SELECT throws_ok($$SELECT * FROM media.media_files$$, '42501', NULL, 'nginx cannot read media_files');
SELECT throws_ok($$SELECT * FROM media.media_items$$, '42501', NULL, 'nginx cannot read media_items');
SELECT throws_ok($$SELECT * FROM media.companies$$, '42501', NULL, 'nginx cannot read companies');
SELECT throws_ok($$SELECT * FROM media.sessions$$, '42501', NULL, 'nginx cannot read sessions');
SELECT throws_ok($$DELETE FROM media.media_files$$, '42501', NULL, 'nginx cannot delete');
SELECT throws_ok($$SELECT media.find_company('alpha')$$, '42501', NULL, 'nginx cannot find companies');
SELECT throws_ok($$SELECT * FROM media.claim_jobs('x', 1, 1)$$, '42501', NULL, 'nginx cannot claim jobs');
SELECT throws_ok($$CREATE TABLE media.x (y int)$$, '42501', NULL, 'nginx cannot make tables');
SELECT is(media.schema_version(), 5, 'nginx can ask for the version');
SELECT is_empty($$SELECT * FROM media.lookup_media('aaaaaaaa-0000-4000-8000-00000000ffff')$$, 'nginx can look up');
RESET ROLE;

SET LOCAL ROLE media_indexer;
SET LOCAL media.company_id = 'aaaaaaaa-0000-4000-8000-000000000000';
SELECT throws_ok($$UPDATE media.media_files SET file_name = 'x'$$, '42501', NULL, 'the daemon cannot update');
SELECT throws_ok($$INSERT INTO media.companies (name) VALUES ('x')$$, '42501', NULL, 'the daemon cannot insert');
SELECT throws_ok($$SELECT * FROM media.revocations$$, '42501', NULL, 'the daemon cannot read across tenants');
SELECT throws_ok($$DELETE FROM media.jobs$$, '42501', NULL, 'the daemon cannot delete');
SELECT throws_ok($$SELECT media.end_download(1, NULL, 'x', 'x')$$, '42501', NULL, 'the daemon cannot call inner functions');
SELECT throws_ok($$CREATE FUNCTION media.x() RETURNS int LANGUAGE sql RETURN 1$$, '42501', NULL,
    'the daemon cannot make functions');
SELECT lives_ok($$SELECT * FROM media.claim_jobs('x', 1, 1)$$, 'the daemon can claim jobs');
RESET ROLE;

-- A caller's own search path does not reach into definer functions.
SELECT pg_temp.media_of('a1') AS id \gset
CREATE SCHEMA trap;
CREATE FUNCTION trap.never(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'trapped as %', current_user;
END
$$;
CREATE FUNCTION trap.never_of_enums(anyenum, anyenum) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'trapped as %', current_user;
END
$$;
CREATE OPERATOR trap.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = trap.never);
CREATE OPERATOR trap.= (LEFTARG = anyenum, RIGHTARG = anyenum, FUNCTION = trap.never_of_enums);
CREATE DOMAIN trap.text AS pg_catalog.text;
CREATE DOMAIN trap.bytea AS pg_catalog.bytea;
GRANT USAGE ON SCHEMA trap TO media_nginx;
SET LOCAL search_path = trap, pg_catalog, public;
SET LOCAL ROLE media_nginx;
SELECT isnt_empty(format($$SELECT * FROM media.lookup_media(%L)$$, :'id'),
    'foreign operators and types are not used');
SELECT isnt_empty(format($$SELECT * FROM media.lookup_media_many(ARRAY[%L::pg_catalog.uuid])$$, :'id'),
    'nor when many are asked about');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
