BEGIN;
\ir include/fixture.sql
SELECT plan(7);
SET LOCAL synchronous_commit = off;

CREATE FUNCTION pg_temp.stats(p_company uuid) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s: %s files %s bytes, %s blobs %s bytes, %s saved, %s/%s/%s/%s%s', bucket, files, bytes,
        blobs, stored_bytes, saved_bytes, pending, downloading, failed, deleted,
        CASE WHEN oldest_pending_at IS NULL THEN '' ELSE ', since ' || (now() - oldest_pending_at)::text END), '; ')
    FROM media.get_media_storage_stats(p_company)
    WHERE files + blobs + pending + downloading + failed + deleted > 0
$$;
CREATE FUNCTION pg_temp.stats_as(p_reader uuid, p_company uuid) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('media.company_id', p_reader::text, TRUE);
    RETURN pg_temp.stats(p_company);
END
$$;

SELECT is(pg_temp.stats(pg_temp.alpha()), NULL, 'an empty company has nothing');
SELECT is((SELECT string_agg(bucket || ' ' || file_type, ', ') FROM media.get_media_storage_stats(pg_temp.alpha())),
    'audio audio, documents document, images image, videos video', 'but a row for each bucket');
SELECT pg_temp.deliver(pg_temp.shop_a(), m) FROM unnest(ARRAY['m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7']) AS m \g /dev/null
SELECT pg_temp.deliver(pg_temp.shop_b(), 'b1') + pg_temp.deliver(pg_temp.shop_a(), 'doc', 1, '{"file_type": "document"}') AS more \gset
SELECT count(*) AS claimed FROM media.claim_jobs('w', 100, 60) \gset
SELECT pg_temp.complete('m1', 'w', 'cat', 'a/cat.png') || pg_temp.complete('m2', 'w', 'cat', NULL)
    || pg_temp.complete('m3', 'w', 'horse', 'a/horse.png') AS completed \gset
SELECT media.fail_job(pg_temp.job_of('m4'), 'w', 'expired', 'too late') AS failed \gset
SELECT media.retry_job(pg_temp.job_of('m5'), 'w', 'network', 'reset', 0) AS retried \gset
UPDATE media.media_files SET created_at = now() - interval '1 hour' WHERE id = pg_temp.media_of('m5');
SELECT media.delete_media(pg_temp.alpha(), pg_temp.media_of('m6'), 'ann', NULL) AS deleted \gset
SELECT is(pg_temp.stats(pg_temp.alpha()),
    'documents: 0 files 0 bytes, 0 blobs 0 bytes, 0 saved, 0/1/0/0; '
    'images: 3 files 11 bytes, 2 blobs 8 bytes, 3 saved, 1/1/1/1, since 01:00:00',
    'what is stored is told, and what waits');
SELECT media.delete_media(pg_temp.alpha(), pg_temp.media_of('m3'), 'ann', NULL) AS deleted \gset
SELECT matches(pg_temp.stats(pg_temp.alpha()), 'images: 2 files 6 bytes, 2 blobs 8 bytes, 3 saved',
    'deleted bytes are there until they are removed');
SET LOCAL ROLE media_indexer;
SELECT is(pg_temp.stats_as(pg_temp.beta(), pg_temp.alpha()), NULL, 'another company is told nothing');
SELECT is(pg_temp.stats_as(pg_temp.beta(), pg_temp.beta()), 'images: 0 files 0 bytes, 0 blobs 0 bytes, 0 saved, 0/1/0/0',
    'but of its own');
SELECT is((SELECT string_agg(name, ', ') FROM media.list_companies()), 'alpha, beta', 'all companies can be listed');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
