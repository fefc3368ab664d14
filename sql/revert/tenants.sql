-- Revert ngx_media:tenants from pg

BEGIN;

DROP TABLE media.sessions;
DROP TABLE media.company_members;
DROP TABLE media.users;
DROP TABLE media.companies;

COMMIT;
