-- Deploy ngx_media:schema_version to pg
-- requires: tenant_functions
-- requires: account_functions
-- requires: accept_delivery
-- requires: leases
-- requires: downloads
-- requires: quarantine
-- requires: lookup_media
-- requires: lookup_rendition
-- requires: lookup_media_by_key
-- requires: lookup_session
-- requires: session_functions
-- requires: revocations
-- requires: media_items
-- requires: observability
-- requires: explain_media
-- requires: replay_delivery
-- requires: diagnose
-- requires: media_stats
-- requires: fsck
-- requires: retention
-- requires: multipart_uploads
-- requires: file_moves
-- requires: adoption

BEGIN;

SET LOCAL ROLE media_owner;

CREATE FUNCTION media.schema_version() RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 5;

COMMENT ON FUNCTION media.schema_version() IS
'The version of what the daemon and nginx call; every change to it replaces this function.';
GRANT EXECUTE ON FUNCTION media.schema_version() TO media_indexer, media_nginx;

COMMIT;
