-- Verify ngx_media:roles on pg

BEGIN;

SELECT 1 / count(*) FROM pg_catalog.pg_roles WHERE rolname = 'media_owner' AND NOT rolcanlogin;
SELECT 1 / count(*) FROM pg_catalog.pg_roles WHERE rolname = 'media_indexer' AND rolcanlogin;
SELECT 1 / count(*) FROM pg_catalog.pg_roles WHERE rolname = 'media_nginx' AND rolcanlogin;
SELECT 1 / count(*)
FROM pg_catalog.pg_roles
WHERE rolname = current_user
  AND pg_has_role(rolname, 'media_owner', 'MEMBER');
SELECT 1 / (CASE WHEN count(*) = 0 THEN 1 ELSE 0 END)
FROM pg_catalog.pg_roles
WHERE rolname IN ('media_indexer', 'media_nginx')
  AND (rolsuper OR rolbypassrls);

ROLLBACK;
