"""`media-indexer backup` and `restore`: what was there is there again, byte for byte, or somebody is told."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import threading
import time

import pytest
import requests

from backup_under_test import (Backups, adds_up, damage, empty, other_file_system, restore, restored,
                               sha256, site_on)
from site_under_test import Site, photo
from stack.process import wait_until
from test_quarantine import program, set_aside

LIST = ("SELECT encode(sha256, 'hex'), size, store, storage_key FROM media.blobs WHERE state <> 'gone' UNION ALL "
        "SELECT encode(sha256, 'hex'), size, ':quarantine', media_id::text FROM media.quarantine ORDER BY 1, 3, 4")


@pytest.fixture(scope="module")
def source(stacks, quick_settings):
    yield stacks.start("backup", quick_settings | {"deletion.grace_seconds": 1})
    stacks.stop("backup")


@pytest.fixture(scope="module")
def target(stacks, quick_settings, source):
    """A stack whose database and store each test empties as it likes. No backup has keys."""
    key = {"secrets.key_file": str(source.keys / "secrets.key")}
    yield stacks.start("restored", quick_settings | key)
    stacks.stop("restored")


@pytest.fixture
def site(source, graph):
    return Site(source, graph)


@pytest.fixture
def backups(source, tmp_path):
    return Backups(source, tmp_path / "backups")


@pytest.fixture
def distant(source):
    """Backups on another file system."""
    directory = other_file_system()
    yield Backups(source, directory / "backups")
    shutil.rmtree(directory)


def receive(site, count, size=20_000):
    """{media id: content} of photos nobody has seen before."""
    contents = [photo(size) for _ in range(count)]
    messages = [site.offer(content) for content in contents]
    site.send(*messages)
    return {site.wait_for(message["id"])["id"]: content for message, content in zip(messages, contents)}


def delete(site, media):
    answer = requests.delete(f"{site.stack.url}/api/v1/media/{media}", timeout=10,
                             headers={"Authorization": f"Bearer {site.token}"})
    assert answer.status_code == 204


def restore_and_start(target, *arguments):
    empty(target)
    report = restored(target, *arguments)
    target.indexer.start()
    return report


def assert_served(site, media):
    for item, content in media.items():
        answer = site.get(f"/media/{item}")
        assert (answer.status_code, answer.content) == (200, content), item


def test_each_snapshot_can_be_restored(site, backups, target):
    first = receive(site, 4)
    report = backups.take()
    assert report["written"]["files"] == report["linked"]["files"] == report["contents"]["files"] >= 4
    deleted, *kept = first
    delete(site, deleted)
    wait_until(lambda: len(site.stored_files()) == 3, 20, "the deleted file to go")
    second = receive(site, 2) | {item: first[item] for item in kept}
    again = backups.take()
    assert again["written"]["files"] == 2 and again["present"]["files"] == report["contents"]["files"] - 1
    assert backups.snapshots() == sorted([report["snapshot"], again["snapshot"]])
    assert all(sha256(path) == name for name, path in backups.blobs().items())

    restore_and_start(target, backups.directory)
    there = site_on(target, site)
    assert_served(there, second)
    assert there.get(f"/media/{deleted}").status_code == 404
    restore_and_start(target, backups.directory, "--snapshot", report["snapshot"])
    assert_served(there, first)
    assert there.get(f"/media/{next(iter(second))}").status_code == 404

    # Life goes on there.
    assert_served(there, receive(there, 1))
    assert subprocess.run(["sqitch", "--chdir", "sql", "verify", "--target", "db:pg:media"], cwd=os.environ.get(
        "MEDIA_SOURCE", "../.."), capture_output=True, env=os.environ | {
            "PGHOST": str(target.postgres.socket_name), "PGUSER": "postgres", "LC_ALL": "C.UTF-8"}).returncode == 0


def test_quarantine_and_same_bytes_twice_are_restored(site, source, distant, target, graph):
    content = photo()
    other = Site(source, graph)
    media = {site.receive_photo(content)["id"]: content}
    others = {other.receive_photo(content)["id"]: content}
    suspicious = program()
    item = set_aside(site, suspicious)
    report = distant.take()
    assert report["named"]["files"] == report["contents"]["files"] + 1
    assert report["linked"]["files"] == 0
    restore_and_start(target, distant.directory)
    assert_served(site_on(target, site), media)
    assert_served(site_on(target, other), others)
    there = site_on(target, site)
    assert there.quarantined_file(item["id"]).read_bytes() == suspicious
    target.command("quarantine", "release", item["id"])
    assert there.get(item["file_url"]).content == suspicious


def test_a_job_that_ran_is_due_again(site, source, backups, target, graph):
    message = site.offer(faults=[("download", "stall", 1)])
    site.send(message)
    wait_until(lambda: site.count("jobs", "lease_owner IS NOT NULL") == 1, 10, "the download to run")
    backups.take()
    empty(target)
    report = restored(target, backups.directory)
    assert report["jobs_reset"] >= 1
    rows = target.postgres.psql("SELECT j.lease_owner IS NULL AND j.is_ready AND m.download_status = 'pending' "
                                "FROM media.jobs AS j JOIN media.media_files AS m ON m.id = j.media_id "
                                f"WHERE j.company_id = '{site.company}'")
    assert rows == "t"
    target.indexer.start()
    site_on(target, site).wait_for(message["id"])
    site.wait_for(message["id"])


@pytest.mark.parametrize("where", ["blob", "dump", "list"])
def test_a_flipped_bit_is_found_and_refused(site, distant, target, where):
    media = receive(site, 2)
    report = distant.take()
    files = {"blob": lambda: distant.blobs()[sha256(site.stored_files()[0])],
             "dump": lambda: distant.directory / "snapshots" / report["snapshot"] / "database.dump",
             "list": lambda: distant.directory / "snapshots" / report["snapshot"] / "blobs.tsv"}
    damaged = files[where]()
    damage(damaged)
    empty(target)
    done = restore(target, distant.directory)
    assert done.returncode == 1 and damaged.name in done.stderr and "damaged" in done.stderr
    assert target.postgres.psql("SELECT to_regnamespace('media') IS NULL") == "t"

    found = distant.run("--verify")
    assert found.returncode == 1 and damaged.name in found.stderr and "damaged" in found.stderr
    assert adds_up(json.loads(found.stdout))
    # The newest snapshot is whole; of the older one, only content could be had again.
    assert (distant.run("--verify").returncode == 0) == (where == "blob")
    restore_and_start(target, distant.directory)
    assert_served(site_on(target, site), media)


def test_old_snapshots_go_with_what_only_they_name(site, backups):
    doomed, stays = receive(site, 2)
    report = backups.take("--keep", "2")
    only_there = {sha256(path) for path in site.stored_files()}
    delete(site, doomed)
    wait_until(lambda: len(site.stored_files()) == 1, 20, "the deleted file to go")
    only_there -= {sha256(path) for path in site.stored_files()}
    newer = [backups.take("--keep", "2")["snapshot"]]
    assert only_there <= set(backups.blobs())
    last = backups.take("--keep", "2")
    newer.append(last["snapshot"])
    assert backups.snapshots() == newer and report["snapshot"] not in newer
    assert last["snapshots_removed"] == 1 and last["blobs_removed"]["files"] == 1
    assert set(backups.blobs()) == {line[0] for line in backups.named(newer[-1])}
    assert not only_there & set(backups.blobs())


def test_nothing_is_removed_while_a_manifest_can_not_be_read(site, backups):
    receive(site, 1)
    snapshots = [backups.take()["snapshot"] for _ in range(3)]
    blobs = set(backups.blobs())
    (backups.directory / "snapshots" / snapshots[-1] / "manifest.json").write_text("{")
    done = backups.run("--keep", "2")
    assert done.returncode == 1 and snapshots[-1] in done.stderr and "nothing is removed" in done.stderr
    assert set(snapshots) <= set(backups.snapshots()) and set(backups.blobs()) == blobs


def killed_when(is_time, command):
    """The command's status; it runs in steps of 2 ms, so that it does not get past the time."""
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while running.poll() is None:
        time.sleep(0.002)
        running.send_signal(signal.SIGSTOP)
        if is_time():
            running.kill()
            break
        running.send_signal(signal.SIGCONT)
    return running.wait()


# An orphaned pg_dump finds the transaction gone whose snapshot it was to read.
@pytest.mark.log_noise("postgres", "invalid snapshot identifier|connection to client lost|unexpected EOF")
def test_killed_anywhere_the_next_run_goes_on(site, source, distant):
    receive(site, 30, 400_000)

    def is_at(phase):
        lists = list(distant.directory.glob("snapshots/*/blobs.tsv"))
        dumps = list(distant.directory.glob("snapshots/*/sqitch.dump"))
        return {"list": lists, "dump": dumps, "first blobs": len(distant.blobs()) > 2,
                "more blobs": len(distant.blobs()) > 10}[phase]

    for phase in ("list", "dump", "first blobs", "more blobs"):
        assert killed_when(lambda: is_at(phase), distant.command()) == -signal.SIGKILL, phase
        assert distant.snapshots() == []
        assert all(sha256(path) == name for name, path in distant.blobs().items())
    brought = len(distant.blobs())
    assert distant.take()["present"]["files"] == brought > 10
    assert {path.name for path in (distant.directory / "snapshots").iterdir()} == set(distant.snapshots())
    assert not distant.take("--verify")["problems"]


def test_taken_during_ingest_it_names_what_its_dump_refers_to(site, source, backups):
    enough = threading.Event()

    def ingest():
        while not enough.wait(0.05):
            site.send(*[site.offer(photo(3000)) for _ in range(2)])

    writer = threading.Thread(target=ingest)
    writer.start()
    try:
        taken = [backups.take()["snapshot"] for _ in range(3)]
    finally:
        enough.set()
        writer.join()
    postgres = source.postgres
    for snapshot in taken:
        postgres.psql("DROP DATABASE IF EXISTS looked_at", "postgres")
        postgres.psql("CREATE DATABASE looked_at", "postgres")
        subprocess.run(["pg_restore", "--dbname", postgres.conninfo(database="looked_at"),
                        str(backups.directory / "snapshots" / snapshot / "database.dump")], check=True)
        rows = [tuple(line.split("|")) for line in postgres.psql(LIST, "looked_at").splitlines()]
        assert rows == backups.named(snapshot)
        assert {row[0] for row in rows} <= set(backups.blobs())
    postgres.psql("DROP DATABASE looked_at", "postgres")
    wait_until(lambda: site.count("jobs") == 0, 30, "all to be there")


def test_what_the_store_has_lost_is_told_and_the_rest_is_saved(site, source, distant, target):
    media = receive(site, 3)
    lost, damaged, _ = site.stored_files()
    gone = {sha256(lost), sha256(damaged)}
    content = lost.read_bytes(), damaged.read_bytes()
    lost.unlink()
    damage(damaged)
    done = distant.run()
    report = json.loads(done.stdout)
    assert done.returncode == 1 and (report["missing"], report["corrupt"]) == (1, 1) and adds_up(report)
    assert str(lost.relative_to(source.root)) in done.stderr and "missing" in done.stderr
    assert not gone & set(distant.blobs())
    restored_report = restore_and_start(target, distant.directory)
    assert restored_report["absent"]["files"] == 2
    sound = {item: bytes_ for item, bytes_ in media.items() if bytes_ not in content}
    assert len(sound) == 1
    assert_served(site_on(target, site), sound)
    lost.write_bytes(content[0])
    damaged.write_bytes(content[1])


def test_only_empty_places_are_restored_to(site, backups, target, tmp_path):
    receive(site, 1)
    backups.take()
    target.indexer.stop()
    if target.postgres.psql("SELECT to_regnamespace('media') IS NULL") == "t":
        restored(target, backups.directory)
    refused = restore(target, backups.directory)
    assert refused.returncode == 1 and "schema media already" in refused.stderr
    empty(target)
    stranger = target.root / "somebody" / "else.jpg"
    stranger.parent.mkdir()
    stranger.write_bytes(b"x")
    refused = restore(target, backups.directory)
    assert refused.returncode == 1 and "somebody/else.jpg" in refused.stderr
    stranger.unlink()
    stranger.parent.rmdir()
    told = restored(target, backups.directory, "--dry-run")
    assert told["written"]["files"] == told["named"]["files"] and told["is_dry_run"]
    assert target.postgres.psql("SELECT to_regnamespace('media') IS NULL") == "t"
    assert not list(target.root.rglob("*.jpg"))
    restore_and_start(target, backups.directory)


def test_a_restore_that_was_killed_is_repeated(site, backups, target):
    media = receive(site, 20, 200_000)
    backups.take()
    empty(target)
    command = [str(target.programs.indexer), "restore", "--from", str(backups.directory), "--conninfo",
               target.postgres.conninfo(), "--config", str(target.indexer.config)]
    assert killed_when(lambda: len(list(target.root.rglob("*.jpg"))) >= 2, command) == -signal.SIGKILL
    report = restored(target, backups.directory)
    assert report["present"]["files"] >= 2
    target.indexer.start()
    assert_served(site_on(target, site), media)


def test_places_that_are_no_good_are_refused(source, backups, tmp_path):
    inside = Backups(source, source.root / "backups").run()
    assert inside.returncode == 1 and "storage root" in inside.stderr
    empty_mount = tmp_path / "mount"
    empty_mount.mkdir()
    unmarked = Backups(source, empty_mount).run()
    assert unmarked.returncode == 1 and "not there yet" in unmarked.stderr
    assert not list(empty_mount.iterdir())
    backups.take()
    with open(backups.directory / ".lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        busy = backups.run()
    assert busy.returncode == 1 and "another backup" in busy.stderr
    assert backups.directory.stat().st_mode & 0o077 == 0


def test_the_daemons_own_role_is_told_what_is_missing(source, backups):
    done = subprocess.run([str(source.programs.indexer), "backup", "--to", str(backups.directory), "--conninfo",
                           source.postgres.conninfo(user="media_indexer"), "--config",
                           str(source.indexer.config)], capture_output=True, text=True)
    assert done.returncode == 1 and "media_owner" in done.stderr
    assert backups.snapshots() == []


def test_a_role_of_its_own_takes_the_daily_backup_and_the_doctor_looks_after_it(source, site, tmp_path):
    receive(site, 1)
    postgres = source.postgres
    config = tmp_path / "indexer.toml"
    config.write_text(source.indexer.config.read_text() + f"""
[backup]
to = "{tmp_path}/daily"
conninfo = "{postgres.conninfo(user='media_backup')}"
keep = 2
""")

    def run(*command):
        return subprocess.run([str(source.programs.indexer), *command, "--config", str(config)],
                              capture_output=True, text=True, timeout=120)

    def finding():
        report = json.loads(run("doctor", "--json").stdout)
        [found] = [finding for finding in report["findings"] if finding["what"] == "backup"]
        return found["severity"], found["why"]

    assert finding()[0] == "warning"
    # As docs/OPERATIONS.md says.
    postgres.psql("CREATE ROLE media_backup LOGIN IN ROLE media_owner")
    without = run("backup")
    assert without.returncode == 1 and "GRANT USAGE ON SCHEMA sqitch" in without.stderr
    postgres.psql("GRANT USAGE ON SCHEMA sqitch TO media_backup;"
                  "GRANT SELECT ON ALL TABLES IN SCHEMA sqitch TO media_backup")
    for _ in range(3):
        done = run("backup")
        assert (done.returncode, done.stderr) == (0, "")
    assert finding()[0] == "ok"
    manifests = sorted((tmp_path / "daily").glob("snapshots/*/manifest.json"))
    assert len(manifests) == 2 and (manifests[-1].parent / "sqitch.dump").exists()
    manifest = json.loads(manifests[-1].read_text())
    manifests[-1].write_text(json.dumps(manifest | {"taken_at": manifest["taken_at"] - 3 * 86400}))
    assert finding() == ("warning", "the newest is 3 d old")
