"""The database and the store are compared, and repaired as far as was asked."""

import pytest

from fsck_under_test import CheckedSite, damage, make_older
from site_under_test import photo
from stack.process import wait_until


@pytest.fixture(scope="module")
def checked_stack(stacks, quick_settings):
    yield stacks.start("fsck", quick_settings)
    stacks.stop("fsck")


@pytest.fixture
def site(checked_stack, graph):
    """Of a store that is all right before the test, and that a repair makes so after it."""
    site = CheckedSite(checked_stack, graph)
    yield site
    site.repair()
    wait_until(lambda: site.count("jobs") == 0, 20, "what is lost to be fetched again")
    assert site.fsck("--checksum").status == 0


def test_a_store_that_is_all_right(site):
    item = site.receive_photo()
    found = site.fsck("--checksum")
    assert (found.status, found.errors, found.faults) == (0, "", [])
    totals = found.totals["local"]
    assert totals["files"] == totals["known"] == totals["hashed_files"] >= 1
    assert totals["bytes"] == totals["hashed_bytes"] >= item["file_size"]
    told = site.run_fsck("--min-age", "0")
    assert told.returncode == 0 and told.stdout.splitlines()[0].split()[:4] == ["store", "files", "bytes", "known"]


def test_what_is_missing_is_told_and_changes_nothing(site):
    item = site.receive_photo()
    site.file_of(item).unlink()
    found = site.fsck()
    assert found.status == 1 and found.kinds() == [("missing", item["file_key"])]
    assert found.faults[0]["repair"] is None and found.faults[0]["size"] == item["file_size"]
    told = site.fsck("--repair", "missing", "--dry-run")
    assert told.faults[0]["repair"] == "would be given up"
    assert site.items(item["message_id"])[0]["download_status"] == "completed"
    # But for young ones, and what was not asked for.
    assert site.fsck(min_age="1h").status == 0
    assert site.fsck("--repair", "untracked").faults[0]["repair"] is None
    assert f"missing    local:{item['file_key']}  ({item['file_size']} bytes)" in \
        site.run_fsck("--min-age", "0").stdout.splitlines()


def test_what_is_missing_is_fetched_again(site):
    content = photo()
    items = [site.receive_photo(content) for _ in range(2)]
    site.file_of(items[0]).unlink()
    found = site.repair("missing")
    assert found.status == 1 and found.totals["local"]["repaired"] == 1
    assert found.faults[0]["repair"] == "2 media failed, 2 of them fetched again"
    for item in items:
        assert site.get(site.wait_for(item["message_id"])["file_url"]).content == content
    assert site.fsck().status == 0


def test_what_the_provider_has_lost_fails_with_a_reason(site):
    item = site.receive_photo()
    site.file_of(item).unlink()
    site.stack.postgres.psql("UPDATE media.media_files SET deadline = now() - interval '1 day'"
                             f" WHERE id = '{item['id']}'")
    assert site.repair("missing").faults[0]["repair"] == "1 media failed, 0 of them fetched again"
    after = site.wait_for(item["message_id"], "failed")
    assert after["last_error"] == "missing: the stored bytes are gone"
    assert "The bytes were stored, and are not there any more." in site.stack.command("explain", item["id"])
    wait_until(lambda: site.get(item["file_url"]).status_code != 200, 2, "nginx to hear of it")
    assert site.stack.postgres.psql("SELECT actor FROM media.media_events WHERE new_status = 'failed'"
                                    f" AND media_id = '{item['id']}'") == "fsck"


def test_deleted_media_are_fetched_when_they_are_restored(site):
    content = photo()
    item = site.receive_photo(content)
    site.stack.postgres.psql(f"SELECT media.delete_media('{site.company}', '{item['id']}', 'x', 'y')")
    site.file_of(item).unlink()
    assert site.repair("missing").status == 1
    assert site.stack.postgres.psql(
        f"SELECT media.restore_media('{site.company}', '{item['id']}', 'x', 'y')") == "pending"
    assert site.get(site.wait_for(item["message_id"])["file_url"]).content == content


def test_another_size_is_told_and_repaired(site):
    content = photo()
    item = site.receive_photo(content)
    path = site.file_of(item)
    path.write_bytes(content[:-1])
    found = site.fsck()
    assert found.kinds() == [("size", item["file_key"])]
    assert found.faults[0]["found_size"] == found.faults[0]["size"] - 1
    assert site.repair("missing").faults[0]["repair"] is None
    assert site.repair("size").totals["local"]["repaired"] == 1
    after = site.wait_for(item["message_id"])
    assert site.get(after["file_url"]).content == content
    assert after["file_key"] != item["file_key"] and path.read_bytes() == content[:-1]


def test_other_bytes_are_found_by_their_hash_and_kept_for_a_while(site):
    content = photo()
    item = site.receive_photo(content)
    damaged = damage(site.file_of(item))
    assert site.fsck("--repair", "missing,size,untracked").status == 0
    found = site.fsck("--checksum")
    assert found.status == 1 and found.kinds() == [("corrupt", item["file_key"])]
    assert found.faults[0]["detail"].startswith("its SHA-256 is ")
    assert site.repair("corrupt").faults[0]["repair"] == "1 media failed, 1 of them fetched again"
    after = site.wait_for(item["message_id"])
    assert site.get(after["file_url"]).content == content
    assert site.file_of(item).read_bytes() == damaged
    assert site.fsck("--checksum").status == 0


def test_untracked_files_get_a_grace_period(site):
    site.receive_photo()
    stray = site.stray()
    found = site.fsck()
    assert found.status == 1 and found.kinds() == [("untracked", site.key_of(stray))]
    assert site.fsck("--repair", "untracked", "--dry-run").faults[0]["repair"] == "would be removed in 7 d"
    assert site.fsck("--repair", "missing,size").faults[0]["repair"] is None
    assert site.fsck("--repair", "untracked").faults[0]["repair"] == "removed in 7 d"
    assert stray.read_bytes() == b"stray"
    assert site.fsck().status == 0


def test_young_files_are_left_alone(site):
    site.stray(age=1800)
    assert site.fsck(min_age="1h").status == 0
    assert site.fsck(min_age="15m").status == 1


def test_a_checksum_budget_goes_on_where_the_last_one_ended(site):
    items = sorted((site.receive_photo() for _ in range(4)), key=lambda item: item["file_key"])
    broken = items[2]
    damage(site.file_of(broken))
    known = site.fsck().totals["local"]["known"]
    told = []
    for _ in range(known):
        found = site.fsck("--checksum", "--budget", "1")
        assert found.totals["local"]["hashed_files"] == 1
        told += found.kinds()
    assert told == [("corrupt", broken["file_key"])]
    # The next one begins anew; a dry run does not count.
    for _ in range(2):
        assert site.fsck("--checksum", "--budget", "1", "--dry-run").totals["local"]["hashed_files"] == 1
    assert site.fsck("--checksum", "--budget", "1G").totals["local"]["hashed_files"] == known


@pytest.mark.log_noise("indexer", "store|marker|sweep_failed|storage")
def test_a_disk_that_is_not_mounted_is_no_loss(site):
    item = site.receive_photo()
    mark, hidden = site.stack.root / ".ngx_media_store", site.stack.dir / "hidden-mark"
    mark.rename(hidden)
    found = site.repair()
    hidden.rename(mark)
    assert found.status == 2 and ".ngx_media_store" in found.errors and found.faults == []
    assert site.items(item["message_id"])[0]["download_status"] == "completed"


def test_an_empty_store_is_not_repaired(site):
    item = site.receive_photo()
    hidden = site.stack.root / ".hidden"
    hidden.mkdir()
    companies = [path for path in site.stack.root.iterdir() if path.name[0] != "."]
    for path in companies:
        path.rename(hidden / path.name)
    refused, told = site.repair(), site.fsck()
    for path in companies:
        (hidden / path.name).rename(path)
    hidden.rmdir()
    assert refused.status == 2 and "is it the right one" in refused.errors and refused.faults == []
    assert told.status == 1 and ("missing", item["file_key"]) in told.kinds()
    assert site.items(item["message_id"])[0]["download_status"] == "completed"


def test_a_store_that_is_not_configured_is_not_checked(site):
    item = site.receive_photo()
    make_older(site.file_of(item))
    move = "UPDATE media.blobs SET store = '{}' WHERE storage_key = '" + item["file_key"] + "'"
    site.stack.postgres.psql(move.format("elsewhere"))
    found = site.fsck()
    only = site.fsck("--store", "local")
    unheard_of = site.run_fsck("--store", "elsewhere")
    site.stack.postgres.psql(move.format("local"))
    assert found.status == 2 and "store elsewhere: not in the configuration, its 1 files" in found.errors
    assert only.status == 1 and only.kinds() == [("untracked", item["file_key"])]
    assert unheard_of.returncode == 2 and "has no store 'elsewhere'" in unheard_of.stderr


def test_wrong_usage(site):
    for arguments in (["--repair", "all"], ["--budget", "1G"], ["--checksum", "--budget", "much"],
                      ["--repair", "corrupt"], ["--min-age", "old"], ["x"]):
        assert site.run_fsck(*arguments).returncode == 2, arguments
