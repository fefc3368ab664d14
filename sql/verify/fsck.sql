-- Verify ngx_media:fsck on pg

BEGIN;

SELECT id, store, cutoff, is_listed, started_at FROM media.fsck_runs WHERE FALSE;
SELECT run, storage_key, size, modified_at FROM media.fsck_listing WHERE FALSE;
SELECT store, storage_key, checked_at FROM media.fsck_positions WHERE FALSE;
SELECT 1 / (count(*) = 14)::int
FROM pg_catalog.pg_proc
WHERE pronamespace = 'media'::regnamespace
  AND (proname ~ '^fsck_(start|note|listed|end|faulty|untracked|doom|files|position)$'
       OR proname IN ('list_stores', 'lose_blob', 'lose_rendition', 'set_fsck_position', 'is_known_file'))
  AND has_function_privilege('media_indexer', oid, 'EXECUTE');

ROLLBACK;
