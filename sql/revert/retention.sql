-- Revert ngx_media:retention from pg

BEGIN;

DROP FUNCTION media.cleanup_old_media(int);
DROP FUNCTION media.delete_old_media(int, uuid, text, uuid, int);
DROP FUNCTION media.count_old_media(int, uuid, text);
DROP FUNCTION media.retention_periods(int, uuid, text);
DROP FUNCTION media.list_retention_rules();
DROP FUNCTION media.remove_retention_rule(uuid, text);
DROP FUNCTION media.set_retention_rule(uuid, text, int);
DROP TABLE media.retention_rules;

COMMIT;
