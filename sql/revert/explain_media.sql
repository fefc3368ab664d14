-- Revert ngx_media:explain_media from pg

BEGIN;

DROP FUNCTION media.explain_media(uuid);
DROP FUNCTION media.delivery_of(uuid);
DROP FUNCTION media.find_media(text, int);

COMMIT;
