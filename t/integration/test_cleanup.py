"""Old media are deleted by the rules of how long they are kept."""

import json

import pytest

from site_under_test import Site, photo
from stack.process import wait_until
from test_deletions import restore


@pytest.fixture
def site(stack, graph):
    """A company of its own: what the others have is theirs."""
    return Site(stack, graph)


@pytest.fixture
def cleanup(site, run):
    """cleanup(arguments...) of the company's media, as an object."""
    def command(*arguments):
        done = run("cleanup", "--company", site.company, "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return command


def receive(site, days, content=None):
    """A photo of so many days ago."""
    item = site.receive_photo(content)
    site.stack.postgres.psql(f"UPDATE media.media_files SET created_at = now() - interval '{days} days'"
                             f" WHERE id = '{item['id']}'")
    return item


def shown(site, *items):
    return [site.get(f"/api/v1/media/{item['id']}").status_code == 200 for item in items]


def test_a_dry_run_tells_what_would_go(site, cleanup, run):
    content = photo()
    old, twin, young = receive(site, 40, content), receive(site, 1, content), receive(site, 29)
    alone = receive(site, 31)
    told = cleanup("--days", "30", "--dry-run")
    size, saved = alone["file_size"], old["file_size"]
    assert told == {"dry_run": True, "media": 2, "bytes": size + saved, "freed": size, "deleted": 0, "old": [
        {"company_id": site.company, "company": told["old"][0]["company"], "bucket": "images",
         "keep_days": 30, "media": 2, "bytes": size + saved, "freed": size}]}
    assert shown(site, old, twin, young, alone) == [True] * 4
    text = run("cleanup", "--company", site.company, "--days", "30", "--dry-run").stdout.splitlines()
    assert text[-1] == "2 media would be deleted"
    assert text[-2].split() == ["total", "2", str(size + saved), str(size)]


def test_old_media_are_deleted_and_can_be_restored(site, cleanup):
    content = photo()
    old, young = receive(site, 40, content), receive(site, 20)
    assert cleanup("--days", "30")["deleted"] == 1
    assert shown(site, old, young) == [False, True]
    wait_until(lambda: site.get(old["file_url"]).status_code == 404, 2, "nginx to hear of it")
    assert site.stack.postgres.psql(
        "SELECT actor || ': ' || detail FROM media.media_events"
        f" WHERE media_id = '{old['id']}' AND NOT new_is_active") == "cleanup: older than 30 days"
    assert cleanup("--days", "30") == {"dry_run": False, "old": [], "media": 0, "bytes": 0, "freed": 0,
                                       "deleted": 0}
    assert restore(site, old).json()["download_status"] == "completed"
    assert site.get(old["file_url"]).content == content


def test_rules_say_how_long_media_are_kept(site, cleanup, run):
    old, young = receive(site, 40), receive(site, 20)
    assert cleanup()["deleted"] == 0

    def rule(*arguments):
        return run("retention", *arguments, "--company", site.company).returncode
    assert rule("set", "--days", "30") == 0
    assert cleanup("--dry-run")["media"] == 1
    assert rule("set", "--days", "forever", "--bucket", "images") == 0
    assert cleanup("--days", "1")["deleted"] == 0
    assert rule("remove", "--bucket", "images") == 0
    assert cleanup("--days", "10", "--bucket", "audio")["deleted"] == 0
    assert cleanup("--days", "10")["old"][0]["keep_days"] == 30
    assert shown(site, old, young) == [False, True]
    assert site.stack.postgres.psql(
        f"SELECT detail FROM media.media_events WHERE media_id = '{old['id']}' AND NOT new_is_active"
    ) == "older than 10 days"
    assert rule("remove") == 0 and rule("remove") == 1


def test_rules_are_listed(site, run):
    for arguments in (["--days", "30"], ["--days", "forever", "--bucket", "images"]):
        assert run("retention", "set", "--company", site.company, *arguments).returncode == 0
    rules = [(rule["bucket"], rule["keep_days"]) for rule in json.loads(run("retention", "list", "--json").stdout)
             if rule["company_id"] == site.company]
    assert rules == [(None, 30), ("images", None)]
    lines = [line.split()[-2:] for line in run("retention", "list").stdout.splitlines()]
    assert lines[0] == ["kept", "days"] and ["*", "30"] in lines and ["images", "forever"] in lines


@pytest.mark.parametrize("arguments", [["cleanup", "--days", "0"], ["cleanup", "--days", "forever"],
                                       ["retention", "set"], ["retention", "set", "--days", "x"]], ids=" ".join)
def test_wrong_usage(run, arguments):
    assert run(*arguments).returncode == 2


def test_what_is_unknown_is_an_error(run):
    for arguments in (["cleanup", "--bucket", "pictures"], ["cleanup", "--company", "nobody"],
                      ["retention", "set", "--days", "1", "--bucket", "pictures"],
                      ["retention", "remove", "--company", "nobody"]):
        done = run(*arguments)
        assert done.returncode == 1 and done.stdout == "" and "no " in done.stderr
