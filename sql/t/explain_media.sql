BEGIN;
\ir include/fixture.sql
SELECT plan(15);

CREATE FUNCTION pg_temp.found(p_name text) RETURNS uuid[] LANGUAGE sql AS $$
    SELECT array_agg(id ORDER BY ordinality) FROM media.find_media(p_name, 10) WITH ORDINALITY AS f (id, ordinality)
$$;

SELECT pg_temp.deliver(pg_temp.shop_a(), 'm1', 2, '{"url": "https://media.example/?secret"}') AS m1 \gset
SELECT pg_temp.media_of('m1') AS first, pg_temp.media_of('m1', 1) AS second \gset
SELECT is(pg_temp.found(upper(:'first')), ARRAY[:'first'::uuid], 'media is found by its id');
SELECT is(pg_temp.found('m1'), ARRAY[:'first'::uuid, :'second'::uuid], 'by the id of its message');
SELECT is(pg_temp.found('m9'), NULL, 'and not by anything else');
SELECT is((SELECT count(*)::int FROM media.find_media('m1', 1)), 1, 'the limit holds');

SELECT media.explain_media(:'first') AS story \gset
SELECT is(:'story'::jsonb #>> '{delivery,key}', 'delivery of m1', 'its delivery is known');
SELECT is(:'story'::jsonb #>> '{account,external_id}', 'shop-a', 'its account');
SELECT is((:'story'::jsonb #>> '{job,attempts}')::int, 0, 'its job');
SELECT is(:'story'::jsonb -> 'blob', 'null'::jsonb, 'that it has no bytes yet');
SELECT unalike(:'story'::text, '%secret"%', 'but not the URL');

SELECT count(*) FROM media.claim_jobs('w1', 9, 60) \g /dev/null
SELECT pg_temp.complete('m1', 'w1', 'bytes', 'alpha/m1.png') AS outcome \gset
INSERT INTO media.renditions (company_id, blob_id, kind, storage_key, size, mime_type, sha256)
SELECT company_id, id, 'thumb', 'alpha/m1-thumb.png', 3, 'image/png', sha256('abc') FROM media.blobs;
SELECT is(pg_temp.found('alpha/m1.png'), ARRAY[:'first'::uuid], 'media is found by its storage key');
SELECT is(pg_temp.found('alpha/m1-thumb.png'), ARRAY[:'first'::uuid], 'and by that of a rendition');
SELECT is(media.explain_media(:'first') #>> '{renditions,0,key}', 'alpha/m1-thumb.png', 'which it has');
SELECT is(jsonb_path_query_array(media.explain_media(:'first'), '$.events[*].new_status'),
    '["pending", "downloading", "completed"]', 'events are in their order');

DELETE FROM media.messages;
SELECT is(pg_temp.found(:'first'), ARRAY[:'first'::uuid], 'deleted media is still known');
SELECT is((media.explain_media(:'first') ->> 'exists')::boolean, FALSE, 'as deleted');

SELECT * FROM finish();
ROLLBACK;
