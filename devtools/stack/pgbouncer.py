"""pgbouncer between nginx and the stack's Postgres, in transaction mode."""

import signal
import subprocess

from . import process

PORT = 6432
SETTINGS = """\
[databases]
media = host={postgres}

[pgbouncer]
listen_addr =
unix_socket_dir = {sockets}
listen_port = {port}
auth_type = trust
auth_file = {users}
admin_users = media_nginx
pool_mode = transaction
default_pool_size = {pool_size}
server_login_retry = 1
logfile = {log}
"""


class Pooler:
    """Lives in `home`/pgbouncer of the stack; belongs to the user that runs Postgres."""

    def __init__(self, stack, pool_size=2):
        self.stack = stack
        self.pool_size = pool_size
        self.dir = stack.home / "pgbouncer"
        self.log = self.dir / "pgbouncer.log"
        self.pid_file = stack.dir / "run" / "pgbouncer.pid"

    def conninfo(self, database="media"):
        return f"host={self.dir} port={PORT} dbname={database} user=media_nginx"

    def start(self):
        postgres = self.stack.postgres
        postgres.own_directory(self.dir)
        users = self.dir / "users.txt"
        users.write_text('"media_nginx" ""\n')
        settings = self.dir / "pgbouncer.ini"
        settings.write_text(SETTINGS.format(
            postgres=postgres.socket_name, sockets=self.dir, port=PORT, users=users, log=self.log,
            pool_size=self.pool_size))
        pid = process.spawn(
            [*postgres.as_server_user(), "/usr/sbin/pgbouncer", "-q", str(settings)], self.pid_file,
            self.dir / "output.log", cwd=self.stack.dir)
        process.wait_for_start(pid, self.answers, 15, "pgbouncer", [self.log])

    def stop(self):
        pid = process.running_pid(self.pid_file, self.stack.dir)
        if pid:
            process.stop(pid, signal.SIGTERM, 10)

    def answers(self):
        return self._psql("SHOW VERSION").returncode == 0

    def show(self, what):
        """The rows of SHOW in pgbouncer's own console, as {column: text}."""
        lines = self._psql(f"SHOW {what}").stdout.splitlines()
        names = lines[0].split("|")
        return [dict(zip(names, line.split("|"))) for line in lines[1:]]

    def _psql(self, command):
        return subprocess.run(
            ["psql", "-XqA", "-P", "footer=off", "-d", self.conninfo("pgbouncer"), "-c", command],
            capture_output=True, text=True)
