-- Revert ngx_media:adoption from pg

BEGIN;

DROP FUNCTION media.adopt_file(uuid, text, text, text, text, text, text, timestamptz, bytea, bigint, text, text);
DROP FUNCTION media.find_adopted(uuid, text, text);
DROP FUNCTION media.adopted_message(uuid, uuid, text, text, timestamptz);
DROP FUNCTION media.adopted_account(uuid, text);

COMMIT;
