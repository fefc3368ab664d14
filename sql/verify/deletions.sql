-- Verify ngx_media:deletions on pg

BEGIN;

SELECT 1 / (count(*) = 3)::int FROM pg_catalog.pg_trigger
WHERE tgrelid = 'media.media_files'::regclass AND tgname IN ('interrupt_download', 'resume_download', 'log_deleted');
SELECT 1 / (count(*) = 6)::int FROM pg_catalog.pg_proc
WHERE pronamespace = 'media'::regnamespace
  AND proname IN ('delete_media', 'restore_media', 'delete_message_media', 'delete_message', 'delete_conversation',
                  'delete_company')
  AND has_function_privilege('media_indexer', oid, 'EXECUTE');

ROLLBACK;
