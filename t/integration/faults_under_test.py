"""Faults of a running stack, and the load under which they happen."""

import contextlib
import os
import signal
import subprocess
import threading

import pytest
import requests

from watch import servers

# What a backend says when a worker leaves in the middle of a query.
abandoned_queries = pytest.mark.log_noise("postgres", "connection to client lost")

RESTART_NOISE = [
    pytest.mark.log_noise("postgres", r"terminating \w+( \w+)? due to administrator command"),
    pytest.mark.log_noise("postgres", r"the database system is (starting up|shutting down|not yet)"),
    pytest.mark.log_noise("postgres", r"terminating connection because of|recovery"),
    pytest.mark.log_noise("postgres", "connection to client lost"),
    pytest.mark.log_noise("indexer", r"database|connection|readiness|listen"),
]


def with_restart_noise(test):
    for mark in RESTART_NOISE:
        test = mark(test)
    return test


def workers(stack):
    """Pids of the workers, without the master."""
    master = stack.nginx_pid()
    return [pid for program, pid in servers(stack) if program == "nginx" and pid != master]


def nginx_signal(stack, name):
    subprocess.run([str(stack.programs.nginx), *stack.nginx_arguments(), "-s", name], check=True,
                   capture_output=True, env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0"})


class Load:
    """Asks for media from several threads until it is told to stop."""

    def __init__(self, site, item, threads=4):
        self.threads = threads
        self.statuses = []
        self.failures = []
        self._stop = threading.Event()
        self._ask = lambda: site.get(item["file_url"])
        self._content_length = item["file_size"]
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self):
        while not self._stop.is_set():
            try:
                answer = self._ask()
                complete = len(answer.content) == self._content_length
                self.statuses.append(
                    answer.status_code if answer.status_code != 200 or complete else "short")
            except requests.RequestException as error:
                self.failures.append(error)


class FrozenDatabase:
    """Every process of Postgres stands still, sockets open: worse than being gone."""

    def __init__(self, stack):
        self.stack = stack
        self.pids = []

    def __enter__(self):
        postmaster = self.stack.postgres.pid()
        # The postmaster first, so that it starts nothing new.
        self._signal([postmaster], signal.SIGSTOP)
        self.pids = [pid for program, pid in servers(self.stack) if program == "postgres"]
        self._signal(self.pids, signal.SIGSTOP)
        return self

    def __exit__(self, *_):
        self._signal(self.pids, signal.SIGCONT)

    @staticmethod
    def _signal(pids, sig):
        for pid in pids:
            # A backend that had been told to end may have gone meanwhile.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sig)
