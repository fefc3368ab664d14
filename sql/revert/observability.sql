-- Revert ngx_media:observability from pg

BEGIN;

DROP FUNCTION media.sample_queue();

COMMIT;
