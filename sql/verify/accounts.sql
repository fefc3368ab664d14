-- Verify ngx_media:accounts on pg

BEGIN;

SELECT id, company_id, provider, external_id, settings, is_active, created_at, updated_at
FROM media.accounts
WHERE FALSE;
SELECT company_id, account_id, name, position, sealed, created_at
FROM media.account_secrets
WHERE FALSE;

ROLLBACK;
