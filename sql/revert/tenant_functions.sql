-- Revert ngx_media:tenant_functions from pg

BEGIN;

DROP FUNCTION media.find_users(text);
DROP FUNCTION media.find_user(uuid, text);
DROP FUNCTION media.find_company(text);
DROP FUNCTION media.add_user(uuid, text, text);
DROP FUNCTION media.add_company(text);

COMMIT;
