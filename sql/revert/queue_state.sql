-- Revert ngx_media:queue_state from pg

BEGIN;

DROP FUNCTION media.queue_state(int);
DROP FUNCTION media.queue_deadlines(int);
DROP FUNCTION media.queue_suspensions();
DROP FUNCTION media.queue_companies(int);
DROP FUNCTION media.queue_totals();

COMMIT;
