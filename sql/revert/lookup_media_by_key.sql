-- Revert ngx_media:lookup_media_by_key from pg

BEGIN;

DROP FUNCTION media.lookup_media_by_key(text);

COMMIT;
