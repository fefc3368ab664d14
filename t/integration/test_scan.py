"""Nobody sees bytes that the virus scanner has not seen, or does not like."""

import io
import re
import subprocess
import zipfile

import pytest

from doubles.clamd import EICAR, ClamdDouble, RealClamd
from site_under_test import Site, photo
from stack.process import wait_until


def check(stack, tmp_path, address):
    """What `media-indexer check` says about a scanner at that address."""
    text = stack.indexer.config.read_text()
    text = re.sub(r"(?ms)^\[scan\].*?(?=^\[|\Z)", "", text) + f'\n[scan]\nclamd = "{address}"\n'
    changed = tmp_path / "indexer.toml"
    changed.write_text(text)
    return subprocess.run([str(stack.programs.indexer), "check", "--config", str(changed)],
                          capture_output=True, text=True)


class TestRealClamd:
    @pytest.fixture(scope="class")
    def clamd(self, tmp_path_factory):
        real = RealClamd(tmp_path_factory.mktemp("clamd"))
        real.start()
        wait_until(real.answers, 60, "clamd to answer")
        yield real
        real.stop()

    @pytest.fixture(scope="class")
    def guarded(self, stacks, graph, quick_settings, clamd):
        stack = stacks.start("scanned", quick_settings | {"scan.clamd": clamd.address})
        yield Site(stack, graph)
        stacks.stop("scanned")

    def test_clean_media_passes(self, guarded):
        content = photo(1_500_000)
        item = guarded.receive_photo(content)
        assert guarded.get(item["file_url"]).content == content

    def test_a_virus_goes_into_quarantine(self, guarded):
        content = photo() + EICAR
        item = guarded.wait_for(guarded.send_photo(content), "quarantined")
        assert item["last_error"] == "malware: Test.Eicar.UNOFFICIAL"
        assert guarded.get(item["file_url"]).status_code == 404
        assert guarded.quarantined_file(item["id"]).read_bytes() == content
        assert content not in [file.read_bytes() for file in guarded.stored_files()]

    def test_also_inside_an_archive(self, guarded):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
            writer.writestr("invoice.txt", EICAR)
        message = guarded.offer(archive.getvalue(), "document", "application/zip")
        guarded.send(message)
        assert guarded.wait_for(message["id"], "quarantined")["last_error"].startswith("malware:")

    def test_what_clamd_finds_too_large_waits_for_an_operator(self, guarded):
        message = guarded.offer(photo(3 << 20), "image", "image/jpeg")
        guarded.send(message)
        item = guarded.wait_for(message["id"], "quarantined")
        assert item["last_error"].startswith("unscanned:"), item["last_error"]

    def test_while_clamd_is_away_nothing_is_shown(self, guarded, clamd):
        clamd.stop()
        try:
            content = photo()
            message_id = guarded.send_photo(content)
            item = guarded.wait_for_error(message_id, "scan_failed")
            assert item["download_status"] == "pending"
            assert guarded.get(item["file_url"]).status_code == 202
        finally:
            clamd.start()
        wait_until(clamd.answers, 60, "clamd to answer")
        guarded.retry_now(item["id"])
        assert guarded.get(guarded.wait_for(message_id)["file_url"]).content == content

    def test_check_speaks_with_clamd(self, guarded, clamd, tmp_path):
        done = check(guarded.stack, tmp_path, clamd.address)
        assert "ok clamd" in done.stdout and done.returncode == 0
        done = check(guarded.stack, tmp_path, f"unix:{tmp_path}/nobody")
        assert "FAIL clamd: " in done.stdout and done.returncode == 1


class TestDouble:
    @pytest.fixture(scope="class")
    def clamd(self):
        double = ClamdDouble()
        yield double
        double.close()

    @pytest.fixture(scope="class")
    def guarded(self, stacks, graph, quick_settings, clamd):
        stack = stacks.start("doubtful", quick_settings | {
            "scan.clamd": clamd.address, "scan.timeout_ms": 1000, "scan.max_bytes": 2_000_000})
        yield Site(stack, graph)
        stacks.stop("doubtful")

    @pytest.mark.parametrize("mode", ["error", "garbage", "endless", "silent", "hang_up"])
    def test_without_a_verdict_nothing_is_shown(self, guarded, clamd, mode):
        files = guarded.stored_files()
        clamd.mode = mode
        message_id = guarded.send_photo()
        item = guarded.wait_for_error(message_id, "scan_failed")
        assert guarded.get(item["file_url"]).status_code == 202
        assert guarded.stored_files() == files
        clamd.mode = "clean"
        guarded.retry_now(item["id"])
        guarded.wait_for(message_id)

    def test_the_whole_file_is_scanned(self, guarded, clamd):
        clamd.mode = "clean"
        content = photo(1_000_000)
        guarded.receive_photo(content)
        assert clamd.scanned[-1] == content

    @pytest.mark.parametrize("mode, size, reason", [
        ("found", 1000, "malware: Win.Test.Name"), ("limit", 1_900_000, "unscanned:"),
        ("clean", 2_100_000, "unscanned: 2100000 bytes")])
    def test_a_verdict_ends_the_download(self, guarded, clamd, mode, size, reason):
        clamd.mode = mode
        item = guarded.wait_for(guarded.send_photo(photo(size)), "quarantined")
        assert item["last_error"].startswith(reason)

    def test_a_stop_does_not_wait_for_a_scan(self, own_stack, graph):
        double = ClamdDouble("silent")
        stack = own_stack({"scan.clamd": double.address, "server.stop_grace_seconds": 0})
        site = Site(stack, graph)
        message_id = site.send_photo()
        wait_until(lambda: double.connections > 1, 20, "the scan to begin")
        stack.indexer.stop()
        assert site.stack.postgres.psql(
            "SELECT lease_owner IS NULL FROM media.jobs").strip() == "t"
        log = stack.indexer.log.read_text()
        assert "jobs_still_running" not in log and "not_all_work_ended" not in log
        double.mode = "clean"
        stack.indexer.start()
        site.wait_for(message_id)
        double.close()

    def test_what_is_no_clamd_fails_the_check(self, guarded, file_host, tmp_path):
        done = check(guarded.stack, tmp_path, f"tcp:127.0.0.1:{file_host.port}")
        assert "FAIL clamd: " in done.stdout and done.returncode == 1


def test_an_operator_may_prefer_media_to_certainty(own_stack, graph):
    clamd = ClamdDouble("hang_up")
    stack = own_stack({"scan.clamd": clamd.address, "scan.on_error": "accept"})
    site = Site(stack, graph)
    content = photo()
    assert site.get(site.receive_photo(content)["file_url"]).content == content
    assert "media_accepted_unscanned" in stack.indexer.log.read_text()
    clamd.close()
