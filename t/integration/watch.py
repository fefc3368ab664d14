"""What must be as before after every test: logs, processes, descriptors, database backends."""

import os
import re
from collections import Counter
from pathlib import Path

from stack.process import stack_processes, wait_until
from stack import StackError

SANITIZER = r"Sanitizer|runtime error:"
FORBIDDEN = {
    "nginx": rf"\[(alert|crit|emerg)\]|{SANITIZER}",
    # A download that failed for good is the provider's fault and no alarm.
    "indexer": rf'"level":"error","event":"(?!media_download_failed|account_suspended)|terminate called|Assertion|{SANITIZER}',
    # A daemon that is stopped may leave in the middle of a statement.
    "postgres": r"\b(ERROR|PANIC):|(?<!media_indexer@media )FATAL:|"
                r"FATAL:(?!  connection to client lost)",
}
# Idle sockets that are kept on purpose: clients' and the indexer's keepalive connections in nginx,
# those to the provider in the indexer.
KEPT_SOCKETS = {"nginx": 56, "media-indexer": 100, "postgres": 4}


class LogMark:
    """Remembers where a log ended; later reads only what came after."""

    def __init__(self, path):
        self.path = Path(path)
        self.offset = self.path.stat().st_size if self.path.exists() else 0

    def text(self):
        if not self.path.exists():
            return ""
        with open(self.path, errors="replace") as log:
            log.seek(self.offset)
            return log.read()

    def wait_for(self, pattern, seconds=10, again=None):
        """`again` does once more what is logged: the module lets one message a second through."""
        def is_there():
            if re.search(pattern, self.text()):
                return True
            if again:
                again()
            return False
        wait_until(is_there, seconds, f"{pattern!r} in {self.path}")


def logs_of(stack):
    return {"nginx": [stack.logs / "nginx-error.log", stack.logs / "nginx.log"],
            "indexer": [stack.indexer.log], "postgres": [stack.postgres.log]}


class StackWatch:
    """Made when a stack is up and idle; `check()` asserts that it is so again."""

    def __init__(self, stack):
        self.stack = stack
        self.files = {}
        for program, pid in servers(stack):
            self.files[program] = self.files.get(program, Counter()) | open_files(pid)[0]
        self.file_caches = sum(len(re.findall(r"open_file_cache max=", path.read_text()))
                               for path in stack.dir.glob("*/*.conf"))
        self.finders = [self._process_problems, self._descriptor_problems, self._backend_problems]
        self.mark()

    def mark(self):
        self.marks = {name: [LogMark(path) for path in paths]
                      for name, paths in logs_of(self.stack).items()}

    def check(self, noise=()):
        problems = self._log_problems(noise)
        for find in list(self.finders):
            try:
                wait_until(lambda: not find(), 8, find.__name__)
            except StackError:
                problems += find()
                # What is once leaked stays; later tests are not to blame.
                self.finders.remove(find)
        self.mark()
        assert not problems, "\n".join(problems)

    def _log_problems(self, noise):
        problems = []
        for name, marks in self.marks.items():
            allowed = [pattern for log, pattern in noise if log == name]
            for line in "".join(mark.text() for mark in marks).splitlines():
                if re.search(FORBIDDEN[name], line):
                    if not any(re.search(pattern, line) for pattern in allowed):
                        problems.append(f"{name} log: {line}")
        return problems

    def _process_problems(self):
        counts = {}
        for program, pid in servers(self.stack):
            counts[program] = counts.get(program, 0) + (not is_cache_process(pid))
        expected = {"nginx": 1 + self.stack.workers, "media-indexer": 1}
        return [f"{counts.get(program, 0)} {program} processes, expected {count}"
                for program, count in expected.items() if counts.get(program, 0) != count]

    def _descriptor_problems(self):
        problems = []
        for program, pid in servers(self.stack):
            if program == "postgres":
                continue
            files, sockets = open_files(pid)
            extra = files - self.files.get(program, Counter()) - self._cached(program, files)
            if extra:
                problems.append(f"{program} {pid} holds {sorted(extra.elements())}")
            if sockets > KEPT_SOCKETS[program]:
                problems.append(f"{program} {pid} holds {sockets} sockets")
        return problems

    def _cached(self, program, files):
        """Each open_file_cache of nginx keeps each of the store's files open, once."""
        inside = str(self.stack.root.resolve()) + "/"
        return Counter({name: self.file_caches for name in files
                        if program == "nginx" and name.startswith(inside)})

    def _backend_problems(self):
        rows = self.stack.postgres.psql(
            "SELECT usename, count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
            "AND pid <> pg_backend_pid() GROUP BY 1")
        counts = dict(row.split("|") for row in rows.splitlines())
        # Each worker asks over two, and one listens for changes.
        limits = {"media_nginx": 2 * self.stack.workers + 1, "media_indexer": 6, "postgres": 0}
        return [f"{count} backends of {user}, at most {limits.get(user, 0)} expected"
                for user, count in counts.items() if int(count) > limits.get(user, 0)]


class ServerWatch:
    """Of an object store: all of its processes run, and none of them has had an accident."""

    ACCIDENT = r"Caught signal|FAILED ceph_assert|Traceback \(most recent call last\)|MemoryError"

    def __init__(self, server):
        self.server = server
        self.name = type(server).__name__.lower()
        self.marks = {path: LogMark(path) for path in sorted(server.logs.iterdir())}

    def check(self, noise=()):
        problems = [] if self.server.is_running() else [f"{self.name} does not run any more"]
        allowed = [pattern for log, pattern in noise if log == self.name]
        for path, mark in self.marks.items():
            problems += [f"{self.name}, {path.name}: {line}" for line in mark.text().splitlines()
                         if re.search(self.ACCIDENT, line)
                         and not any(re.search(pattern, line) for pattern in allowed)]
            self.marks[path] = LogMark(path)
        assert not problems, "\n".join(problems)


def servers(stack):
    """(program, pid) of every process of the stack that is watched."""
    return [(program, pid) for pid, program in stack_processes(stack.dir).items()
            if program in KEPT_SOCKETS]


def is_cache_process(pid):
    """nginx has a manager of its proxy_cache, and for a while a loader."""
    try:
        return b"nginx: cache" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def open_files(pid):
    """(names of open files, number of sockets). Pipes, timers and epoll count as files, what a
    daemon has instead of a terminal does not."""
    files, sockets = Counter(), 0
    try:
        entries = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return files, sockets
    for entry in entries:
        try:
            target = os.readlink(f"/proc/{pid}/fd/{entry}")
        except OSError:
            continue
        if target.startswith("socket:"):
            sockets += 1
        elif target != "/dev/null":
            files[re.sub(r":\[\d+\]$", "", target)] += 1
    return files, sockets


def resident_kib(pid, field="VmRSS"):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise AssertionError(f"no {field} of {pid}")
