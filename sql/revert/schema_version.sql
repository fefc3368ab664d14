-- Revert ngx_media:schema_version from pg

BEGIN;

DROP FUNCTION media.schema_version();

COMMIT;
