"""`media-indexer migrate`: files go from disk to an object store and back while they are served."""

import json
import signal
import subprocess
import time

import pytest
import requests

from migration_under_test import SIZE, MovingSite, Readers, two_stores
from site_under_test import Site, photo
from stack.process import wait_until


@pytest.fixture(scope="module")
def stack_and_bucket(stacks, quick_settings, object_store, tmp_path_factory):
    bucket = object_store.new_bucket()
    settings, store = two_stores(object_store, bucket, tmp_path_factory.mktemp("keys"))
    stack = stacks.start(f"migrate-{type(object_store).__name__}",
                         quick_settings | {"deletion.grace_seconds": 3600} | settings,
                         http_config=store)
    yield stack, bucket
    stacks.stop(f"migrate-{type(object_store).__name__}")


@pytest.fixture
def site(stack_and_bucket, graph, object_store):
    stack, bucket = stack_and_bucket
    return MovingSite(stack, graph, object_store, bucket)


def test_files_move_there_and_back_while_they_are_served(site):
    site.receive(12)
    with Readers(site) as readers:
        wait_until(lambda: readers.reads > 20, 10, "the readers")
        assert site.files(site.migrate()) == {"found": 12, "moved": 12}
        assert site.stores() == {"s3": 12}
        seen = readers.reads
        wait_until(lambda: readers.reads > seen + 50, 20, "reads from the new store")
        assert site.files(site.migrate(from_store="s3", to_store="local")) == {"found": 12, "moved": 12}
        assert site.stores() == {"local": 12}
        seen = readers.reads
        wait_until(lambda: readers.reads > seen + 50, 20, "reads from the old store")
    assert readers.wrong == []
    assert len(site.objects()) == 12, "what was left behind has its grace period"


def test_the_table_adds_up_and_a_second_run_finds_all_of_it_there(site):
    site.receive(3)
    done = site.run()
    assert done.returncode == 0, done.stderr
    figures = {line[:15].strip(): line[15:].split() for line in done.stdout.splitlines()[1:6]}
    assert figures == {"found": ["3", str(3 * SIZE)], "moved": ["3", str(3 * SIZE)], "already there": ["0", "0"],
                       "failed": ["0", "0"], "vanished": ["0", "0"]}
    assert "left in local: 0 files, 0 bytes" in done.stdout
    assert site.files(site.migrate()) == {"found": 3, "already_there": 3}
    site.all_are_served()
    head = site.object_store.client.head_object(Bucket=site.bucket, Key=site.objects().pop())
    assert head["ContentType"] == "image/jpeg"


def test_killed_in_the_middle_it_goes_on_where_it_was(site):
    site.receive(20)
    for enough in (3, 10):
        running = subprocess.Popen(site.command("--rate", str(SIZE * 10), "--concurrency", "2"),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda count=enough: site.stores().get("s3", 0) >= count, 30, f"{enough} files to be moved")
        running.send_signal(signal.SIGKILL)
        running.wait()
    there = site.stores()["s3"]
    assert there < 20
    assert site.files(site.migrate()) == {"found": 20, "moved": 20 - there, "already_there": there}
    assert len(site.objects()) == 20, "a copy without a row is adopted, not made again"
    site.all_are_served()


def test_moves_are_undone_without_the_new_store(site):
    site.receive(5)
    site.migrate()
    for key in site.objects():
        site.object_store.client.delete_object(Bucket=site.bucket, Key=key)
    assert site.files(site.migrate("--rollback", "--dry-run")) == {"found": 5, "moved": 5}
    assert site.stores() == {"s3": 5}
    assert site.files(site.migrate("--rollback")) == {"found": 5, "moved": 5}
    assert site.stores() == {"local": 5}
    site.all_are_served()
    assert site.files(site.migrate("--rollback")) == {}


def test_what_is_swept_cannot_be_undone(site):
    site.receive(2)
    site.migrate()
    site.psql("UPDATE media.doomed_files SET doomed_at = now() - interval '2 hours'"
              f" WHERE store = 'local' AND storage_key LIKE '{site.company}/%'")
    site.stack.indexer.stop()
    site.stack.indexer.start()
    wait_until(lambda: site.stored_files() == [], 20, "the sweep")
    assert site.files(site.migrate("--rollback")) == {}
    site.all_are_served()


def test_verification_finds_a_flipped_bit_and_changes_nothing(site):
    ids = site.receive(3)
    site.migrate()
    key = site.key_of(ids[1])
    content = bytearray(site.contents[ids[1]])
    content[100] ^= 1
    site.object_store.client.put_object(Bucket=site.bucket, Key=key, Body=bytes(content))
    totals = site.migrate("--verify-only", status=1)
    assert site.files(totals) == {"found": 3, "moved": 2, "failed": 1}
    assert [(failure["key"], failure["reason"].split(":")[0]) for failure in totals["failures"]] == [
        (key, "hash_mismatch")]
    assert site.stores() == {"s3": 3}


def test_what_is_not_as_its_row_says_stays_where_it_is(site):
    ids = site.receive(4)
    paths = [site.stack.root / site.key_of(media_id) for media_id in ids]
    paths[0].write_bytes(site.contents[ids[0]][:-1] + b"?")
    paths[1].write_bytes(site.contents[ids[1]][:-1])
    paths[2].unlink()
    totals = site.migrate(status=1)
    assert site.files(totals) == {"found": 4, "moved": 1, "failed": 3}
    assert sorted(failure["reason"].split(":")[0] for failure in totals["failures"]) == [
        "hash_mismatch", "not_found", "size_mismatch"]
    assert totals["left"]["files"] == 3
    assert site.stores() == {"local": 3, "s3": 1}
    again = site.run()
    assert again.returncode == 1
    assert f"{site.key_of(ids[2])} (blob " in again.stderr


def test_a_dry_run_changes_nothing(site):
    site.receive(3)
    totals = site.migrate("--dry-run")
    assert site.files(totals) == {"found": 3, "moved": 3}
    assert totals["dry_run"] is True
    assert site.stores() == {"local": 3}
    assert site.objects() == set()


def test_what_is_deleted_meanwhile_has_vanished(site):
    ids = site.receive(10)
    running = subprocess.Popen(site.command("--json", "--rate", str(SIZE * 5), "--concurrency", "1"),
                               stdout=subprocess.PIPE, text=True)
    wait_until(lambda: site.stores().get("s3", 0) >= 1, 30, "the first file to be moved")
    last = site.psql("SELECT m.id FROM media.media_files AS m JOIN media.blobs AS b ON b.id = m.blob_id"
                     f" WHERE b.company_id = '{site.company}' ORDER BY b.id DESC LIMIT 2").split()
    for media_id in last:
        answer = requests.delete(f"{site.stack.url}/api/v1/media/{media_id}", timeout=10,
                                 headers={"Authorization": f"Bearer {site.token}"})
        assert answer.status_code == 204
        del site.contents[media_id]
    site.psql("SELECT media.give_up_blobs(0, 1000)")
    output, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    assert site.files(json.loads(output)) == {"found": 10, "moved": 8, "vanished": 2}
    assert len(ids) - len(site.contents) == 2
    site.all_are_served()


def test_the_rate_is_kept(site):
    site.receive(6)
    started = time.monotonic()
    site.migrate("--rate", str(SIZE * 4), "--concurrency", "4")
    # The first one goes at once.
    assert time.monotonic() - started > 5 / 4 * 0.95


def test_two_do_not_move_between_the_same_stores(site):
    site.receive(6)
    running = subprocess.Popen(site.command("--rate", str(SIZE * 2), "--concurrency", "1"),
                               stdout=subprocess.DEVNULL)
    wait_until(lambda: site.stores().get("s3", 0) >= 1, 30, "the first file to be moved")
    other = site.run(from_store="s3", to_store="local")
    assert other.returncode == 1
    assert "another `media-indexer migrate` between s3 and local is running" in other.stderr
    running.terminate()
    assert running.wait() == 1, "stopped, it says so"
    assert site.migrate()["found"]["files"] == 6


def test_only_the_files_of_an_account_move(site):
    site.receive(2)
    first = site.phone_number_id
    other = Site(site.stack, site.graph)
    other.receive_photo()
    assert site.run("--account", "nobody").stderr == "media-indexer: no account 'nobody'\n"
    assert site.run("--account", other.phone_number_id).returncode == 1, "of another company"
    assert site.files(site.migrate("--account", first)) == {"found": 2, "moved": 2}
    assert other.count("blobs", "store = 'local'") == 1


def test_stores_must_be_in_the_configuration(site):
    done = site.run(to_store="cold")
    assert done.returncode == 1
    assert "no store 'cold' in the configuration, which has local, s3" in done.stderr


def test_renditions_move_with_their_original(site):
    (media_id,) = site.receive(1)
    content = photo(SIZE)
    key = f"{site.company}/poster.jpg"
    (site.stack.root / key).write_bytes(content)
    site.psql("INSERT INTO media.renditions (company_id, blob_id, kind, storage_key, size, mime_type, sha256)"
              f" SELECT company_id, blob_id, 'poster', '{key}', {SIZE}, 'image/jpeg', sha256('\\x{content.hex()}')"
              f" FROM media.media_files WHERE id = '{media_id}'")
    assert site.files(site.migrate()) == {"found": 2, "moved": 2}
    assert key in site.objects()
    assert site.psql(f"SELECT store FROM media.lookup_rendition('{media_id}', 'poster')") == "s3"
