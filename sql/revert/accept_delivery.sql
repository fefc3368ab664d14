-- Revert ngx_media:accept_delivery from pg

BEGIN;

DROP FUNCTION media.accept_delivery(uuid, text, jsonb, bytea, jsonb);
DROP FUNCTION media.add_messages(uuid, uuid, jsonb);
DROP FUNCTION media.add_media(uuid, uuid, uuid, uuid, text, boolean, jsonb);
DROP FUNCTION media.ensure_message(uuid, uuid, uuid, jsonb);
DROP FUNCTION media.ensure_conversation(uuid, uuid, text);

COMMIT;
