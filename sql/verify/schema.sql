-- Verify ngx_media:schema on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_catalog.pg_namespace
WHERE nspname = 'media'
  AND nspowner = 'media_owner'::regrole;
SELECT 1 / has_schema_privilege('media_indexer', 'media', 'USAGE')::int;
SELECT 1 / has_schema_privilege('media_nginx', 'media', 'USAGE')::int;
SELECT 1 / (NOT has_schema_privilege('media_indexer', 'media', 'CREATE'))::int;
SELECT 1 / (NOT has_schema_privilege('media_nginx', 'media', 'CREATE'))::int;
SELECT 1 / has_function_privilege('media_indexer', 'media.current_company'::regproc, 'EXECUTE')::int;
SELECT 1 / (NOT has_function_privilege('media_nginx', 'media.current_company'::regproc, 'EXECUTE'))::int;
SELECT 1 / (media.current_company() IS NULL)::int
FROM (SELECT set_config('media.company_id', '', TRUE)) AS unset;
SELECT 1 / (NOT media.notifies_later())::int;
SELECT 1 / (char_length(media.fit_key(repeat('x', 1000), 512)) = 512)::int;
SELECT 1 / (media.to_unix(media.from_unix(1700000000)) = 1700000000)::int;

ROLLBACK;
