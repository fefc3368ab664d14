-- Verify ngx_media:tenants on pg

BEGIN;

SELECT id, name, created_at, updated_at FROM media.companies WHERE FALSE;
SELECT id, name, created_at, updated_at FROM media.users WHERE FALSE;
SELECT company_id, user_id, role, created_at, updated_at FROM media.company_members WHERE FALSE;
SELECT id, company_id, user_id, token_sha256, expires_at, revoked_at FROM media.sessions WHERE FALSE;

ROLLBACK;
