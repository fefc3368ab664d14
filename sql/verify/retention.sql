-- Verify ngx_media:retention on pg

BEGIN;

SELECT company_id, bucket, keep_days, created_at, updated_at FROM media.retention_rules WHERE FALSE;
SELECT 1 / (count(*) = 6)::int
FROM pg_catalog.pg_proc
WHERE pronamespace = 'media'::regnamespace
  AND proname IN ('set_retention_rule', 'remove_retention_rule', 'list_retention_rules', 'count_old_media',
                  'delete_old_media', 'cleanup_old_media')
  AND has_function_privilege('media_indexer', oid, 'EXECUTE');

ROLLBACK;
