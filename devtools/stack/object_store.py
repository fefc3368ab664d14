"""What Ceph and Swift have in common: how clients reach them, and how their gateway is broken."""

import os
import signal
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from . import process


@dataclass(frozen=True)
class S3Access:
    """All that a client needs."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str

    def write_key_file(self, path):
        """The file that `key_file` names in indexer.toml and nginx.conf."""
        path.touch(mode=0o600)
        path.write_text(f"{self.access_key}\n{self.secret_key}\n")
        return path

    def settings(self, bucket, key_file, section="storage.s3"):
        """Of indexer.toml, for this bucket as a store."""
        values = {"endpoint": self.endpoint, "region": self.region, "bucket": bucket,
                  "key_file": str(key_file), "allow_plain_http": True}
        return {f"{section}.{name}": value for name, value in values.items()}

    def environment(self, bucket, prefix=""):
        values = {"ENDPOINT": self.endpoint, "REGION": self.region, "BUCKET": bucket,
                  "ACCESS_KEY": self.access_key, "SECRET_KEY": self.secret_key}
        return {f"{prefix}S3_{name}": value for name, value in values.items()}

    def client(self, **options):
        """A boto3 client, which never tries anything twice."""
        import boto3
        from botocore.config import Config
        config = Config(signature_version="s3v4", s3={"addressing_style": "path"},
                        retries={"total_max_attempts": 1})
        return boto3.client("s3", **{
            "endpoint_url": self.endpoint, "region_name": self.region, "config": config,
            "aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret_key} | options)

    def make_bucket(self, name):
        """Unless it is there, and ours."""
        client = self.client()
        if name not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket=name)

    def new_bucket(self):
        """A bucket that did not exist; its name."""
        name = f"test-{uuid.uuid4().hex[:16]}"
        self.client().create_bucket(Bucket=name)
        return name


class ObjectStoreServer:
    """`home` holds everything of it. Its processes have pid files run/NAME.pid in order of starting;
    the last one is the gateway, which clients talk to."""

    parts = ()

    def __init__(self, home):
        self.home = home
        self.logs = home / "logs"

    def pid_file(self, name):
        return self.home / "run" / f"{name}.pid"

    def pid(self, name):
        """By its command line: Swift leaves the directory that it was started in."""
        pid = process.read_pid(self.pid_file(name))
        if not pid or not process.is_alive(pid):
            return None
        return pid if os.fsencode(self.home) in Path(f"/proc/{pid}/cmdline").read_bytes() else None

    @cached_property
    def client(self):
        return self.access.client()

    def new_bucket(self):
        return self.access.new_bucket()

    def is_running(self):
        return all(map(self.pid, self.parts))

    def stop(self):
        self._stop_parts(reversed(self.parts))

    def _stop_parts(self, names, sig=signal.SIGTERM):
        for name in names:
            pid = self.pid(name)
            if pid:
                process.stop(pid, sig, 20)
            self.pid_file(name).unlink(missing_ok=True)

    # What may happen to an object store.

    def stop_gateway(self):
        self._stop_parts(self.parts[-1:], signal.SIGKILL)

    def start_gateway(self):
        raise NotImplementedError

    @contextmanager
    def outage(self):
        """Connections are refused."""
        self.stop_gateway()
        try:
            yield
        finally:
            self.start_gateway()

    @contextmanager
    def frozen(self):
        """Connections are accepted, and nothing comes back."""
        gateway = self.pid(self.parts[-1])
        os.kill(gateway, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(gateway, signal.SIGCONT)
