-- Revert ngx_media:quarantine from pg

BEGIN;

DROP FUNCTION media.unknown_to_quarantine(text[]);
DROP FUNCTION media.expire_quarantine(bigint, bigint, int);
DROP FUNCTION media.delete_quarantined(uuid);
DROP FUNCTION media.release_quarantined(uuid, text, text);
DROP FUNCTION media.quarantined_media(uuid);
DROP FUNCTION media.list_quarantine(int);
DROP FUNCTION media.quarantine_download(bigint, text, bytea, bigint, text, text, text);
DROP TABLE media.quarantine;

COMMIT;
