"""Stopping, restarting and losing the indexer: what was accepted is never lost."""

import os
import signal
import time
import uuid

import pytest

from doubles.faults import ALWAYS
from doubles.whatsapp_webhook import envelope
from site_under_test import Site, photo
from stack.process import is_alive, wait_until
from faults_under_test import FrozenDatabase, with_restart_noise


@pytest.fixture
def own_site(own_stack, graph):
    return Site(own_stack(), graph)


def stack_is_ready(site):
    """Both ways to the database are open again."""
    return lambda: (site.stack.indexer.is_ready()
                    and site.get(f"/media/{uuid.uuid4()}").status_code == 404)


def temporary_files(stack):
    """Names below the store that no media has."""
    known = set(stack.postgres.psql("SELECT storage_key FROM media.blobs").splitlines())
    return [path for path in stack.root.rglob("*")
            if path.is_file() and str(path.relative_to(stack.root)) not in known
            and path.name != ".ngx_media_store"]


def test_a_stop_during_downloads_gives_them_back(own_site):
    """The transfers are slower than the grace time: others finish them after the restart."""
    stack = own_site.stack
    contents = [photo() for _ in range(6)]
    messages = [own_site.offer(content, faults=[("download", "stall", 1)]) for content in contents]
    own_site.send(*messages)
    wait_until(lambda: own_site.count("media_files", "download_status = 'downloading'") >= 4, 5,
               "downloads to run")
    begin = time.monotonic()
    stack.indexer.stop()
    assert time.monotonic() - begin < 8
    assert own_site.count("media_files", "download_status = 'downloading'") == 0
    assert temporary_files(stack) == []
    stack.indexer.start()
    for message, content in zip(messages, contents):
        item = own_site.wait_for(message["id"])
        assert own_site.get(item["file_url"]).content == content


def test_a_stop_is_quick_when_nothing_runs(own_site):
    begin = time.monotonic()
    own_site.stack.indexer.stop()
    assert time.monotonic() - begin < 2
    assert not own_site.stack.indexer.socket.exists()
    own_site.stack.indexer.start()


# It may be reading the account that was just made.
@pytest.mark.log_noise("postgres", "connection to client lost")
def test_a_stale_socket_is_replaced_after_a_crash(own_site):
    own_site.stack.indexer.stop(signal.SIGKILL)
    assert own_site.stack.indexer.socket.exists()
    own_site.stack.indexer.start()
    own_site.receive_photo()


def test_a_second_indexer_on_the_same_socket_refuses_to_start(own_site):
    import subprocess
    stack = own_site.stack
    done = subprocess.run(
        [str(stack.programs.indexer), "serve", "--config", str(stack.indexer.config)],
        capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert stack.indexer.get("/healthz")[0] == 200


def test_a_killed_indexers_downloads_are_taken_over(own_site):
    message = own_site.offer(faults=[("download", "stall", 1)])
    own_site.send(message)
    wait_until(lambda: own_site.count("media_files", "download_status = 'downloading'") == 1, 5,
               "the download to run")
    own_site.stack.indexer.stop(signal.SIGKILL)
    own_site.stack.indexer.start()
    own_site.wait_for(message["id"], seconds=20)
    assert temporary_files(own_site.stack) == []


def test_two_indexers_share_the_work(own_site, tmp_path):
    """Another daemon on the same database and store, with a socket of its own."""
    from stack import process
    stack = own_site.stack
    config = tmp_path / "second.toml"
    config.write_text(stack.indexer.config.read_text()
                      .replace("indexer.sock", "second.sock").replace("/spool", "/spool2"))
    pid_file = tmp_path / "second.pid"
    pid = process.spawn([str(stack.programs.indexer), "serve", "--config", str(config)], pid_file,
                        tmp_path / "second.log", cwd=tmp_path)
    try:
        messages = [own_site.offer() for _ in range(40)]
        own_site.send(*messages)
        for message in messages:
            own_site.wait_for(message["id"])
    finally:
        process.stop(pid, signal.SIGTERM, 15)
    assert own_site.count("blobs") == 40
    assert own_site.count("media_files", "download_attempts > 1") == 0


@with_restart_noise
def test_without_a_database_the_indexer_lives_and_is_not_ready(own_site):
    message = own_site.offer()
    own_site.stack.postgres.stop()
    assert own_site.stack.indexer.get("/readyz")[0] == 503
    assert own_site.stack.indexer.get("/healthz")[0] == 200
    own_site.stack.postgres.start()
    own_site.webhook.deliver(envelope(own_site.phone_number_id, [message]))
    own_site.wait_for(message["id"])


@with_restart_noise
def test_a_database_restart_during_downloads_loses_nothing(own_site):
    messages = [own_site.offer(faults=[("download", "drip", 1)]) for _ in range(8)]
    own_site.send(*messages)
    wait_until(lambda: own_site.count("media_files", "download_status = 'downloading'") >= 4, 5,
               "downloads to run")
    own_site.stack.postgres.stop()
    own_site.stack.postgres.start()
    wait_until(stack_is_ready(own_site), 15, "the indexer to find the database again")
    for message in messages:
        own_site.wait_for(message["id"], seconds=30)
    assert own_site.count("blobs") == 8
    assert temporary_files(own_site.stack) == []


@pytest.mark.log_noise("indexer", "timeout|database|delivery_refused|query")
@pytest.mark.log_noise("postgres", "canceling statement|terminating connection|could not|connection to client")
def test_a_silent_database_makes_webhooks_wait_and_keeps_them(own_stack, graph):
    site = Site(own_stack({"database.query_timeout_ms": 1000}), graph)
    message = site.offer()
    with FrozenDatabase(site.stack):
        answer = site.webhook.post(envelope(site.phone_number_id, [message]))
        assert answer.status_code == 200
        assert len(list((site.stack.dir / "spool").glob("*.request"))) == 1
    site.wait_for(message["id"], seconds=10)


@pytest.mark.log_noise("indexer", "store|marker|storage")
def test_a_store_that_lost_its_mark_is_not_written_to(own_site):
    """As when the disk is not mounted: the directory is there, and empty."""
    stack = own_site.stack
    mark = stack.root / ".ngx_media_store"
    hidden = stack.dir / "hidden-mark"
    mark.rename(hidden)
    message_id = own_site.send_photo()
    waiting = own_site.wait_for_error(message_id, "storage")
    assert waiting["download_status"] == "pending"
    assert own_site.stored_files() == []
    hidden.rename(mark)
    own_site.retry_now(waiting["id"])
    own_site.wait_for(message_id)


def test_jobs_of_a_dead_provider_do_not_hold_up_the_stop(own_site):
    for _ in range(10):
        own_site.send_photo(faults=[("download", "stall", ALWAYS)])
    pid = own_site.stack.indexer.pid()
    begin = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not is_alive(pid), 10, "the indexer to stop")
    assert time.monotonic() - begin < 8
    own_site.stack.indexer.start()
