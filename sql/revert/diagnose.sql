-- Revert ngx_media:diagnose from pg

BEGIN;

DROP FUNCTION media.check_event_partitions();
DROP FUNCTION media.count_failures(timestamptz);
DROP FUNCTION media.count_expiring(interval);

COMMIT;
