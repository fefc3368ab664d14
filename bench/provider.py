"""A provider double that costs next to nothing: nginx hands out what was computed before.

Same two steps as t/doubles/whatsapp_graph.py, Bearer token checked in both, without faults. Beside it
two hosts that ask for no credential and have one file under any name: a quick one, and one with TLS
that sends 10 KB a second.
"""

import hashlib
import json
import os
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from stack import process

TOKEN = "bench-access-token"
OPEN_HOST = "open.localhost"
SLOW_HOST = "slow.localhost"
CONFIG = """\
daemon off;
worker_processes 1;
%(user)s
pid %(dir)s/nginx.pid;
error_log %(dir)s/error.log warn;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
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
    server {
        listen 127.0.0.1:%(open_port)d backlog=1024;
        location / { rewrite ^ /files/shared break; root %(dir)s; }
    }
    server {
        listen 127.0.0.1:%(slow_port)d ssl backlog=4096;
        ssl_certificate %(dir)s/slow.pem;
        ssl_certificate_key %(dir)s/slow.pem;
        limit_rate 10k;
        location / { rewrite ^ /files/shared break; root %(dir)s; }
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
        self.port, self.open_port, self.slow_port = (process.free_port() for _ in range(3))
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(str(self.dir / "ca.pem"))
        certificate = self.authority.issue_cert(SLOW_HOST)
        certificate.private_key_and_cert_chain_pem.write_to_path(str(self.dir / "slow.pem"))
        self.user = user
        self.pid = None

    def settings(self):
        return {
            "providers.whatsapp.graph_url": f"http://127.0.0.1:{self.port}/v24.0",
            "providers.whatsapp.media_hosts": [f"127.0.0.1:{self.port}"],
            "fetch.allow_private_addresses": True,
            "fetch.allow_plain_http": True,
            "fetch.ca_file": str(self.dir / "ca.pem"),
            "server.webhook_rate": 0,
        }

    def add(self, media_id, chunks):
        """A file of these chunks, and the answer that resolves its id."""
        digest, size = hashlib.sha256(), 0
        with open(self.dir / "files" / media_id, "wb") as file:
            for chunk in chunks:
                # Zeros become a hole, which is read without a disk.
                if any(chunk[:1]):
                    file.write(chunk)
                else:
                    file.seek(len(chunk), os.SEEK_CUR)
                digest.update(chunk)
                size += len(chunk)
            file.truncate(size)
        (self.dir / "v24.0" / media_id).write_text(json.dumps({
            "messaging_product": "whatsapp", "url": self.file_url(media_id),
            "mime_type": "image/jpeg", "sha256": digest.hexdigest(), "file_size": size,
            "id": media_id}))
        return Offer(media_id, digest.digest(), size)

    def file_url(self, media_id):
        """What wants the token as well."""
        return (f"http://127.0.0.1:{self.port}/whatsapp_business/attachments/?mid={media_id}"
                f"&ext={int(time.time()) + 86400}&hash=bench")

    def share(self, content):
        """The file that the open hosts have under any name."""
        (self.dir / "files" / "shared").write_bytes(content)

    @contextmanager
    def stalled(self):
        """Who connects meanwhile waits for an answer."""
        pids = list(process.stack_processes(self.dir))
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def start(self):
        config = self.dir / "nginx.conf"
        config.write_text(CONFIG % {"dir": self.dir, "port": self.port, "token": TOKEN,
                                    "user": self.user, "open_port": self.open_port,
                                    "slow_port": self.slow_port})
        self.pid = process.spawn(
            ["/usr/sbin/nginx", "-p", str(self.dir), "-c", str(config), "-e",
             str(self.dir / "error.log")], self.dir / "nginx.pid", self.dir / "error.log",
            cwd=self.dir)
        process.wait_until(lambda: not process.port_is_free(self.port), 5, "the provider double")

    def stop(self):
        if self.pid:
            process.stop(self.pid, signal.SIGTERM, 5)
