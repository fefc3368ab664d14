-- Revert ngx_media:media_analytics from pg

BEGIN;

DROP FUNCTION media.recompute_analytics(date, date);
DROP FUNCTION media.fold_analytics(int);
DROP FUNCTION media.lock_counted_companies();
DROP FUNCTION media.fold_deltas(uuid[], int);
DROP FUNCTION media.count_views(uuid[], int[]);
DROP TRIGGER delete_deltas ON media.companies;
DROP FUNCTION media.delete_deltas();
DROP TRIGGER count_event ON media.media_events;
DROP FUNCTION media.count_event();
DROP TABLE media.analytics_deltas;
DROP TABLE media.media_failures;
DROP TABLE media.media_analytics;

COMMIT;
