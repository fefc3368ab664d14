-- Deploy ngx_media:accounts to pg
-- requires: tenants

BEGIN;

SET LOCAL ROLE media_owner;

CREATE TABLE media.accounts (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    company_id  uuid NOT NULL REFERENCES media.companies ON DELETE CASCADE,
    provider    text NOT NULL CHECK (provider ~ '^[a-z][a-z0-9_-]{0,31}$'),
    external_id text NOT NULL CHECK (char_length(external_id) BETWEEN 1 AND 256),
    settings    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
    is_active   boolean NOT NULL DEFAULT TRUE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (provider, external_id),
    UNIQUE (company_id, id)
);
COMMENT ON TABLE media.accounts IS
'One provider account of a company. external_id is the provider''s name for it (phone_number_id, '
'AccountSid, ...).';

CREATE TABLE media.account_secrets (
    company_id uuid NOT NULL,
    account_id uuid NOT NULL,
    name       text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    position   int NOT NULL CHECK (position >= 0),
    sealed     bytea NOT NULL CHECK (octet_length(sealed) > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, name, position),
    FOREIGN KEY (company_id, account_id) REFERENCES media.accounts (company_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE media.account_secrets IS
'Credentials of accounts, sealed by the daemon: the database never sees their text. Several of one name '
'are tried in order of position.';

CREATE TRIGGER touch_updated_at BEFORE UPDATE ON media.accounts
FOR EACH ROW EXECUTE FUNCTION media.touch_updated_at();

COMMIT;
