"""Bytes are stored once for a company, and stay as long as anything refers to them."""

import signal
import threading

import psycopg

from site_under_test import Site, photo
from stack import process
from stack.process import wait_until
from test_deletions import delete_media, restore


def blob_of(site, item):
    return site.stack.postgres.psql(f"SELECT blob_id FROM media.media_files WHERE id = '{item['id']}'")


def mark_as_being_removed(site, item):
    """As a sweep does just before it removes the file of media that are deleted."""
    delete_media(site, item)
    assert site.stack.postgres.psql(f"""
        UPDATE media.loose_blobs SET since = since - interval '8 days' WHERE blob_id = '{blob_of(site, item)}';
        SELECT media.give_up_blobs(604800, 100);
        UPDATE media.doomed_files SET removing_at = now() WHERE storage_key = '{item['file_key']}'
        RETURNING storage_key""").splitlines()[-1] == item["file_key"]


def remove_at_last(site, item):
    (site.stack.root / item["file_key"]).unlink()
    site.stack.postgres.psql(f"SELECT media.files_removed('local', ARRAY['{item['file_key']}'])")


def test_a_new_reference_saves_dying_bytes(site):
    content = photo()
    first = site.receive_photo(content)
    delete_media(site, first)
    second = site.receive_photo(content)
    assert second["file_key"] == first["file_key"]
    # Also when the grace period of the first one is over.
    assert site.stack.postgres.psql(f"""
        UPDATE media.loose_blobs SET since = since - interval '8 days' WHERE blob_id = '{blob_of(site, first)}';
        SELECT media.give_up_blobs(604800, 100)""") != "0"
    assert site.get(second["file_url"]).content == content
    assert site.count("blobs", f"storage_key = '{first['file_key']}' AND state = 'live'") == 1


def test_bytes_that_come_while_they_are_removed_are_stored_anew(site):
    content = photo()
    first = site.receive_photo(content)
    mark_as_being_removed(site, first)
    second = site.receive_photo(content)
    assert second["file_key"] != first["file_key"]
    remove_at_last(site, first)
    assert site.get(second["file_url"]).content == content
    assert restore(site, first).json()["download_status"] == "completed"
    assert site.get(first["file_url"]).content == content


def test_media_restored_while_their_bytes_are_removed_get_a_key_of_their_own(site):
    """Their key is the same as before, and may be removed at any moment."""
    content = photo()
    item = site.receive_photo(content)
    mark_as_being_removed(site, item)
    assert restore(site, item).json()["download_status"] == "pending"
    again = site.wait_for(item["message_id"])
    assert again["file_key"] != item["file_key"]
    remove_at_last(site, item)
    assert site.get(again["file_url"]).content == content


def test_companies_share_nothing(site, stack, graph):
    content = photo()
    other = Site(stack, graph)
    mine, theirs = site.receive_photo(content), other.receive_photo(content)
    assert mine["file_key"] != theirs["file_key"]
    assert blob_of(site, mine) != blob_of(other, theirs)
    delete_media(site, mine)
    assert other.get(theirs["file_url"]).content == content
    assert site.get(theirs["file_url"]).status_code == 404


def test_two_daemons_store_the_same_bytes_once(own_stack, graph, tmp_path):
    site = Site(own_stack({"fetch.concurrency": 4}), graph)
    stack = site.stack
    config, pid_file = tmp_path / "second.toml", tmp_path / "second.pid"
    config.write_text(stack.indexer.config.read_text()
                      .replace("indexer.sock", "second.sock").replace("/spool", "/spool2"))
    pid = process.spawn([str(stack.programs.indexer), "serve", "--config", str(config)], pid_file,
                        tmp_path / "second.log", cwd=tmp_path)
    try:
        wait_until((stack.home / "run" / "second.sock").exists, 10, "the second daemon to listen")
        contents = [photo(20_000) for _ in range(4)]
        messages = [site.offer(contents[number % 4]) for number in range(40)]
        site.send(*messages)
        items = [site.wait_for(message["id"]) for message in messages]
    finally:
        process.stop(pid, signal.SIGTERM, 15)
    assert [site.get(item["file_url"]).content == contents[number % 4]
            for number, item in enumerate(items)] == [True] * 40
    assert site.count("blobs") == 4
    wait_until(lambda: len(site.stored_files()) == 4, 10, "spare files to go")
    workers = stack.postgres.psql("SELECT count(DISTINCT actor) FROM media.media_events"
                                  " WHERE new_status = 'completed'")
    assert workers == "2"


def test_a_file_does_not_go_while_somebody_is_about_to_refer_to_it(own_stack):
    """However short the grace period: the reference is not committed yet, so nobody sees it."""
    stack = own_stack()
    stack.indexer.stop()
    site = Site(stack)
    site.add_generic()
    with psycopg.connect(stack.postgres.conninfo()) as worker, \
            psycopg.connect(stack.postgres.conninfo(), autocommit=True) as sweeper:
        worker.execute(
            "SELECT media.accept_delivery(id, 'd', '{}', '', %s) FROM media.accounts WHERE company_id = %s",
            ('[{"external_id": "1", "conversation": {"external_id": "c"}, "media":'
             ' [{"index": 0, "file_type": "image", "url": "https://x"}]}]', site.company))
        job = worker.execute("SELECT job_id FROM media.claim_jobs('w', 9, 60)").fetchone()
        worker.commit()
        claim = "SELECT media.claim_doomed_files('local', 0, 9)"
        complete = ("SELECT outcome FROM media.complete_download(%s, 'w', sha256('x'), 1, 'image/png',"
                    " 'local', 'a/x.png')")
        assert worker.execute(complete, job).fetchone() == ("stored",)
        sweeper.execute("SELECT media.doom_file('local', 'a/x.png', FALSE)")
        assert sweeper.execute(claim).fetchall() == []
        worker.commit()
        assert sweeper.execute(claim).fetchall() == []
    assert stack.postgres.psql("SELECT count(*) FROM media.doomed_files") == "0"
    stack.indexer.start()


def test_a_file_that_is_being_removed_gets_no_reference(own_stack):
    stack = own_stack()
    stack.indexer.stop()
    outcome = []
    with psycopg.connect(stack.postgres.conninfo()) as sweeper, \
            psycopg.connect(stack.postgres.conninfo(), autocommit=True) as worker:
        sweeper.execute("SELECT media.doom_file('local', 'a/x.png', FALSE)")
        sweeper.commit()
        assert sweeper.execute("SELECT media.claim_doomed_files('local', 0, 9)").fetchall() == [("a/x.png",)]
        keeping = threading.Thread(target=lambda: outcome.append(
            worker.execute("SELECT media.keep_file('local', 'a/x.png')").fetchone()))
        keeping.start()
        wait_until(lambda: stack.postgres.psql(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == "1", 5,
            "the other to wait")
        sweeper.commit()
        keeping.join()
    assert outcome == [(False,)]
    stack.indexer.start()
