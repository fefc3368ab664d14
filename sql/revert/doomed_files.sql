-- Revert ngx_media:doomed_files from pg

BEGIN;

DROP FUNCTION media.give_up_blobs(int, int);
DROP FUNCTION media.give_up_blob(uuid);
DROP FUNCTION media.files_removed(text, text[]);
DROP FUNCTION media.claim_doomed_files(text, int, int);
DROP FUNCTION media.keep_file(text, text);
DROP FUNCTION media.file_lock(text, text);
DROP TRIGGER note_loose_blobs ON media.media_files;
DROP FUNCTION media.note_loose_blobs();
DROP TRIGGER note_loose_blob ON media.media_files;
DROP FUNCTION media.note_loose_blob();
DROP TRIGGER doom_files ON media.renditions;
DROP TRIGGER doom_files ON media.blobs;
DROP FUNCTION media.doom_deleted_files();
DROP FUNCTION media.doom_file(text, text, boolean);
DROP TABLE media.doomed_files;
DROP TABLE media.loose_blobs;

COMMIT;
