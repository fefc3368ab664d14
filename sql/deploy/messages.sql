-- Deploy ngx_media:messages to pg
-- requires: accounts

BEGIN;

SET LOCAL ROLE media_owner;

CREATE TABLE media.conversations (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    company_id  uuid NOT NULL,
    account_id  uuid NOT NULL,
    external_id media.external_key NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (company_id, account_id, external_id),
    UNIQUE (company_id, account_id, id),
    FOREIGN KEY (company_id, account_id) REFERENCES media.accounts (company_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE media.conversations IS 'Threads of messages, as the provider names them.';

-- The unique keys are ordered for reads: by external id without the account,
-- and by conversation (which is also what media_files refers to).
CREATE TABLE media.messages (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    company_id      uuid NOT NULL,
    account_id      uuid NOT NULL,
    conversation_id uuid NOT NULL,
    external_id     media.external_key NOT NULL,
    sender          varchar(256),
    body            varchar(65536),
    sent_at         timestamptz,
    withdrawn_at    timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (company_id, external_id, account_id),
    UNIQUE (company_id, conversation_id, account_id, id),
    FOREIGN KEY (company_id, account_id, conversation_id)
        REFERENCES media.conversations (company_id, account_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE media.messages IS 'Messages that media came in; body is their text.';
COMMENT ON COLUMN media.messages.withdrawn_at IS
'When its sender took it back: media that come later are deleted from the start.';

CREATE TRIGGER touch_updated_at BEFORE UPDATE ON media.conversations
FOR EACH ROW EXECUTE FUNCTION media.touch_updated_at();
-- A delivery that comes again changes nothing.
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON media.messages
FOR EACH ROW
WHEN (OLD.* IS DISTINCT FROM NEW.*)
EXECUTE FUNCTION media.touch_updated_at();

COMMIT;
