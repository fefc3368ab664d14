"""The servers that are measured: an nginx for each of bench/nginx/NAME.conf, and the peers."""

import os
import re
import shutil
import signal
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path

from stack import process

from .bench_site import nginx_user
from .measure import programs, status_kib
from .tokens import write_keys

HERE = Path(__file__).resolve().parent
CONFIGS = HERE / "nginx"
PEERS = HERE / "peers"
# All other servers load ours.
MODULES = {"static": "", "peers": """\
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
"""}
RECORDS = """
SELECT concat_ws('|', m.id, l.company_id, l.status, l.mime_type, coalesce(l.file_name, ''),
                 l.storage_key)
FROM media.media_files AS m CROSS JOIN LATERAL media.lookup_media(m.id) AS l"""


class Nginx:
    """One worker with the configuration NAME.conf, below site.place."""

    def __init__(self, site, name, **values):
        self.dir = site.place / name
        self.port = process.free_port()
        self.dir.mkdir(exist_ok=True)
        stack = site.stack
        values |= {
            "dir": self.dir, "port": self.port, "http": f"{name}.conf", "user": nginx_user(),
            "modules": MODULES.get(name, f"load_module {stack.programs.module};"), "media": stack.root,
            "keys": stack.keys, "conninfo": stack.postgres.conninfo(user="media_nginx")}
        for source in [*CONFIGS.glob("*.conf"), CONFIGS / "nginx.conf.in"]:
            text = re.sub(r"@(\w+)@", lambda m: str(values.get(m[1], m[0])), source.read_text())
            (self.dir / source.name).write_text(text)

    def start(self):
        log = self.dir / "error.log"
        self.pid = process.spawn(
            ["/usr/sbin/nginx", "-p", str(self.dir), "-c", str(self.dir / "nginx.conf.in"),
             "-e", str(log)], self.dir / "nginx.pid.start", log, cwd=self.dir)
        process.wait_for_start(self.pid, lambda: not process.port_is_free(self.port), 15,
                               self.dir.name, [log])

    def stop(self):
        process.stop(self.pid, signal.SIGTERM, 15)

    def worker(self):
        [worker] = set(programs(self.dir)["nginx"]) - {self.pid}
        return worker

    def worker_rss_kib(self):
        return status_kib(self.worker(), "VmRSS")


@contextmanager
def serving(server):
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def application(site, name, command, environment):
    """A peer's program, listening on apps/NAME.sock."""
    directory = site.place / "apps"
    directory.mkdir(exist_ok=True)
    listen, log = directory / f"{name}.sock", directory / f"{name}.log"
    pid = process.spawn(
        [part.replace("@listen@", str(listen)) for part in command], directory / f"{name}.pid",
        log, cwd=directory, env=os.environ | environment | {
            "LISTEN": str(listen), "JWT_KEY_FILE": str(site.stack.jwt_key),
            "DATABASE_SOCKET": str(site.stack.postgres.socket_name)})
    try:
        process.wait_for_start(pid, listen.exists, 15, name, [log])
        yield
    finally:
        process.stop(pid, signal.SIGTERM, 15)


def install_node_packages(directory):
    """What package-lock.json names, beside a copy of app.js."""
    shutil.copytree(PEERS, directory, ignore=shutil.ignore_patterns("node_modules"))
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=directory, check=True)


@contextmanager
def peers(site):
    node_dir = site.place / "node"
    install_node_packages(node_dir)
    (site.place / "records").write_text(site.stack.postgres.psql(RECORDS) + "\n")
    server = Nginx(site, "peers", peers=PEERS, apps=site.place / "apps",
                   records=site.place / "records")
    node = ["node", str(node_dir / "app.js")]
    fastapi = ["/usr/bin/python3", "-m", "uvicorn", "app:app", "--app-dir", str(PEERS),
               "--uds", "@listen@", "--loop", "uvloop", "--http", "httptools",
               "--no-access-log", "--log-level", "warning"]
    with application(site, "node", node, {"NODE_ENV": "production"}), \
            application(site, "fastapi", fastapi, {}), serving(server):
        yield server


@contextmanager
def measured_servers(site, names, zone="64m"):
    """{name: server} of bench/nginx's static, cold and warm and of the peers, started."""
    tokens = site.place / "tokens"
    write_keys(tokens)
    with ExitStack() as running:
        yield {name: running.enter_context(
            peers(site) if name == "peers" else
            serving(Nginx(site, name, tokens=tokens, zone=zone)))
               for name in names}
