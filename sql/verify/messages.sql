-- Verify ngx_media:messages on pg

BEGIN;

SELECT id, company_id, account_id, external_id, created_at, updated_at
FROM media.conversations
WHERE FALSE;
SELECT id, company_id, account_id, conversation_id, external_id, sender, body, sent_at, withdrawn_at, created_at,
       updated_at
FROM media.messages
WHERE FALSE;

ROLLBACK;
