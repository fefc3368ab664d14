-- Revert ngx_media:deletions from pg

BEGIN;

DROP FUNCTION media.delete_company(uuid);
DROP FUNCTION media.delete_conversation(uuid, uuid, text, text);
DROP FUNCTION media.delete_message(uuid, uuid, text, text);
DROP FUNCTION media.withdraw_message(uuid, text, text);
DROP FUNCTION media.delete_message_media(uuid, text, text, text);
DROP FUNCTION media.restore_media(uuid, uuid, text, text);
DROP FUNCTION media.delete_media(uuid, uuid, text, text);
DROP FUNCTION media.lock_media(uuid[]);
DROP FUNCTION media.lock_messages(uuid, uuid[]);
DROP FUNCTION media.set_actor(text, text);
DROP TRIGGER log_deleted ON media.media_files;
DROP FUNCTION media.log_deleted_media();
DROP TRIGGER resume_download ON media.media_files;
DROP FUNCTION media.resume_download();
DROP TRIGGER interrupt_download ON media.media_files;
DROP FUNCTION media.interrupt_download();

COMMIT;
