BEGIN;
\ir include/fixture.sql
SELECT plan(29);
SET LOCAL synchronous_commit = off;

CREATE FUNCTION pg_temp.store(p_account uuid, p_message text, p_bytes text, p_key text, p_days int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_outcome text;
BEGIN
    PERFORM pg_temp.deliver(p_account, p_message);
    PERFORM media.claim_jobs('w', 100, 60);
    v_outcome := pg_temp.complete(p_message, 'w', p_bytes, p_key);
    UPDATE media.media_files SET created_at = now() - make_interval(days => p_days) WHERE id = pg_temp.media_of(p_message);
    RETURN v_outcome;
END
$$;
CREATE FUNCTION pg_temp.left_over() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(g.external_id, ' ' ORDER BY g.external_id)
    FROM media.media_files AS m JOIN media.messages AS g ON g.id = m.message_id
    WHERE m.is_active
$$;
CREATE FUNCTION pg_temp.old(p_days int, p_company uuid DEFAULT NULL, p_bucket text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(company || ' ' || bucket || ' ' || keep_days || ': ' || media || ' ' || bytes || ' ' || freed, ', ')
    FROM media.count_old_media(p_days, p_company, p_bucket)
$$;
CREATE FUNCTION pg_temp.delete_old(p_days int, p_company uuid DEFAULT NULL, p_bucket text DEFAULT NULL) RETURNS int LANGUAGE sql AS $$
    SELECT deleted FROM media.delete_old_media(p_days, p_company, p_bucket, '00000000-0000-0000-0000-000000000000', 100)
$$;

SELECT is(pg_temp.store(pg_temp.shop_a(), 'a10', 'ten', 'a/10', 10), 'stored', 'media of ten days ago');
SELECT is(pg_temp.store(pg_temp.shop_a(), 'a20', 'twenty', 'a/20', 20), 'stored', 'of twenty');
SELECT is(pg_temp.store(pg_temp.shop_a(), 'a20-twin', 'ten', NULL, 20), 'duplicate', 'with the bytes of the first');
SELECT is(pg_temp.store(pg_temp.shop_b(), 'b20', 'twenty', 'b/20', 20), 'stored', 'and of another company');

-- By a number of days.
SELECT throws_ok('SELECT media.cleanup_old_media(0)', '22023', NULL, 'not everything is old');
SELECT throws_ok('SELECT media.cleanup_old_media(NULL)', '22023', NULL, 'nor is nothing');
SELECT is(pg_temp.old(NULL), NULL, 'without a rule media are kept');
SELECT is(pg_temp.delete_old(NULL), 0, 'and not deleted');
SELECT is(pg_temp.old(15), 'alpha images 15: 2 9 6, beta images 15: 1 6 6', 'totals tell what would be freed');
SELECT is(pg_temp.old(15, pg_temp.beta(), 'images'), 'beta images 15: 1 6 6', 'of a company and bucket');
SELECT is(pg_temp.old(15, NULL, 'audio'), NULL, 'or nothing');
SELECT is(pg_temp.left_over(), 'a10 a20 a20-twin b20', 'telling deletes nothing');
SAVEPOINT all_there;
SELECT is(media.cleanup_old_media(15), 3, 'old media are deleted');
SELECT is(pg_temp.left_over(), 'a10', 'but not young ones');
SELECT is(media.cleanup_old_media(15), 0, 'nor twice');
SELECT results_eq(
    $$SELECT actor, detail FROM media.media_events WHERE media_id = pg_temp.media_of('a20') AND NOT new_is_active$$,
    $$VALUES ('cleanup', 'older than 15 days')$$, 'the audit trail tells why');
SELECT is(media.give_up_blobs(3600, 100), 0, 'their bytes have a grace period');
SELECT is(media.restore_media(pg_temp.alpha(), pg_temp.media_of('a20'), 'ann', ''), 'completed', 'in which they can be restored');
ROLLBACK TO all_there;
SELECT results_eq(
    $$SELECT deleted, last_id IS NULL FROM media.delete_old_media(15, NULL, NULL, '00000000-0000-0000-0000-000000000000', 2)$$,
    $$VALUES (2, FALSE)$$, 'they go in portions');
SELECT results_eq(
    $$SELECT deleted, last_id IS NULL FROM media.delete_old_media(15, NULL, NULL, 'ffffffff-ffff-ffff-ffff-ffffffffffff', 2)$$,
    $$VALUES (0, TRUE)$$, 'to the last');
ROLLBACK TO all_there;

-- By rules.
SELECT throws_ok('SELECT media.set_retention_rule(NULL, NULL, 0)', '23514', NULL, 'no rule keeps nothing');
SELECT throws_ok($$SELECT media.set_retention_rule(NULL, 'unheard-of', 1)$$, '23503', NULL, 'or is for no bucket');
SELECT media.set_retention_rule(NULL, NULL, 30), media.set_retention_rule(NULL, NULL, 5),
       media.set_retention_rule(pg_temp.alpha(), NULL, 15) \g /dev/null
SELECT is(pg_temp.old(NULL), 'alpha images 15: 2 9 6, beta images 5: 1 6 6', 'the rule of a company replaces that of all');
SELECT media.set_retention_rule(NULL, 'images', 25) \g /dev/null
SELECT is(pg_temp.old(NULL), 'alpha images 15: 2 9 6', 'and that of a bucket the one of all');
SELECT media.set_retention_rule(pg_temp.beta(), 'images', NULL) \g /dev/null
SELECT is(pg_temp.old(1), 'alpha images 15: 2 9 6', 'what a rule keeps is kept, whatever is asked for');
SELECT is(pg_temp.delete_old(NULL), 2, 'what is too old goes');
SELECT is(pg_temp.left_over(), 'a10 b20', 'the rest stays');
SELECT results_eq(
    $$SELECT company, bucket, keep_days FROM media.list_retention_rules()$$,
    $$VALUES (NULL, NULL, 5), (NULL, 'images', 25), ('alpha', NULL, 15), ('beta', 'images', NULL)$$, 'rules are listed');
SELECT is(
    ARRAY[media.remove_retention_rule(pg_temp.alpha(), NULL), media.remove_retention_rule(pg_temp.alpha(), 'images')],
    ARRAY[TRUE, FALSE], 'and removed');

SELECT * FROM finish();
ROLLBACK;
