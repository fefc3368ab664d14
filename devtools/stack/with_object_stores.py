"""Runs a command beside a private Ceph and a private Swift that live as long as the command.

`python3 -m stack.with_object_stores COMMAND...`; the environment has CEPH_S3_ENDPOINT, _REGION,
_BUCKET (new and empty), _KEY_FILE, _ACCESS_KEY and _SECRET_KEY, and the same for SWIFT_S3_.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .ceph import Ceph
from .swift import Swift


def start(server):
    server.start()
    return server.access.new_bucket()


def main(command):
    place = Path(tempfile.mkdtemp(prefix="ngx_media-s3."))
    # The servers' users must get in as well when we are root.
    place.chmod(0o711)
    servers = {"CEPH": Ceph(place / "ceph"), "SWIFT": Swift(place / "swift")}
    try:
        environment = dict(os.environ)
        with ThreadPoolExecutor() as both:
            buckets = list(both.map(start, servers.values()))
        for (name, server), bucket in zip(servers.items(), buckets):
            key_file = server.access.write_key_file(place / f"{name.lower()}.key")
            environment |= server.access.environment(bucket, f"{name}_")
            environment[f"{name}_S3_KEY_FILE"] = str(key_file)
        return subprocess.run(command, env=environment).returncode
    finally:
        for server in servers.values():
            server.stop()
        shutil.rmtree(place)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
