"""What clients, operators and databases do in the middle of requests."""

import os
import random
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from doubles.whatsapp_webhook import envelope
from raw_http import request_bytes
from stack.process import wait_until
from watch import resident_kib, servers

pytestmark = pytest.mark.module


@pytest.fixture(scope="module")
def item(site):
    return site.receive_photo()


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


def test_clients_that_hang_up_leave_nothing_behind(site, item):
    request = request_bytes("GET", item["file_url"], [("Authorization", f"Bearer {site.token}")])
    chance = random.Random(1)

    def hang_up(_):
        with socket.create_connection(("127.0.0.1", site.stack.port), timeout=10) as client:
            sent = chance.choice([len(request), len(request), 40])
            client.sendall(request[:sent])
            if sent == len(request) and chance.random() < 0.5:
                client.recv(chance.choice([1, 1000, 20000]))
            if chance.random() < 0.5:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hang_up, range(400)))
    assert site.get(item["file_url"]).status_code == 200


@pytest.mark.log_noise("postgres", "connection to client lost")
def test_clients_that_hang_up_while_the_database_is_silent_leave_nothing_behind(site, item):
    request = request_bytes("GET", item["file_url"], [("Authorization", f"Bearer {site.token}")])
    database = FrozenDatabase(site.stack)
    with database:
        for _ in range(100):
            with socket.create_connection(("127.0.0.1", site.stack.port), timeout=10) as client:
                client.sendall(request)
    wait_until(lambda: site.get(item["file_url"]).status_code == 200, 10, "service again")


# What a backend says when a worker leaves in the middle of a lookup.
abandoned_lookups = pytest.mark.log_noise("postgres", "connection to client lost")


@abandoned_lookups
def test_ten_reloads_under_load_lose_no_request(site, item):
    with Load(site, item) as load:
        for _ in range(10):
            before = set(workers(site.stack))
            nginx_signal(site.stack, "reload")
            wait_until(lambda: set(workers(site.stack)) - before, 10, "new workers")
    assert len(load.statuses) > 20
    assert set(load.statuses) == {200}
    assert load.failures == []


@abandoned_lookups
@pytest.mark.log_noise("nginx", r"\[alert\].*worker process \d+ exited on signal 9")
def test_a_killed_worker_is_replaced(site, item):
    with Load(site, item) as load:
        for _ in range(3):
            victim = workers(site.stack)[0]
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda: victim not in workers(site.stack), 5, "the worker to die")
            wait_until(lambda: len(workers(site.stack)) == site.stack.workers, 5, "a new worker")
    assert set(load.statuses) == {200}
    assert site.get(item["file_url"]).status_code == 200


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
            os.kill(pid, sig)


@abandoned_lookups
def test_a_silent_database_is_a_503_and_passes(site, item):
    with FrozenDatabase(site.stack):
        begin = time.monotonic()
        answer = site.get(item["file_url"])
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert "no-store" in answer.headers["Cache-Control"]
        assert time.monotonic() - begin < 5
    wait_until(lambda: site.get(item["file_url"]).status_code == 200, 10, "service again")


def test_a_silent_database_does_not_block_the_event_loop(site):
    with FrozenDatabase(site.stack):
        begin = time.monotonic()
        assert requests.get(site.stack.url + "/nothing", timeout=10).status_code == 404
        assert time.monotonic() - begin < 0.5


RESTART_NOISE = [
    pytest.mark.log_noise("postgres", r"terminating connection due to administrator command"),
    pytest.mark.log_noise("postgres", r"the database system is (starting up|shutting down|not yet)"),
    pytest.mark.log_noise("postgres", r"terminating connection because of|recovery"),
    pytest.mark.log_noise("postgres", "connection to client lost"),
    pytest.mark.log_noise("indexer", r"database|connection|readiness|listen"),
]


def with_restart_noise(test):
    for mark in RESTART_NOISE:
        test = mark(test)
    return test


@with_restart_noise
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_a_restarted_database_is_found_again(site, item, sig):
    with Load(site, item) as load:
        site.stack.postgres.stop(sig)
        wait_until(lambda: 503 in load.statuses, 10, "a 503")
        site.stack.postgres.start()
        mark = len(load.statuses)
        wait_until(lambda: 200 in load.statuses[mark:], 15, "service again")
    assert set(load.statuses) <= {200, 503}
    assert load.failures == []
    message = site.offer()
    site.webhook.deliver(envelope(site.phone_number_id, [message]))
    site.wait_for(message["id"])


@with_restart_noise
def test_without_a_database_public_parts_of_the_site_live_on(site, item):
    site.stack.postgres.stop()
    try:
        answer = site.get(item["file_url"])
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1
        static = requests.get(f"{site.stack.url}/static/{item['file_key']}", timeout=10)
        assert static.status_code == 200
        assert site.get(item["file_url"], token="a.b.c").status_code == 401
    finally:
        site.stack.postgres.start()
    wait_until(lambda: site.get(item["file_url"]).status_code == 200, 15, "service again")


@with_restart_noise
def test_terminated_backends_are_replaced(site, item):
    with Load(site, item) as load:
        for _ in range(5):
            site.stack.postgres.psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE usename = 'media_nginx'")
    assert set(load.statuses) <= {200, 503}
    wait_until(lambda: site.get(item["file_url"]).status_code == 200, 10, "service again")


def test_memory_of_a_worker_does_not_grow_with_requests(site, item):
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {site.token}"
    url = site.stack.url + item["file_url"]

    def ask(times):
        for _ in range(times):
            assert session.head(url, timeout=10).status_code == 200
        return max(resident_kib(pid) for pid in workers(site.stack))
    warm = ask(500)
    assert ask(2000) - warm < 2048
    session.close()


@abandoned_lookups
def test_nginx_stops_cleanly_with_lookups_in_flight(own_stack, graph):
    from site_under_test import Site
    stack = own_stack()
    site = Site(stack, graph)
    item = site.receive_photo()
    with Load(site, item):
        stack.stop_nginx(signal.SIGQUIT)
    assert not any(program == "nginx" for program, _ in servers(stack))
    stack.start_nginx()
    assert site.get(item["file_url"]).status_code == 200
