-- Verify ngx_media:schema_version on pg

BEGIN;

SELECT 1 / (media.schema_version() >= 5)::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.schema_version'::regproc, 'EXECUTE')::int;
SELECT 1 / has_function_privilege('media_nginx', 'media.schema_version'::regproc, 'EXECUTE')::int;
-- Nothing in the schema is open to everybody, and definer functions fix their search_path;
-- lookup_media and lookup_media_many use none, which t/privileges.sql tests.
SELECT 1 / (count(*) = 0)::int
FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace = 'media'::regnamespace
  AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) AS a WHERE a.grantee = 0));
SELECT 1 / (count(*) = 0)::int
FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace = 'media'::regnamespace
  AND p.prosecdef
  AND p.oid NOT IN ('media.lookup_media'::regproc, 'media.lookup_media_many'::regproc)
  AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS c WHERE c LIKE 'search\_path=pg\_catalog, media, pg\_temp');
SELECT 1 / (count(*) = 0)::int
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'media'::regnamespace
  AND c.relowner <> 'media_owner'::regrole;

ROLLBACK;
