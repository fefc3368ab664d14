-- Revert ngx_media:row_security from pg

BEGIN;

REVOKE SELECT ON
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
    media.blobs,
    media.renditions,
    media.jobs,
    media.account_suspensions,
    media.dead_letters,
    media.media_events,
    media.media_analytics,
    media.media_failures,
    media.buckets
FROM media_indexer;

DROP POLICY everybody ON media.buckets;
DROP POLICY own_company ON media.companies;
DROP POLICY own_company ON media.users;
DROP POLICY own_company ON media.company_members;
DROP POLICY own_company ON media.sessions;
DROP POLICY own_company ON media.accounts;
DROP POLICY own_company ON media.account_secrets;
DROP POLICY own_company ON media.conversations;
DROP POLICY own_company ON media.messages;
DROP POLICY own_company ON media.deliveries;
DROP POLICY own_company ON media.media_files;
DROP POLICY own_company ON media.blobs;
DROP POLICY own_company ON media.renditions;
DROP POLICY own_company ON media.jobs;
DROP POLICY own_company ON media.account_suspensions;
DROP POLICY own_company ON media.dead_letters;
DROP POLICY own_company ON media.media_events;
DROP POLICY own_company ON media.media_analytics;
DROP POLICY own_company ON media.media_failures;

ALTER TABLE media.companies DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.users DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.company_members DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.sessions DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.accounts DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.account_secrets DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.conversations DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.messages DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.deliveries DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.media_files DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.blobs DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.renditions DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.jobs DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.account_suspensions DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.dead_letters DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.media_events DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.media_analytics DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.media_failures DISABLE ROW LEVEL SECURITY;
ALTER TABLE media.buckets DISABLE ROW LEVEL SECURITY;

COMMIT;
