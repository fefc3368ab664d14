"""Our storage backends, driven from Python: a storage_tool that runs as long as it is used."""

import json
import os
import subprocess
from pathlib import Path

from stack.settings import to_toml
from stack.stack import SOURCE

PROGRAM = Path(os.environ.get("MEDIA_BUILD", SOURCE / "build")) / "t" / "tools" / "storage_tool"


class StorageTool:
    """`directory` gets the configuration; the store "s3" is the bucket at `access`."""

    def __init__(self, directory, access, bucket, **settings):
        root = directory / "root"
        root.mkdir()
        (root / ".ngx_media_store").touch()
        key_file = access.write_key_file(directory / "s3.key")
        s3 = access.settings(bucket, key_file) | {
            f"storage.s3.{name}": value for name, value in settings.items()}
        config = directory / "indexer.toml"
        # What is required and not used.
        config.write_text(to_toml(s3 | {
            "storage.local.root": str(root), "database.conninfo": "host=/nonexistent",
            "auth.jwt_key_file": "/nonexistent", "secrets.key_file": "/nonexistent"}))
        self._program = subprocess.Popen([str(PROGRAM), str(config)], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)

    def __call__(self, op, key, store="s3", **members):
        """The answer; an "error" in it is the caller's to expect."""
        self._program.stdin.write(json.dumps({"op": op, "store": store, "key": key} | members) + "\n")
        self._program.stdin.flush()
        return json.loads(self._program.stdout.readline())

    def close(self):
        self._program.stdin.close()
        assert self._program.wait(20) == 0
        self._program.stdout.close()
