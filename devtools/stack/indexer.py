"""The stack's media-indexer: its config file, its process, its health."""

import http.client
import signal
import socket

from . import process
from .settings import to_toml


class Indexer:
    def __init__(self, stack):
        self.stack = stack
        self.config = stack.dir / "indexer.toml"
        self.pid_file = stack.run / "indexer.pid"
        self.log = stack.logs / "indexer.log"
        self.socket = stack.home / "run" / "indexer.sock"

    def settings(self):
        stack = self.stack
        return {
            "server.listen": f"unix:{self.socket}",
            "server.public_url": f"http://localhost:{stack.port}",
            "database.conninfo": stack.postgres.conninfo(user="media_indexer"),
            "auth.jwt_key_file": str(stack.home / "keys" / "jwt.key"),
            "secrets.key_file": str(stack.home / "keys" / "secrets.key"),
            "links.keys": [{"id": stack.link_key_id, "file": str(stack.home / "keys" / "link.key")}],
            "storage.local.root": str(stack.home / "media"),
            "spool.directory": str(stack.home / "spool"),
        } | self._object_store() | stack.overrides

    def _object_store(self):
        if not self.stack.has_s3:
            return {}
        return self.stack.object_store.access.settings(
            self.stack.s3_bucket, self.stack.home / "keys" / "s3.key")

    def configure(self):
        """Writes the config file; true when that changed it."""
        text = to_toml(self.settings())
        if self.config.exists() and self.config.read_text() == text:
            return False
        self.config.write_text(text)
        return True

    def pid(self):
        return process.running_pid(self.pid_file, self.stack.dir)

    def prepare(self):
        """Keys and the store's marker, then the program's own check of its surroundings."""
        self.stack.command("init")
        self.stack.command("check")

    def start(self, is_up=None):
        """Returns once `is_up()`: ready, unless told otherwise."""
        pid = process.spawn(
            [str(self.stack.programs.indexer), "serve", "--config", str(self.config)],
            self.pid_file, self.log, cwd=self.stack.dir)
        process.wait_for_start(pid, is_up or self.is_ready, 30, "media-indexer", [self.log])

    def stop(self, sig=signal.SIGTERM, grace_seconds=40):
        pid = self.pid()
        if pid:
            process.stop(pid, sig, grace_seconds)
        self.pid_file.unlink(missing_ok=True)

    def get(self, path):
        """(status, body) of a GET over the unix socket, past nginx."""
        connection = http.client.HTTPConnection("indexer", timeout=5)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(5)
        try:
            connection.sock.connect(str(self.socket))
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def is_ready(self):
        return self._is_fine("/readyz")

    def is_alive(self):
        """Also without a database."""
        return self._is_fine("/healthz")

    def _is_fine(self, path):
        try:
            return self.get(path)[0] == 200
        except OSError:
            return False
