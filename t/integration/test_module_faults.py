"""What clients, operators and databases do in the middle of requests, when every request asks the
database. test_module_cache.py has the same with a cache."""

import os
import random
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from doubles.whatsapp_webhook import envelope
from faults_under_test import (FrozenDatabase, Load, abandoned_queries, nginx_signal,
                               with_restart_noise, workers)
from raw_http import request_bytes
from site_under_test import Site
from stack.process import wait_until
from watch import resident_kib, servers

pytestmark = pytest.mark.module

STATIC_TWIN = "location /static/ { alias %s/media/; }"


@pytest.fixture(scope="module")
def site(stacks, quick_settings, graph):
    """A site on a stack without media_cache."""
    stack = stacks.start("uncached", quick_settings, STATIC_TWIN % (stacks.directory / "uncached"),
                         cache=False)
    yield Site(stack, graph)
    stacks.stop("uncached")


@pytest.fixture(scope="module")
def item(site):
    return site.receive_photo()


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


def test_a_client_that_has_said_all_still_gets_its_answer(site, item):
    """It closes its half of the connection while the lookup is under way."""
    request = request_bytes("GET", item["file_url"], [("Authorization", f"Bearer {site.token}")])
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", site.stack.port), timeout=10) as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.mark.log_noise("postgres", "connection to client lost")
def test_clients_that_hang_up_while_the_database_is_silent_leave_nothing_behind(site, item):
    request = request_bytes("GET", item["file_url"], [("Authorization", f"Bearer {site.token}")])
    database = FrozenDatabase(site.stack)
    with database:
        for _ in range(100):
            with socket.create_connection(("127.0.0.1", site.stack.port), timeout=10) as client:
                client.sendall(request)
    wait_until(lambda: site.get(item["file_url"]).status_code == 200, 10, "service again")


@abandoned_queries
def test_ten_reloads_under_load_lose_no_request(site, item):
    with Load(site, item) as load:
        for _ in range(10):
            before = set(workers(site.stack))
            nginx_signal(site.stack, "reload")
            wait_until(lambda: set(workers(site.stack)) - before, 10, "new workers")
    assert len(load.statuses) > 20
    assert set(load.statuses) == {200}
    assert load.failures == []


@abandoned_queries
@pytest.mark.log_noise("nginx", r"\[alert\].*worker process \d+ exited on signal 9")
def test_a_killed_worker_is_replaced(site, item):
    with Load(site, item) as load:
        for _ in range(3):
            victim = workers(site.stack)[0]
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda: victim not in workers(site.stack), 5, "the worker to die")
            wait_until(lambda: len(workers(site.stack)) == site.stack.workers, 5, "a new worker")
    # What the victims were in the middle of sending is cut off, or fails to connect.
    assert load.statuses.count("short") <= 3 * load.threads
    assert set(load.statuses) <= {200, "short"}
    assert site.get(item["file_url"]).status_code == 200


@abandoned_queries
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
    # The API's callers are looked up as well, by either worker.
    wait_until(lambda: {site.get(item["file_url"]).status_code for _ in range(20)} == {200}, 15,
               "both workers' service")
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


@abandoned_queries
def test_nginx_stops_cleanly_with_lookups_in_flight(own_stack, graph):
    stack = own_stack(cache=False)
    site = Site(stack, graph)
    item = site.receive_photo()
    with Load(site, item):
        stack.stop_nginx(signal.SIGQUIT)
    assert not any(program == "nginx" for program, _ in servers(stack))
    stack.start_nginx()
    assert site.get(item["file_url"]).status_code == 200
