"""A provider double that costs next to nothing: nginx hands out what was computed before.

Same two steps as t/doubles/whatsapp_graph.py, Bearer token checked in both, without faults.
"""

import hashlib
import json
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from stack import process

TOKEN = "bench-access-token"
CONFIG = """\
daemon off;
worker_processes 1;
%(user)s
pid %(dir)s/nginx.pid;
error_log %(dir)s/error.log warn;
events { worker_connections 256; }
http {
    access_log off;
    sendfile on;
    keepalive_requests 1000000;
    default_type image/jpeg;
    open_file_cache max=4000;
    client_body_temp_path %(dir)s/tmp1;
    proxy_temp_path %(dir)s/tmp2;
    fastcgi_temp_path %(dir)s/tmp3;
    uwsgi_temp_path %(dir)s/tmp4;
    scgi_temp_path %(dir)s/tmp5;
    server {
        listen 127.0.0.1:%(port)d backlog=1024;
        if ($http_authorization != "Bearer %(token)s") { return 401; }
        location /v24.0/ { root %(dir)s; default_type application/json; }
        location /whatsapp_business/attachments/ { rewrite ^ /files/$arg_mid break; root %(dir)s; }
    }
}
"""


@dataclass
class Offer:
    media_id: str
    sha256: bytes
    size: int


class FastProvider:
    def __init__(self, directory, user):
        self.dir = Path(directory)
        for name in ("v24.0", "files"):
            (self.dir / name).mkdir(parents=True)
        self.port = process.free_port()
        self.user = user
        self.pid = None

    def settings(self):
        return {
            "providers.whatsapp.graph_url": f"http://127.0.0.1:{self.port}/v24.0",
            "providers.whatsapp.media_hosts": [f"127.0.0.1:{self.port}"],
            "fetch.allow_private_addresses": True,
            "fetch.allow_plain_http": True,
        }

    def add(self, media_id, chunks):
        """A file of these chunks, and the answer that resolves its id."""
        digest, size = hashlib.sha256(), 0
        with open(self.dir / "files" / media_id, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        url = (f"http://127.0.0.1:{self.port}/whatsapp_business/attachments/?mid={media_id}"
               f"&ext={int(time.time()) + 86400}&hash=bench")
        (self.dir / "v24.0" / media_id).write_text(json.dumps({
            "messaging_product": "whatsapp", "url": url, "mime_type": "image/jpeg",
            "sha256": digest.hexdigest(), "file_size": size, "id": media_id}))
        return Offer(media_id, digest.digest(), size)

    def start(self):
        config = self.dir / "nginx.conf"
        config.write_text(CONFIG % {"dir": self.dir, "port": self.port, "token": TOKEN,
                                    "user": self.user})
        self.pid = process.spawn(
            ["/usr/sbin/nginx", "-p", str(self.dir), "-c", str(config), "-e",
             str(self.dir / "error.log")], self.dir / "nginx.pid", self.dir / "error.log",
            cwd=self.dir)
        process.wait_until(lambda: not process.port_is_free(self.port), 5, "the provider double")

    def stop(self):
        if self.pid:
            process.stop(self.pid, signal.SIGTERM, 5)
