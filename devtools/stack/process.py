"""Detached processes with pid files, and waiting for things to happen."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from .errors import StackError


def wait_for_start(pid, is_ready, seconds, name, logs):
    """Waits until the daemon that spawn() started is ready, or dead: then its log tells why."""
    def ready():
        if not is_alive(pid):
            raise StackError("\n".join([f"{name} did not start:", *map(tail, logs)]))
        return is_ready()
    wait_until(ready, seconds, f"{name} to be ready")


def wait_until(condition, seconds, what):
    """Polls until `condition()` is true; returns its value."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise StackError(f"waited {seconds:g} s in vain for: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def spawn(command, pid_file, log_file, cwd, env=None):
    """Starts a daemon that outlives us and writes to `log_file`; its pid.

    The shell between writes its own pid and becomes the daemon, which makes the
    daemon a child of init and never of us.
    """
    Path(pid_file).unlink(missing_ok=True)
    with open(log_file, "ab") as log:
        subprocess.run(
            ["setsid", "--fork", "sh", "-c", 'echo $$ >"$0" && exec "$@"', pid_file, *command],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=cwd, env=env, check=True)
    return wait_until(lambda: read_pid(pid_file), 5, f"{pid_file} to be written")


def read_pid(pid_file):
    try:
        return int(Path(pid_file).read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None


def is_alive(pid):
    """A zombie that nobody collects counts as dead."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def running_pid(pid_file, directory):
    """The pid in the file if that process runs and belongs to the stack in `directory`."""
    pid = read_pid(pid_file)
    return pid if pid and is_alive(pid) and belongs_to(pid, directory) else None


def belongs_to(pid, directory):
    try:
        cwd = os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return False
    return Path(cwd) == directory or directory in Path(cwd).parents


STACK_PROGRAMS = ("nginx", "postgres", "media-indexer", "ceph-mon", "ceph-osd", "radosgw")


def stack_processes(directory):
    """{pid: program} of every server that works in `directory`, also orphans without a pid file."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            program = os.path.basename(os.readlink(entry / "exe")).removesuffix(" (deleted)")
        except OSError:
            continue
        pid = int(entry.name)
        if program in STACK_PROGRAMS and is_alive(pid):
            if belongs_to(pid, directory):
                found[pid] = program
    return found


def stop(pid, sig, grace_seconds):
    """Signals the process and waits; SIGKILL when the grace time is over."""
    for attempt in (sig, signal.SIGKILL):
        try:
            os.kill(pid, attempt)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + grace_seconds
        while time.monotonic() < deadline:
            if not is_alive(pid):
                return
            time.sleep(0.01)
    raise StackError(f"process {pid} survives SIGKILL")


def port_is_free(port):
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError:
            if family == socket.AF_INET or has_ipv6():
                return False
    return True


def free_port():
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port_is_free(port):
            return port


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def tail(path, lines=20):
    try:
        return "\n".join(Path(path).read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""
