"""One stack: what lies where in its directory, and the order of starting and stopping."""

import fcntl
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import nginx, process
from .ceph import Ceph
from .errors import StackError, UsageError
from .indexer import Indexer
from .postgres import Cluster

SOURCE = Path(__file__).resolve().parents[2]
# sockaddr_un holds 107 bytes; this is the longest name that we add to the directory.
LONGEST_HOME = 107 - len("/run/postgres/.s.PGSQL.5432")
SAFE_IN_CONFIGS = re.compile(r"[A-Za-z0-9._+@=,/-]+")


@dataclass
class Programs:
    """The built files that a stack runs."""

    indexer: Path
    module: Path
    nginx: Path = Path("/usr/sbin/nginx")

    @classmethod
    def built(cls):
        build = Path(os.environ.get("MEDIA_BUILD", SOURCE / "build"))
        return cls(indexer=build / "indexer" / "media-indexer",
                   module=build / "ngx_media_module" / "ngx_http_media_module.so")


class Stack:
    """`up()` starts what is not running, `down()` stops all. Data stays between the two."""

    def __init__(self, directory, programs=None, workers=2, postgres_settings=None, cache=True):
        self.dir = Path(directory).resolve()
        self.programs = programs or Programs.built()
        self.workers = workers
        self.postgres_settings = postgres_settings
        self.cache = cache
        self.run = self.dir / "run"
        self.logs = self.dir / "logs"
        self.root = self.dir / "media"
        self.keys = self.dir / "keys"
        self.jwt_key = self.keys / "jwt.key"
        self.link_key = self.keys / "link.key"
        self.link_key_id = "stack"
        self.s3_key = self.keys / "s3.key"
        self.s3_bucket = "media"
        self.nginx_conf = self.dir / "nginx.conf"
        self.nginx_pid_file = self.run / "nginx.pid"
        self._state_file = self.dir / "stack.json"
        self._state = {}
        if self._state_file.exists():
            self._state = json.loads(self._state_file.read_text())

    # What a started stack is known by.

    @property
    def port(self):
        return self._state["port"]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def postgres(self):
        return Cluster(self.dir, self.home, self.postgres_settings)

    @property
    def indexer(self):
        return Indexer(self)

    @property
    def has_s3(self):
        return self._state.get("s3", False)

    @property
    def object_store(self):
        return Ceph(self.home / "ceph", is_kept=True)

    @property
    def overrides(self):
        return self._state.get("overrides", {})

    def env(self):
        return {
            "MEDIA_URL": self.url,
            "MEDIA_INDEXER_SOCKET": str(self.indexer.socket),
            "MEDIA_DATABASE": self.postgres.conninfo(),
            "MEDIA_ROOT": str(self.root),
            "MEDIA_JWT_SECRET": self.jwt_key.read_text().strip(),
            "MEDIA_LINK_KEY_FILE": str(self.link_key),
            "MEDIA_LINK_KEY_ID": self.link_key_id,
            "MEDIA_CONFIG": str(self.indexer.config),
            "MEDIA_NGINX_CONF": str(self.nginx_conf),
            "MEDIA_LOG_DIR": str(self.logs),
            "MEDIA_INDEXER": str(self.programs.indexer),
            "MEDIA_MODULE": str(self.programs.module),
        } | self._s3_env()

    def _s3_env(self):
        if not self.has_s3:
            return {}
        env = self.object_store.access.environment(self.s3_bucket)
        return env | {"S3_KEY_FILE": str(self.s3_key)}

    # Starting.

    def up(self, port=None, overrides=None, s3=False):
        """Returns when every part is healthy. New overrides restart a running indexer; a stack
        that has got an object store keeps it."""
        self._check_programs()
        for path in (self.dir, self.run, self.logs, self.root):
            path.mkdir(parents=True, exist_ok=True)
        self.keys.mkdir(mode=0o700, exist_ok=True)
        with self._lock():
            running = process.stack_processes(self.dir)
            try:
                self._remember(port, overrides or {}, s3)
                self._start_postgres()
                self._start_object_store()
                self._start_indexer()
                self._start_nginx()
            except BaseException:
                self._kill_all_but(running)
                raise
            self._write_env()

    def _start_postgres(self):
        postgres = self.postgres
        if not postgres.pid():
            postgres.start()
        postgres.create_database()
        postgres.deploy(SOURCE / "sql")

    def _start_object_store(self):
        if not self.has_s3:
            return
        store = self.object_store
        store.start()
        store.access.write_key_file(self.s3_key)
        store.access.make_bucket(self.s3_bucket)

    def _start_indexer(self):
        indexer = self.indexer
        if indexer.configure() and indexer.pid():
            indexer.stop()
        if not indexer.pid():
            indexer.prepare()
            indexer.start()

    def _start_nginx(self):
        if self.nginx_pid():
            return
        nginx.write_config(self)
        self.start_nginx()

    def start_nginx(self):
        """With the nginx.conf that is there."""
        logs = [self.logs / "nginx.log", self.logs / "nginx-error.log"]
        pid = process.spawn([str(self.programs.nginx), *self.nginx_arguments()],
                            self.nginx_pid_file, logs[0], cwd=self.dir, env=nginx.environment())
        process.wait_for_start(pid, lambda: nginx.answers(self.port), 15, "nginx", logs)

    def nginx_arguments(self):
        return ["-p", str(self.dir), "-c", str(self.nginx_conf), "-e", str(self.logs / "nginx-error.log")]

    def nginx_pid(self):
        return process.running_pid(self.nginx_pid_file, self.dir)

    # Stopping.

    def down(self):
        """In the order of the data's way: what comes in first stops first."""
        if not self._state:
            raise UsageError(f"no stack in {self.dir}")
        with self._lock():
            self.stop_nginx()
            self.indexer.stop()
            if self.has_s3:
                self.object_store.stop()
            self.postgres.stop()
            self._kill_all_but([])
            self._forget_link()

    def purge(self):
        shutil.rmtree(self.dir)

    def stop_nginx(self, sig=signal.SIGTERM):
        pid = self.nginx_pid()
        if pid:
            process.stop(pid, sig, 15)
        self.nginx_pid_file.unlink(missing_ok=True)

    def _kill_all_but(self, spared):
        for pid in set(process.stack_processes(self.dir)) - set(spared):
            process.stop(pid, signal.SIGKILL, 5)

    # State.

    def _check_programs(self):
        for path in (self.programs.indexer, self.programs.module, self.programs.nginx):
            if not path.exists():
                raise StackError(f"{path} is missing: run ./dev build")

    def _remember(self, port, overrides, s3):
        current = self._state.get("port")
        if port and current and port != current and self.nginx_pid():
            raise UsageError(f"this stack already serves on port {current}; stop it first")
        wanted = port or current or process.free_port()
        if not self.nginx_pid() and not process.port_is_free(wanted):
            raise StackError(f"port {wanted} is taken")
        if s3 and not self.has_s3:
            # Its configuration gets another store.
            self.stop_nginx()
            self._state["s3"] = True
        self._state["port"] = wanted
        self._state["overrides"] = self.overrides | overrides
        self._save()

    def _save(self):
        draft = self._state_file.with_suffix(".new")
        draft.write_text(json.dumps(self._state, indent=2) + "\n")
        draft.rename(self._state_file)

    @property
    def home(self):
        """The directory under the name that configs use: a link to it, where its own name is too
        long for a socket or has characters that some config cannot hold."""
        name = os.fsencode(self.dir)
        if len(name) <= LONGEST_HOME and SAFE_IN_CONFIGS.fullmatch(str(self.dir)):
            return self.dir
        link = self._state.get("link")
        if not link or not Path(link).is_symlink():
            place = Path(tempfile.mkdtemp(prefix="ngx_media."))
            place.chmod(0o711)
            link = str(place / "stack")
            os.symlink(self.dir, link)
            self._state["link"] = link
            self._save()
        return Path(link)

    def _forget_link(self):
        link = self._state.pop("link", None)
        if link:
            shutil.rmtree(Path(link).parent, ignore_errors=True)
            self._save()

    def _write_env(self):
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in self.env().items()]
        draft = self.dir / "env.new"
        draft.touch(mode=0o600)
        draft.write_text("".join(lines))
        draft.rename(self.dir / "env")

    @contextmanager
    def _lock(self):
        """One `up` or `down` at a time."""
        with open(self.dir / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def command(self, *arguments, **options):
        """Runs the indexer's command line against this stack; its stdout."""
        options = {"capture_output": True, "text": True, "timeout": 30} | options
        done = subprocess.run(
            [str(self.programs.indexer), *arguments, "--config", str(self.indexer.config)], **options)
        if done.returncode != 0:
            # `check` says on stdout what is wrong.
            raise StackError(f"media-indexer {arguments[0]} failed: "
                             f"{(done.stderr or done.stdout).strip()}")
        return done.stdout.strip()
