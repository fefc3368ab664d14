"""Programs that copy files into a bucket: ours, rclone and the AWS CLI, with the same concurrency
and sizes of parts, and without whatever they would do besides."""

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

from stack.settings import to_toml
from stack.stack import SOURCE

from .measure import status_kib

CONCURRENCY = 4
PART_MIB = 16
THRESHOLD_MIB = 32
BUILD = Path(os.environ.get("MEDIA_BUILD", SOURCE / "build"))


def run_measured(command, environment=None, text=""):
    """Wall and CPU seconds of a program, and its peak memory."""
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as said:
        given.write(text)
        given.seek(0)
        begin = time.monotonic()
        program = subprocess.Popen(command, env=surroundings() | (environment or {}), stdin=given,
                                   stdout=said, stderr=said)
        peak, usage = watch(program)
        wall = time.monotonic() - begin
        said.seek(0)
        output = said.read()
    if program.returncode != 0 or '"error"' in output:
        raise RuntimeError(f"{command[0]} failed: {output[-2000:]}")
    return {"wall_s": round(wall, 3), "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
            "peak_rss_kib": peak}


def surroundings():
    """Whatever the user has set up for his own buckets is not meant here."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith(("AWS_", "RCLONE_", "S3_"))}


def watch(program):
    """(peak memory in KiB, resources used) once it has ended."""
    peak, pid = 0, 0
    while pid == 0:
        try:
            peak = max(peak, status_kib(program.pid, "VmHWM"))
        except (ValueError, OSError):
            pass  # a zombie has no memory
        time.sleep(0.01)
        pid, status, usage = os.wait4(program.pid, os.WNOHANG)
    program.returncode = os.waitstatus_to_exitcode(status)
    return peak, usage


def store_settings(access, bucket, key_file):
    """[storage.s3] of indexer.toml."""
    return access.settings(bucket, key_file) | {
        "storage.s3.concurrency": CONCURRENCY, "storage.s3.part_bytes": PART_MIB << 20,
        "storage.s3.multipart_threshold_bytes": THRESHOLD_MIB << 20}


class Ours:
    """indexer/storage, driven by t/tools/storage_tool: hashes, publishes and verifies each file."""

    name = "ours"

    def __init__(self, place):
        self.place = place

    def upload(self, directory, access, bucket):
        config = self.place / "storage.toml"
        root = self.place / "root"
        root.mkdir(exist_ok=True)
        (root / ".ngx_media_store").touch()
        key_file = access.write_key_file(self.place / "s3.key")
        config.write_text(to_toml(store_settings(access, bucket, key_file) | {
            "storage.local.root": str(root), "database.conninfo": "host=/nonexistent",
            "auth.jwt_key_file": "/nonexistent", "secrets.key_file": "/nonexistent"}))
        lines = "".join(
            json.dumps({"op": "publish", "store": "s3", "key": path.name, "file": str(path),
                        "content_type": "image/jpeg", "file_name": path.name}) + "\n"
            for path in sorted(directory.iterdir()))
        tool = BUILD / "t" / "tools" / "storage_tool"
        return run_measured([str(tool), str(config), str(CONCURRENCY)], text=lines)


class Rclone:
    """Neither lists nor asks before and after, nor hashes large files before it sends them."""

    name = "rclone"

    def __init__(self, place):
        self.place = place

    def upload(self, directory, access, bucket):
        environment = {
            "RCLONE_CONFIG": str(self.place / "rclone.conf"), "RCLONE_S3_PROVIDER": "Ceph",
            "RCLONE_S3_ENDPOINT": access.endpoint, "RCLONE_S3_REGION": access.region,
            "RCLONE_S3_ACCESS_KEY_ID": access.access_key,
            "RCLONE_S3_SECRET_ACCESS_KEY": access.secret_key}
        Path(environment["RCLONE_CONFIG"]).touch()
        return run_measured(
            ["rclone", "copy", str(directory), f":s3:{bucket}", f"--transfers={CONCURRENCY}",
             f"--s3-upload-concurrency={CONCURRENCY}", f"--s3-chunk-size={PART_MIB}M",
             f"--s3-upload-cutoff={THRESHOLD_MIB}M", "--s3-disable-checksum", "--s3-no-check-bucket",
             "--s3-no-head", "--no-check-dest", "--stats=0"], environment)


class AwsCli:
    name = "aws"

    def __init__(self, place):
        self.place = place

    def upload(self, directory, access, bucket):
        config = self.place / "aws.conf"
        config.write_text(f"""\
[default]
s3 =
    max_concurrent_requests = {CONCURRENCY}
    multipart_chunksize = {PART_MIB}MB
    multipart_threshold = {THRESHOLD_MIB}MB
    addressing_style = path
""")
        environment = {
            "AWS_CONFIG_FILE": str(config), "AWS_DEFAULT_REGION": access.region,
            "AWS_ACCESS_KEY_ID": access.access_key, "AWS_SECRET_ACCESS_KEY": access.secret_key}
        # Debian's; another one on PATH may be a wrapper.
        return run_measured(
            ["/usr/bin/aws", "--endpoint-url", access.endpoint, "s3", "cp", "--recursive",
             "--only-show-errors", str(directory), f"s3://{bucket}/"], environment)


UPLOADERS = (Ours, Rclone, AwsCli)
