-- Revert ngx_media:account_functions from pg

BEGIN;

DROP TRIGGER notify_changed ON media.accounts;
DROP FUNCTION media.notify_account_changed();
DROP FUNCTION media.list_accounts(uuid, int);
DROP FUNCTION media.find_account(text, text);
DROP FUNCTION media.account_secrets(uuid);
DROP FUNCTION media.change_account(uuid, jsonb, jsonb);
DROP FUNCTION media.add_account(uuid, uuid, text, text, jsonb, jsonb);
DROP FUNCTION media.add_secrets(uuid, uuid, jsonb);

COMMIT;
