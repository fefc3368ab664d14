-- Revert ngx_media:lookup_session from pg

BEGIN;

DROP TRIGGER notify_deleted ON media.users;
DROP FUNCTION media.notify_user_deleted();
DROP TRIGGER notify_role_changed ON media.company_members;
DROP TRIGGER notify_changed ON media.company_members;
DROP FUNCTION media.notify_member_changed();
DROP TRIGGER notify_deleted ON media.sessions;
DROP TRIGGER notify_changed ON media.sessions;
DROP FUNCTION media.notify_session_changed();
DROP FUNCTION media.lookup_session(bytea);

COMMIT;
