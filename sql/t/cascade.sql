BEGIN;
\ir include/fixture.sql
SELECT plan(7);

CREATE FUNCTION pg_temp.left_of(p_company uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_table text;
    v_count int;
    v_left text := '';
BEGIN
    FOR v_table IN
        SELECT c.relname FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'company_id'
        WHERE c.relnamespace = 'media'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        ORDER BY c.relname
    LOOP
        EXECUTE format('SELECT count(*) FROM media.%I WHERE company_id = $1', v_table) INTO v_count USING p_company;
        v_left := v_left || CASE WHEN v_count > 0 THEN format('%s %s ', v_table, v_count) ELSE '' END;
    END LOOP;
    RETURN rtrim(v_left);
END
$$;

SELECT media.add_user(pg_temp.alpha(), 'ann', 'agent') AS ann \gset
INSERT INTO media.sessions (company_id, user_id, token_sha256, expires_at)
VALUES (pg_temp.alpha(), :'ann', sha256('a'), now());
INSERT INTO media.account_secrets (company_id, account_id, name, position, sealed)
VALUES (pg_temp.alpha(), pg_temp.shop_a(), 'key', 0, '\x00');
SELECT pg_temp.deliver(pg_temp.shop_a(), 'm1') + pg_temp.deliver(pg_temp.shop_a(), 'm2')
     + pg_temp.deliver(pg_temp.shop_a(), 'm3') + pg_temp.deliver(pg_temp.shop_b(), 'b1') AS media \gset
SELECT count(*) AS claimed FROM media.claim_jobs('w', 1, 60) \gset
SELECT pg_temp.complete('m1', 'w', 'cat', 'a/cat.png') AS completed \gset
INSERT INTO media.renditions (company_id, blob_id, kind, storage_key, size, mime_type, sha256)
SELECT company_id, id, 'poster', storage_key, 1, 'image/webp', sha256 FROM media.blobs;
UPDATE media.media_files SET uploaded_by = :'ann' WHERE id = pg_temp.media_of('m1');

SELECT is(pg_temp.left_of(pg_temp.alpha()),
    'account_secrets 1 accounts 1 analytics_deltas 4 blobs 1 company_members 1 conversations 3 deliveries 3 jobs 2 media_events 5 media_files 3 messages 3 renditions 1 sessions 1',
    'a company has rows everywhere');

DELETE FROM media.messages WHERE external_id = 'm2';
SELECT is(pg_temp.left_of(pg_temp.alpha()),
    'account_secrets 1 accounts 1 analytics_deltas 4 blobs 1 company_members 1 conversations 3 deliveries 3 jobs 1 media_events 6 media_files 2 messages 2 renditions 1 sessions 1',
    'a message takes its media and their jobs along');
DELETE FROM media.conversations WHERE external_id = 'conversation of m3';
SELECT is(pg_temp.left_of(pg_temp.alpha()),
    'account_secrets 1 accounts 1 analytics_deltas 4 blobs 1 company_members 1 conversations 2 deliveries 3 media_events 7 media_files 1 messages 1 renditions 1 sessions 1',
    'a conversation takes its messages along');
DELETE FROM media.company_members WHERE user_id = :'ann';
SELECT is(pg_temp.left_of(pg_temp.alpha()),
    'account_secrets 1 accounts 1 analytics_deltas 4 blobs 1 conversations 2 deliveries 3 media_events 7 media_files 1 messages 1 renditions 1',
    'who leaves a company loses the session');
DELETE FROM media.users WHERE id = :'ann';
SELECT is((SELECT count(*)::int FROM media.media_files WHERE id = pg_temp.media_of('m1') AND uploaded_by IS NULL), 1,
    'media outlive who uploaded them');

DELETE FROM media.companies WHERE id = pg_temp.alpha();
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(pg_temp.left_of(pg_temp.alpha()), '', 'a company takes everything along, blobs and events, too');
SELECT is(pg_temp.left_of(pg_temp.beta()),
    'accounts 1 analytics_deltas 1 conversations 1 deliveries 1 jobs 1 media_events 1 media_files 1 messages 1',
    'and nothing of another');

SELECT * FROM finish();
ROLLBACK;
