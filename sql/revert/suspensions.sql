-- Revert ngx_media:suspensions from pg

BEGIN;

DROP FUNCTION media.list_suspensions();
DROP FUNCTION media.end_suspension(uuid, text);
DROP FUNCTION media.note_outage(uuid, uuid, text, bigint, uuid, text, interval);
DROP FUNCTION media.suspend(uuid, uuid, text, bigint, text, text, interval);
DROP FUNCTION media.is_suspended(uuid, text);
DROP FUNCTION media.suspension_pause(text, int);
DROP TABLE media.account_suspensions;

COMMIT;
