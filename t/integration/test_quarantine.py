"""What operators do with suspicious bytes, and what becomes of those that nobody looks at."""

import json
import os
import time
import uuid

from site_under_test import Site, photo
from stack.process import wait_until


def program(size=2000):
    return b"MZ" + bytes(size - 18) + os.urandom(16)


def set_aside(site, content=None):
    """The item of a quarantined document."""
    message = site.offer(content or program(), "document", "application/pdf", filename="a.pdf")
    site.send(message)
    return site.wait_for(message["id"], "quarantined")


def item_of(site, item):
    return site.get(f"/api/v1/media/{item['id']}").json()


def test_the_list_tells_what_whose_and_why(site, stack):
    content = program()
    item = set_aside(site, content)
    listed = {entry["media_id"]: entry
              for entry in json.loads(stack.command("quarantine", "list", "--json"))}
    entry = listed[item["id"]]
    assert entry["size"] == len(content)
    assert entry["error"].startswith("executable:")
    assert entry["provider"] == "whatsapp" and entry["file_name"] == "a.pdf"
    assert item["id"] in stack.command("quarantine", "list")


def test_released_media_is_served_as_what_it_is(site, stack):
    content = program()
    item = set_aside(site, content)
    told = json.loads(stack.command("quarantine", "release", item["id"], "--json"))
    assert told["download_status"] == "completed"
    assert told["file_key"].startswith(site.company + "/")
    answer = site.get(item["file_url"])
    assert answer.content == content
    assert answer.headers["Content-Type"] == "application/x-msdownload"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert not site.quarantined_file(item["id"]).exists()
    assert item_of(site, item)["last_error"] is None


def test_the_same_content_is_released_once_stored_once(site, stack):
    content = program()
    items = [set_aside(site, content) for _ in range(2)]
    files = len(site.stored_files())
    keys = [stack.command("quarantine", "release", item["id"]) for item in items]
    assert keys[0] == keys[1]
    assert len(site.stored_files()) == files + 1
    assert site.get(items[1]["file_url"]).content == content


def test_deleted_bytes_are_gone_and_the_media_has_failed(site, stack):
    item = set_aside(site)
    assert json.loads(stack.command("quarantine", "delete", item["id"], "--json")) == {
        "media_id": item["id"], "download_status": "failed"}
    assert not site.quarantined_file(item["id"]).exists()
    after = item_of(site, item)
    assert after["download_status"] == "failed" and after["last_error"].startswith("executable:")
    assert item["id"] not in stack.command("quarantine", "list")


def test_what_is_not_in_quarantine_is_an_error(site, run):
    received = site.receive_photo(photo())
    for command in ("release", "delete"):
        for media_id in (received["id"], str(uuid.uuid4())):
            done = run("quarantine", command, media_id)
            assert done.returncode == 1 and "is not in quarantine" in done.stderr
        assert run("quarantine", command, "../x").returncode == 2
        assert run("quarantine", command).returncode == 2
    assert site.get(received["file_url"]).status_code == 200


def test_the_oldest_go_when_there_is_too_much(own_stack, graph):
    site = Site(own_stack({"quarantine.max_bytes": 1 << 20}), graph)
    items = [set_aside(site, program(400_000)) for _ in range(3)]
    wait_until(lambda: not site.quarantined_file(items[0]["id"]).exists(), 10, "the oldest to go")
    assert item_of(site, items[0])["download_status"] == "failed"
    assert [site.quarantined_file(item["id"]).exists() for item in items[1:]] == [True, True]


def test_old_ones_and_strays_go_when_the_daemon_starts(own_stack, graph):
    site = Site(own_stack(), graph)
    old, young, stray, fresh_stray = (set_aside(site) for _ in range(4))
    psql = site.stack.postgres.psql
    psql("UPDATE media.quarantine SET created_at = now() - interval '31 days' "
         f"WHERE media_id = '{old['id']}'")
    psql(f"DELETE FROM media.media_files WHERE id IN ('{stray['id']}', '{fresh_stray['id']}')")
    an_hour_ago = time.time() - 3700
    os.utime(site.quarantined_file(stray["id"]), (an_hour_ago, an_hour_ago))
    os.utime(site.quarantined_file(young["id"]), (an_hour_ago, an_hour_ago))
    site.stack.indexer.stop()
    site.stack.indexer.start()
    for item in (old, stray):
        wait_until(lambda: not site.quarantined_file(item["id"]).exists(), 10, "it to go")
    # A download may be about to record a file that has no row yet.
    assert site.quarantined_file(fresh_stray["id"]).exists()
    assert site.quarantined_file(young["id"]).exists()
    assert item_of(site, old)["download_status"] == "failed"
