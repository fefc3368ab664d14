-- Revert ngx_media:queue_upkeep from pg

BEGIN;

DROP FUNCTION media.delete_idle_suspensions(int);
DROP FUNCTION media.expire_downloads(int);

COMMIT;
