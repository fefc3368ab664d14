-- Deploy ngx_media:row_security to pg
-- requires: deliveries
-- requires: media_events
-- requires: jobs
-- requires: suspensions
-- requires: dead_letters
-- requires: renditions
-- requires: media_analytics

BEGIN;

SET LOCAL ROLE media_owner;

-- The daemon reads one tenant at a time (media.company_id); every write and
-- everything across tenants goes through functions of media_owner.
ALTER TABLE media.companies ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.company_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.account_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.conversations ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.media_files ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.size_limits ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.buckets ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.blobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.renditions ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.account_suspensions ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.dead_letters ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.media_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.media_analytics ENABLE ROW LEVEL SECURITY;
ALTER TABLE media.media_failures ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_company ON media.companies FOR SELECT TO media_indexer
USING (id = media.current_company());
CREATE POLICY own_company ON media.users FOR SELECT TO media_indexer
USING (
    EXISTS (
        SELECT FROM media.company_members AS m
        WHERE m.user_id = users.id AND m.company_id = media.current_company()
    )
);
CREATE POLICY own_company ON media.company_members FOR SELECT TO media_indexer
USING (company_id = media.current_company());
CREATE POLICY own_company ON media.sessions FOR SELECT TO media_indexer
USING (company_id = media.current_company());
CREATE POLICY own_company ON media.accounts FOR SELECT TO media_indexer
USING (company_id = media.current_company());
CREATE POLICY own_company ON media.account_secrets FOR SELECT TO media_indexer
USING (company_id = media.current_company());
CREATE POLICY own_company ON media.conversations FOR SELECT TO media_indexer
USING (company_id = media.current_company());
CREATE POLICY own_company ON media.messages FOR SELECT TO media_indexer
USING (company_id = media.current_company());
CREATE POLICY own_company ON media.deliveries FOR SELECT TO media_indexer
USING (company_id = media.current_company());
CREATE POLICY own_company ON media.media_files FOR SELECT TO media_indexer
USING (company_id = media.current_company());
CREATE POLICY own_company ON media.blobs FOR SELECT TO media_indexer
USING (company_id = media.current_company());
CREATE POLICY own_company ON media.renditions FOR SELECT TO media_indexer
USING (company_id = media.current_company());
CREATE POLICY own_company ON media.jobs FOR SELECT TO media_indexer
USING (company_id = media.current_company());
CREATE POLICY own_company ON media.account_suspensions FOR SELECT TO media_indexer
USING (company_id = media.current_company());
CREATE POLICY own_company ON media.dead_letters FOR SELECT TO media_indexer
USING (company_id = media.current_company());
CREATE POLICY own_company ON media.media_events FOR SELECT TO media_indexer
USING (company_id = media.current_company());
CREATE POLICY own_company ON media.media_analytics FOR SELECT TO media_indexer
USING (company_id = media.current_company());
CREATE POLICY own_company ON media.media_failures FOR SELECT TO media_indexer
USING (company_id = media.current_company());
-- Buckets are the same for all tenants.
CREATE POLICY everybody ON media.buckets FOR SELECT TO media_indexer
USING (TRUE);

GRANT SELECT ON
    media.companies,
    media.users,
    media.company_members,
    media.sessions,
    media.accounts,
    media.account_secrets,
    media.conversations,
    media.messages,
    media.deliveries,
    media.media_files,
    media.buckets,
    media.blobs,
    media.renditions,
    media.jobs,
    media.account_suspensions,
    media.dead_letters,
    media.media_events,
    media.media_analytics,
    media.media_failures
TO media_indexer;

COMMIT;
