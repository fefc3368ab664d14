"""Files with rows, from disk to the object store: media-indexer migrate, beside programs that only copy."""

import hashlib
import os
from contextlib import contextmanager

from stack.ceph import Ceph

from .bench_site import bench_site
from .measure import CpuMeter
from .promises import at_least, below
from .rows import MEDIA, media_id
from .uploaders import AwsCli, Rclone, run_measured, store_settings
from .uploads import MAX_RSS_MIB, WANTED_RATIO, stored, upload

SIZE = 100_000
ROWS_AT_ONCE = 500
BLOBS = """
SET session_replication_role = replica;
INSERT INTO media.blobs (id, company_id, bucket, store, storage_key, sha256, size, mime_type)
SELECT id::uuid, '{company}', 'images', 'local', 'rows/' || id, decode(sha256, 'hex'), {size}, 'image/jpeg'
FROM (VALUES {rows}) AS s (id, sha256)
"""


@contextmanager
def empty_ceph(place, name):
    ceph = Ceph(place / f"ceph-{name}")
    try:
        ceph.start()
        yield ceph
    finally:
        ceph.stop()


def add_files(site, count):
    """Completed media with a file of its own each; the directory of these."""
    directory = site.stack.root / "rows"
    directory.mkdir()
    rows = []
    for number in range(1, count + 1):
        content = os.urandom(SIZE)
        (directory / media_id(number)).write_bytes(content)
        rows.append(f"('{media_id(number)}', '{hashlib.sha256(content).hexdigest()}')")
    for first in range(0, count, ROWS_AT_ONCE):
        site.stack.postgres.psql(BLOBS.format(
            company=site.company, size=SIZE, rows=", ".join(rows[first:first + ROWS_AT_ONCE])))
    site.stack.postgres.psql(MEDIA.format(company=site.company, count=count, blob="id"))
    site.stack.postgres.psql("ANALYZE")
    return directory


def migrate(site, ceph, bucket, count):
    stack = site.stack
    meters = {"postgres": CpuMeter(stack.dir), "store": CpuMeter(ceph.home)}
    figures = run_measured(
        [str(stack.programs.indexer), "migrate", "--from", "local", "--to", "s3", "--config",
         str(stack.indexer.config)])
    cpu = {name: meter.read()[0] for name, meter in meters.items()}
    if stored(ceph.client, bucket) != (count, count * SIZE):
        raise RuntimeError("not everything has been migrated")
    moved = stack.postgres.psql("SELECT count(*) FROM media.blobs WHERE store = 's3'")
    if int(moved) != count:
        raise RuntimeError(f"{moved} of {count} rows name the new store")
    return figures | {"postgres_cpu_s": round(cpu["postgres"].get("postgres", 0), 2),
                      "store_cpu_s": round(sum(cpu["store"].values()), 2),
                      "files_per_second": round(count / figures["wall_s"], 1)}


def migration(place, is_short):
    count = 1000 if is_short else 10_000
    runs = {}
    with empty_ceph(place, "migration") as ceph:
        bucket = ceph.new_bucket()
        key_file = ceph.access.write_key_file(place / "migration.key")
        with bench_site(overrides=store_settings(ceph.access, bucket, key_file)) as site:
            directory = add_files(site, count)
            runs["migrate"] = migrate(site, ceph, bucket, count)
            for copier in (Rclone, AwsCli):
                with empty_ceph(place, copier.name) as other:
                    runs[copier.name] = upload(copier(place), directory, other)
    for name, figures in runs.items():
        print(f"{name}: {figures}")
    fastest = max(runs[name]["files_per_second"] for name in ("rclone", "aws"))
    return {"files": count, "size": SIZE, "runs": runs, "promises": [
        at_least("migration: rate, of the faster one of rclone and aws",
                 round(runs["migrate"]["files_per_second"] / fastest, 2), WANTED_RATIO, "x"),
        below("migration: peak RSS", round(runs["migrate"]["peak_rss_kib"] / 1024, 1), MAX_RSS_MIB,
              " MiB")]}
