-- Deploy ngx_media:media_items to pg
-- requires: row_security

BEGIN;

SET LOCAL ROLE media_owner;

CREATE VIEW media.media_items WITH (security_invoker = TRUE) AS
SELECT m.id,
       m.company_id,
       m.account_id,
       a.provider,
       m.conversation_id,
       c.external_id AS conversation_external_id,
       m.message_id,
       g.external_id AS message_external_id,
       m.item_index,
       m.file_name,
       m.file_type,
       m.mime_type,
       m.declared_mime_type,
       m.file_size,
       encode(b.sha256, 'hex') AS sha256,
       b.storage_key AS file_key,
       m.provider_media_id,
       m.download_status,
       m.download_attempts,
       m.last_error,
       m.url_expires_at,
       CASE WHEN m.download_status = 'pending' AND j.last_error IS NOT NULL THEN j.run_at END AS retry_at,
       m.created_at,
       m.updated_at
FROM media.media_files AS m
JOIN media.accounts AS a ON a.company_id = m.company_id AND a.id = m.account_id
JOIN media.conversations AS c ON c.company_id = m.company_id AND c.id = m.conversation_id
JOIN media.messages AS g ON g.company_id = m.company_id AND g.id = m.message_id
LEFT JOIN media.blobs AS b ON b.company_id = m.company_id AND b.id = m.blob_id
LEFT JOIN media.jobs AS j ON j.company_id = m.company_id AND j.media_id = m.id AND j.kind = 'download'
WHERE m.is_active;

COMMENT ON VIEW media.media_items IS
'Media as the API shows them, deleted ones left out, under the reader''s row-level security. retry_at '
'is when a failed download is tried again.';
GRANT SELECT ON media.media_items TO media_indexer;

COMMIT;
