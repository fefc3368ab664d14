-- Revert ngx_media:fsck from pg

BEGIN;

DROP FUNCTION media.set_fsck_position(text, text);
DROP FUNCTION media.fsck_position(text);
DROP FUNCTION media.is_known_file(text, text, text);
DROP FUNCTION media.fsck_files(text, text, text, int);
DROP FUNCTION media.lose_rendition(uuid, text, text, text);
DROP FUNCTION media.lose_blob(uuid, text, text, text, text);
DROP FUNCTION media.fsck_doom(bigint, text[]);
DROP FUNCTION media.fsck_untracked(bigint, text, int);
DROP FUNCTION media.unknown_files(media.fsck_runs);
DROP FUNCTION media.fsck_faulty(bigint, text, int);
DROP FUNCTION media.fsck_listed(bigint);
DROP FUNCTION media.fsck_note(bigint, text[], bigint[], bigint[]);
DROP FUNCTION media.fsck_run(bigint, boolean);
DROP FUNCTION media.fsck_start(text, bigint);
DROP FUNCTION media.fsck_end(bigint);
DROP FUNCTION media.list_stores();
DROP TABLE media.fsck_positions;
DROP TABLE media.fsck_listing;
DROP TABLE media.fsck_runs;

COMMIT;
