-- Deploy ngx_media:retention to pg
-- requires: deletions

BEGIN;

SET LOCAL ROLE media_owner;

CREATE TABLE media.retention_rules (
    company_id uuid REFERENCES media.companies ON DELETE CASCADE,
    bucket     text REFERENCES media.buckets ON DELETE CASCADE,
    keep_days  int CHECK (keep_days > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (company_id, bucket)
);
COMMENT ON TABLE media.retention_rules IS
'How long media are kept: of a company and bucket, of a company, of a bucket, of all; NULL stands for any. The '
'most special row holds. Without one, media are kept until somebody deletes them.';
COMMENT ON COLUMN media.retention_rules.keep_days IS 'NULL: for ever, whatever a more general rule says.';

ALTER TABLE media.retention_rules ENABLE ROW LEVEL SECURITY;
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON media.retention_rules
FOR EACH ROW EXECUTE FUNCTION media.touch_updated_at();

CREATE FUNCTION media.set_retention_rule(p_company uuid, p_bucket text, p_keep_days int) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    INSERT INTO media.retention_rules (company_id, bucket, keep_days)
    VALUES (p_company, p_bucket, p_keep_days)
    ON CONFLICT (company_id, bucket) DO UPDATE
    SET keep_days = EXCLUDED.keep_days;
END
$$;

COMMENT ON FUNCTION media.set_retention_rule(uuid, text, int) IS
'Makes or replaces the rule for a company and bucket (NULL: any). p_keep_days NULL: for ever. Errors: 23503 no '
'such company or bucket; 23514 no positive number of days.';
GRANT EXECUTE ON FUNCTION media.set_retention_rule(uuid, text, int) TO media_indexer;

CREATE FUNCTION media.remove_retention_rule(p_company uuid, p_bucket text) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    DELETE FROM media.retention_rules AS r
    WHERE r.company_id IS NOT DISTINCT FROM p_company AND r.bucket IS NOT DISTINCT FROM p_bucket;
    RETURN FOUND;
END
$$;

COMMENT ON FUNCTION media.remove_retention_rule(uuid, text) IS
'Removes the rule for exactly this company and bucket. False: there is none.';
GRANT EXECUTE ON FUNCTION media.remove_retention_rule(uuid, text) TO media_indexer;

CREATE FUNCTION media.list_retention_rules() RETURNS TABLE (
    company_id uuid,
    company    text,
    bucket     text,
    keep_days  int
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT r.company_id, c.name, r.bucket, r.keep_days
    FROM media.retention_rules AS r
    LEFT JOIN media.companies AS c ON c.id = r.company_id
    ORDER BY c.name NULLS FIRST, r.bucket NULLS FIRST;
END
$$;

COMMENT ON FUNCTION media.list_retention_rules() IS 'All rules, the most general ones first.';
GRANT EXECUTE ON FUNCTION media.list_retention_rules() TO media_indexer;

CREATE FUNCTION media.retention_periods(p_days int, p_company uuid, p_bucket text) RETURNS TABLE (
    company_id uuid,
    bucket     text,
    keep_days  int
)
LANGUAGE plpgsql
STABLE
AS $$
BEGIN
    RETURN QUERY
    SELECT c.id,
           b.name,
           greatest(p_days, r.keep_days)
    FROM media.companies AS c
    CROSS JOIN media.buckets AS b
    LEFT JOIN LATERAL (
        SELECT TRUE AS is_there, rule.keep_days
        FROM media.retention_rules AS rule
        WHERE coalesce(rule.company_id = c.id, TRUE) AND coalesce(rule.bucket = b.name, TRUE)
        ORDER BY rule.company_id NULLS LAST, rule.bucket NULLS LAST
        LIMIT 1
    ) AS r ON TRUE
    WHERE (p_company IS NULL OR c.id = p_company)
      AND (p_bucket IS NULL OR b.name = p_bucket)
      AND CASE WHEN r.is_there THEN r.keep_days ELSE p_days END IS NOT NULL;
END
$$;

COMMENT ON FUNCTION media.retention_periods(int, uuid, text) IS
'For each company and bucket (p_company, p_bucket: but this one) whose media are not kept for ever: how many '
'days. That is what the rules say; with p_days these, unless a rule says more. Internal to cleanup.';

CREATE FUNCTION media.count_old_media(p_days int, p_company uuid, p_bucket text) RETURNS TABLE (
    company_id uuid,
    company    text,
    bucket     text,
    keep_days  int,
    media      bigint,
    bytes      bigint,
    freed      bigint
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH old AS MATERIALIZED (
        SELECT p.company_id, p.bucket, p.keep_days, m.id, m.blob_id, m.file_size
        FROM media.retention_periods(p_days, p_company, p_bucket) AS p
        JOIN media.media_files AS m ON m.company_id = p.company_id AND media.bucket_of(m.file_type) = p.bucket
        WHERE m.is_active AND m.created_at < now() - make_interval(days => p.keep_days)
    ),
    freed AS (
        SELECT b.company_id, b.bucket, sum(b.size) AS bytes
        FROM media.blobs AS b
        JOIN (
            SELECT o.blob_id, count(*) AS count FROM old AS o WHERE o.blob_id IS NOT NULL GROUP BY o.blob_id
        ) AS losing ON losing.blob_id = b.id
        WHERE b.state = 'live'
          AND losing.count = (SELECT count(*) FROM media.media_files AS m WHERE m.blob_id = b.id AND m.is_active)
        GROUP BY b.company_id, b.bucket
    ),
    totals AS (
        SELECT o.company_id, o.bucket, o.keep_days, count(*) AS media, coalesce(sum(o.file_size), 0) AS bytes
        FROM old AS o
        GROUP BY o.company_id, o.bucket, o.keep_days
    )
    SELECT t.company_id, c.name, t.bucket, t.keep_days, t.media, t.bytes::bigint, coalesce(f.bytes, 0)::bigint
    FROM totals AS t
    JOIN media.companies AS c ON c.id = t.company_id
    LEFT JOIN freed AS f ON f.company_id = t.company_id AND f.bucket = t.bucket
    ORDER BY c.name, t.bucket;
END
$$;

COMMENT ON FUNCTION media.count_old_media(int, uuid, text) IS
'What delete_old_media() would delete: media, their bytes, and the bytes that no other media has.';
GRANT EXECUTE ON FUNCTION media.count_old_media(int, uuid, text) TO media_indexer;

CREATE FUNCTION media.delete_old_media(p_days int, p_company uuid, p_bucket text, p_after uuid, p_limit int)
RETURNS TABLE (
    deleted int,
    last_id uuid
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_media uuid[];
    v_deleted int;
BEGIN
    PERFORM media.set_actor('cleanup', coalesce('older than ' || p_days || ' days', 'retention rule'));
    SELECT array_agg(o.id ORDER BY o.id) INTO v_media
    FROM (
        SELECT m.id
        FROM media.media_files AS m
        JOIN media.retention_periods(p_days, p_company, p_bucket) AS p
            ON p.company_id = m.company_id AND p.bucket = media.bucket_of(m.file_type)
        WHERE m.id > p_after AND m.is_active AND m.created_at < now() - make_interval(days => p.keep_days)
        ORDER BY m.id
        LIMIT p_limit
    ) AS o;
    PERFORM media.lock_media(coalesce(v_media, '{}'));
    UPDATE media.media_files AS m SET is_active = FALSE WHERE m.id = ANY (v_media) AND m.is_active;
    GET DIAGNOSTICS v_deleted = ROW_COUNT;
    RETURN QUERY SELECT v_deleted, v_media[cardinality(v_media)];
END
$$;

COMMENT ON FUNCTION media.delete_old_media(int, uuid, text, uuid, int) IS
'delete_media() of up to p_limit media that were received longer ago than the retention rules say, or than p_days '
'(of a company, of a bucket; NULL: any); what a rule keeps longer than p_days stays. In the order of their ids, after '
'p_after. Returns how many, and the last id; NULL: there are no more. Bytes that lose their last reference go '
'after the grace period.';
GRANT EXECUTE ON FUNCTION media.delete_old_media(int, uuid, text, uuid, int) TO media_indexer;

CREATE FUNCTION media.cleanup_old_media(days_old int) RETURNS int
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, media, pg_temp
AS $$
DECLARE
    c_portion CONSTANT int := 1000;
    v_portion record;
    v_after uuid := '00000000-0000-0000-0000-000000000000';
    v_deleted int := 0;
BEGIN
    IF days_old IS NULL OR days_old < 1 THEN
        RAISE EXCEPTION 'days_old must be a number of days from 1'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    WHILE v_after IS NOT NULL LOOP
        SELECT d.deleted, d.last_id INTO v_portion
        FROM media.delete_old_media(days_old, NULL, NULL, v_after, c_portion) AS d;
        v_deleted := v_deleted + v_portion.deleted;
        v_after := v_portion.last_id;
    END LOOP;
    RETURN v_deleted;
END
$$;

COMMENT ON FUNCTION media.cleanup_old_media(int) IS
'delete_media() of all media that were received more than days_old days ago, but for those that a retention rule '
'keeps longer; returns how many. In one transaction: the command `media-indexer cleanup` does it in portions. '
'Error 22023: less than a day.';
GRANT EXECUTE ON FUNCTION media.cleanup_old_media(int) TO media_indexer;

COMMIT;
