-- Revert ngx_media:replay_delivery from pg

BEGIN;

DROP FUNCTION media.replay_delivery(uuid, jsonb, boolean);
DROP FUNCTION media.count_messages(uuid, jsonb);
DROP FUNCTION media.find_deliveries(text);
DROP FUNCTION media.list_deliveries(timestamptz, timestamptz, text, text, uuid, int);
DROP FUNCTION media.count_deliveries(timestamptz, timestamptz, text, text);

COMMIT;
