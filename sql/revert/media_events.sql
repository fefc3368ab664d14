-- Revert ngx_media:media_events from pg

BEGIN;

DROP FUNCTION media.drop_event_partitions(int);
DROP FUNCTION media.ensure_event_partitions(int);
DROP TRIGGER delete_events ON media.companies;
DROP FUNCTION media.delete_company_events();
DROP TRIGGER log_changed ON media.media_files;
DROP TRIGGER log_created ON media.media_files;
DROP FUNCTION media.log_media_event();
DROP FUNCTION media.current_reason();
DROP FUNCTION media.current_actor();
DROP TABLE media.media_events;
DROP FUNCTION media.refuse_event_update();

COMMIT;
