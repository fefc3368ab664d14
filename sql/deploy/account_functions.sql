-- Deploy ngx_media:account_functions to pg
-- requires: accounts
-- requires: suspensions

BEGIN;

SET LOCAL ROLE media_owner;

CREATE FUNCTION media.add_secrets(p_company uuid, p_account uuid, p_secrets jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO media.account_secrets (company_id, account_id, name, position, sealed)
    SELECT p_company,
           p_account,
           s.item ->> 'name',
           row_number() OVER (PARTITION BY s.item ->> 'name' ORDER BY s.ordinality) - 1,
           decode(s.item ->> 'sealed', 'base64')
    FROM jsonb_array_elements(coalesce(p_secrets, '[]')) WITH ORDINALITY AS s (item, ordinality);
END
$$;

COMMENT ON FUNCTION media.add_secrets(uuid, uuid, jsonb) IS
'Adds sealed secrets to an account that has none of their names. Internal to the account functions.';

CREATE FUNCTION media.add_account(
    p_account     uuid,
    p_company     uuid,
    p_provider    text,
    p_external_id text,
    p_secrets     jsonb,
    p_settings    jsonb DEFAULT '{}'
) RETURNS uuid
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    INSERT INTO media.accounts (id, company_id, provider, external_id, settings)
    VALUES (p_account, p_company, p_provider, p_external_id, coalesce(p_settings, '{}'));

    PERFORM media.add_secrets(p_company, p_account, p_secrets);
    RETURN p_account;
END
$$;

COMMENT ON FUNCTION media.add_account(uuid, uuid, text, text, jsonb, jsonb) IS
'Makes a provider account under an id of the caller''s choice, with its sealed secrets [{"name", '
'"sealed": base64}], and returns the id. Several secrets of one name keep their order. Errors: 23505 '
'(provider, external id) or the id is taken; 23503 no such company; 23514 bad provider, external id or '
'settings; 22023 bad base64.';
GRANT EXECUTE ON FUNCTION media.add_account(uuid, uuid, text, text, jsonb, jsonb) TO media_indexer;

CREATE FUNCTION media.change_account(p_account uuid, p_secrets jsonb, p_settings jsonb) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    v_company uuid;
BEGIN
    UPDATE media.accounts AS a
    SET settings = a.settings || coalesce(p_settings, '{}')
    WHERE a.id = p_account
    RETURNING a.company_id INTO v_company;
    IF NOT FOUND THEN
        RETURN FALSE;
    END IF;

    DELETE FROM media.account_secrets AS s
    WHERE s.account_id = p_account
      AND s.name IN (SELECT i.item ->> 'name' FROM jsonb_array_elements(p_secrets) AS i (item));
    PERFORM media.add_secrets(v_company, p_account, p_secrets);

    PERFORM media.end_suspension(p_account, NULL);
    -- One item can be refused without a suspension.
    UPDATE media.jobs AS j
    SET run_at = now()
    WHERE j.id IN (
        SELECT w.id
        FROM media.jobs AS w
        WHERE w.account_id = p_account
          AND NOT w.is_ready
          AND w.lease_owner IS NULL
          AND w.last_error LIKE 'unauthorized:%'
        FOR UPDATE SKIP LOCKED
    );
    IF FOUND THEN
        PERFORM pg_notify('media_jobs', 'download');
    END IF;
    RETURN TRUE;
END
$$;

COMMENT ON FUNCTION media.change_account(uuid, jsonb, jsonb) IS
'Gives an account new secrets, as of add_account(): all that it has of the same names go. Settings are '
'merged into what is there. The account''s suspensions end, and downloads that wait for a better credential are '
'due. False: no such account. Errors as of add_account().';
GRANT EXECUTE ON FUNCTION media.change_account(uuid, jsonb, jsonb) TO media_indexer;

CREATE FUNCTION media.account_secrets(p_account uuid) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT coalesce(
            jsonb_agg(
                jsonb_build_object('name', s.name, 'sealed', translate(encode(s.sealed, 'base64'), E'\n', ''))
                ORDER BY s.name, s.position
            ),
            '[]'
        )
        FROM media.account_secrets AS s
        WHERE s.account_id = p_account
    );
END
$$;

COMMENT ON FUNCTION media.account_secrets(uuid) IS
'The sealed secrets of an account, [{"name", "sealed": base64}] by name and position; [] when there are '
'none.';
GRANT EXECUTE ON FUNCTION media.account_secrets(uuid) TO media_indexer;

CREATE FUNCTION media.find_account(p_provider text, p_external_id text)
RETURNS TABLE (
    account_id uuid,
    company_id uuid,
    settings   jsonb,
    secrets    jsonb
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT a.id, a.company_id, a.settings, media.account_secrets(a.id)
    FROM media.accounts AS a
    WHERE a.provider = p_provider
      AND a.external_id = p_external_id
      AND a.is_active;
END
$$;

COMMENT ON FUNCTION media.find_account(text, text) IS
'The active account that a provider knows by this id, with its sealed secrets as of account_secrets(); '
'no row when there is none.';
GRANT EXECUTE ON FUNCTION media.find_account(text, text) TO media_indexer;

CREATE FUNCTION media.list_accounts(p_after uuid, p_limit int)
RETURNS TABLE (
    provider    text,
    external_id text,
    account_id  uuid,
    company_id  uuid,
    settings    jsonb,
    secrets     jsonb
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT a.provider, a.external_id, a.id, a.company_id, a.settings, media.account_secrets(a.id)
    FROM media.accounts AS a
    WHERE a.is_active AND a.id > p_after
    ORDER BY a.id
    LIMIT p_limit;
END
$$;

COMMENT ON FUNCTION media.list_accounts(uuid, int) IS
'Active accounts in the order of their ids, from behind the given one, each as of find_account().';
GRANT EXECUTE ON FUNCTION media.list_accounts(uuid, int) TO media_indexer;

CREATE FUNCTION media.notify_account_changed() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM pg_notify('media_accounts', OLD.provider || '/' || OLD.external_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM pg_notify('media_accounts', NEW.provider || '/' || NEW.external_id);
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION media.notify_account_changed() IS
'Tells daemons, which know all accounts by heart, of one to be read again. change_account() updates the '
'account also when only its secrets change.';

CREATE TRIGGER notify_changed AFTER INSERT OR UPDATE OR DELETE ON media.accounts
FOR EACH ROW EXECUTE FUNCTION media.notify_account_changed();

COMMIT;
