-- Revert ngx_media:file_moves from pg

BEGIN;

DROP FUNCTION media.try_lock_moves(text, text);
DROP FUNCTION media.undoable_moves(text, text, uuid, uuid[], bigint, int);
DROP FUNCTION media.is_stored_at(uuid, text, text, text);
DROP FUNCTION media.discard_copy(text, text);
DROP FUNCTION media.move_file(uuid, text, text, text, text, text);
DROP FUNCTION media.leave_file(uuid, uuid, text, text, text, text, text);
DROP FUNCTION media.is_key_taken(text, text);
DROP FUNCTION media.lock_stored_file(uuid, text);
DROP FUNCTION media.count_stored_files(text, uuid, uuid[]);
DROP FUNCTION media.stored_files(text, uuid, uuid[], uuid, text, int);
DROP FUNCTION media.is_of_accounts(uuid, uuid[]);
DROP FUNCTION media.find_accounts(uuid, text);
DROP TABLE media.file_moves;

COMMIT;
