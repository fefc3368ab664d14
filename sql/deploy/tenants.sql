-- Deploy ngx_media:tenants to pg
-- requires: schema

BEGIN;

SET LOCAL ROLE media_owner;

CREATE TABLE media.companies (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE media.companies IS 'Tenants. Deleting one deletes everything of it.';

CREATE TABLE media.users (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE media.users IS 'People; company_members says where they belong.';

CREATE TABLE media.company_members (
    company_id uuid NOT NULL REFERENCES media.companies ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES media.users ON DELETE CASCADE,
    role       text NOT NULL CHECK (role IN ('viewer', 'agent', 'manager', 'admin')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, user_id)
);
CREATE INDEX company_members_user_id_idx ON media.company_members (user_id);
COMMENT ON TABLE media.company_members IS 'Which user works for which company, in which role.';

CREATE TABLE media.sessions (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    company_id   uuid NOT NULL,
    user_id      uuid NOT NULL,
    token_sha256 media.sha256 NOT NULL UNIQUE,
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (company_id, user_id) REFERENCES media.company_members ON DELETE CASCADE
);
CREATE INDEX sessions_member_idx ON media.sessions (user_id, company_id);
CREATE INDEX sessions_expires_at_idx ON media.sessions (expires_at);
COMMENT ON TABLE media.sessions IS 'Opaque session tokens, only as SHA-256. A session acts for one company.';

CREATE TRIGGER touch_updated_at BEFORE UPDATE ON media.companies
FOR EACH ROW EXECUTE FUNCTION media.touch_updated_at();
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON media.users
FOR EACH ROW EXECUTE FUNCTION media.touch_updated_at();
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON media.company_members
FOR EACH ROW EXECUTE FUNCTION media.touch_updated_at();

COMMIT;
