-- Revert ngx_media:accounts from pg

BEGIN;

DROP TABLE media.account_secrets;
DROP TABLE media.accounts;

COMMIT;
