-- Revert ngx_media:messages from pg

BEGIN;

DROP TABLE media.messages;
DROP TABLE media.conversations;

COMMIT;
