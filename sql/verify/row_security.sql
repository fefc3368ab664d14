-- Verify ngx_media:row_security on pg

BEGIN;

-- Every table but the partitions (reached through their parent only) is guarded,
-- and nobody but the owner may write.
SELECT 1 / (count(*) = 0)::int
FROM pg_catalog.pg_class
WHERE relnamespace = 'media'::regnamespace
  AND relkind IN ('r', 'p')
  AND NOT relispartition
  AND NOT relrowsecurity;
SELECT 1 / (count(*) = 17)::int
FROM pg_catalog.pg_policy AS p
JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid
WHERE c.relnamespace = 'media'::regnamespace;
SELECT 1 / (count(*) = 0)::int
FROM pg_catalog.pg_class AS c
CROSS JOIN (VALUES ('media_indexer'), ('media_nginx')) AS r (role_name)
WHERE c.relnamespace = 'media'::regnamespace
  AND c.relkind IN ('r', 'p')
  AND has_table_privilege(r.role_name, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE');
SELECT 1 / (count(*) = 0)::int
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'media'::regnamespace
  AND c.relkind IN ('r', 'p')
  AND has_any_column_privilege('media_nginx', c.oid, 'SELECT');
SELECT 1 / has_table_privilege('media_indexer', 'media.media_files', 'SELECT')::int;

ROLLBACK;
