-- Revert ngx_media:multipart_uploads from pg

BEGIN;

DROP FUNCTION media.stale_multipart_uploads(int, int);
DROP FUNCTION media.end_multipart_upload(text, text);
DROP FUNCTION media.resume_multipart_upload(text, text, bytea, bigint);
DROP FUNCTION media.begin_multipart_upload(text, text, text, bytea, bigint, bigint);
DROP TABLE media.multipart_uploads;

COMMIT;
