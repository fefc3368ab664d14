"""Media rows by the million, written past triggers and foreign keys in the order of their indexes."""

import hashlib
import uuid

BLOBS = """
SET session_replication_role = replica;
INSERT INTO media.blobs (id, company_id, bucket, store, storage_key, sha256, size, mime_type)
SELECT id, '{company}', 'images', 'local', 'rows/' || id, uuid_send(id) || uuid_send(id), 4096,
       'image/jpeg'
FROM (SELECT md5(i::text)::uuid AS id FROM generate_series(1, {count}) AS i ORDER BY 1) AS s
"""
MEDIA = """
SET session_replication_role = replica;
INSERT INTO media.media_files (
    id, company_id, account_id, conversation_id, message_id, item_index, provider_media_id,
    file_type, mime_type, file_size, blob_id, download_status)
SELECT id, '{company}', '{company}', '{company}', id, 0, id::text, 'image', 'image/jpeg', 4096,
       {blob}, 'completed'
FROM (SELECT md5(i::text)::uuid AS id FROM generate_series(1, {count}) AS i ORDER BY 1) AS s
"""


def media_id(i):
    """The id of row i of 1 to count: as random as real ones."""
    return str(uuid.UUID(hashlib.md5(str(i).encode()).hexdigest()))


def add_rows(site, count, blob=None):
    """`count` completed media files, each with its own blob ('rows/ID'), or all with this one."""
    values = {"company": site.company, "count": count, "blob": f"'{blob}'" if blob else "id"}
    for statement in [BLOBS] * (blob is None) + [MEDIA]:
        site.stack.postgres.psql(statement.format(**values))
    for command in ("VACUUM ANALYZE media.blobs", "VACUUM ANALYZE media.media_files", "CHECKPOINT"):
        site.stack.postgres.psql(command)
