"""The stack's private Postgres cluster, reachable only through a unix socket."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from . import process
from .errors import StackError
from .users import ServerUser

SETTINGS = """\
listen_addresses = ''
unix_socket_directories = '{socket_dir}'
hba_file = '{hba}'
max_connections = 100
logging_collector = off
log_line_prefix = '%m [%p] %q%u@%d '
log_timezone = 'UTC'
timezone = 'UTC'
cluster_name = 'ngx_media'
{more}"""


def programs_dir():
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"),
                      key=lambda path: int(path.parts[-3]))
    if not versions:
        raise StackError("no PostgreSQL server under /usr/lib/postgresql")
    return versions[-1].parent


class Cluster:
    """Lives in `home`/postgres (data), with its socket in `home`/run/postgres.

    `link` is `home` under a name that sockets and configs can hold. Both belong to the user that runs the server: whoever we are, or `postgres`
    when we are root, which the server refuses.
    """

    def __init__(self, home, link, more_settings=None):
        self.home = home
        self.data = home / "postgres"
        self.socket_dir = home / "run" / "postgres"
        self.socket_name = link / "run" / "postgres"
        self.hba = link / "postgres" / "pg_hba.conf"
        self.pid_file = home / "run" / "postgres.pid"
        self.log = home / "logs" / "postgres.log"
        self.bin = programs_dir()
        self.more_settings = more_settings or {}
        self.user = ServerUser("postgres", home)

    def conninfo(self, user="postgres", database="media"):
        return f"host={self.socket_name} dbname={database} user={user}"

    def pid(self):
        return process.running_pid(self.pid_file, self.home)

    def start(self):
        """Creates the cluster when it is new; returns once it takes queries."""
        if not (self.data / "PG_VERSION").exists():
            self._create()
        self.own_directory(self.socket_dir)
        self._write_settings()
        pid = process.spawn(
            [*self.as_server_user(), str(self.bin / "postgres"), "-D", str(self.data)],
            self.pid_file, self.log, cwd=self.home)
        process.wait_for_start(pid, self.is_ready, 60, "Postgres", [self.log])

    def stop(self, sig=signal.SIGINT, grace_seconds=30):
        pid = self.pid()
        if pid:
            process.stop(pid, sig, grace_seconds)
        self.pid_file.unlink(missing_ok=True)

    def create_database(self):
        if self.psql("SELECT 1 FROM pg_database WHERE datname = 'media'", "postgres") != "1":
            self.psql("CREATE DATABASE media", "postgres")

    def deploy(self, sql_dir):
        # By environment: sqitch writes the parts of a target into a conninfo without quoting them.
        connection = {"PGHOST": str(self.socket_name), "PGUSER": "postgres"}
        done = subprocess.run(
            ["sqitch", "--chdir", str(sql_dir), "deploy", "--mode", "change",
             "--target", "db:pg:media"],
            capture_output=True, text=True, env=os.environ | connection | {"LC_ALL": "C.UTF-8"})
        if done.returncode != 0:
            raise StackError(f"sqitch deploy failed:\n{done.stdout}{done.stderr}")

    def psql(self, sql, database="media", user="postgres"):
        done = subprocess.run(
            ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo(user, database),
             "-c", sql], capture_output=True, text=True)
        if done.returncode != 0:
            raise StackError(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()

    def _create(self):
        """A name of its own until initdb is through: half a cluster never looks like one."""
        draft = self.home / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        self.own_directory(draft)
        done = subprocess.run(
            [*self.as_server_user(), str(self.bin / "initdb"), "-D", str(draft), "--no-sync",
             "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"],
            capture_output=True, text=True, cwd=self.home)
        if done.returncode != 0:
            raise StackError(f"initdb failed:\n{done.stdout}{done.stderr}")
        (draft / "pg_hba.conf").write_text("local all all trust\n")
        draft.rename(self.data)

    def as_server_user(self):
        """Command prefix that drops root, which the server refuses to run as."""
        return self.user.prefix()

    def own_directory(self, path):
        self.user.own(path)

    def _write_settings(self):
        more = "".join(f"{key} = {value}\n" for key, value in self.more_settings.items())
        text = SETTINGS.format(socket_dir=self.socket_name, hba=self.hba, more=more)
        (self.data / "postgresql.conf").write_text(text)

    def is_ready(self):
        return subprocess.run(
            [str(self.bin / "pg_isready"), "-q", "-h", str(self.socket_name), "-U", "postgres",
             "-d", "postgres"]).returncode == 0

