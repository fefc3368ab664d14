"""`media-indexer doctor`: each thing that is wrong is found, with what to do."""

import json
import re
import subprocess
import time
import uuid

import pytest

from faults_under_test import with_restart_noise
from site_under_test import Site
from stack.process import wait_until

STATUS = {"ok": 0, "warning": 1, "failure": 2}


class Doctor:
    def __init__(self, stack):
        self.stack = stack

    def run(self, *arguments, config=None):
        return subprocess.run([str(self.stack.programs.indexer), "doctor", *arguments, "--config",
                               str(config or self.stack.indexer.config)],
                              capture_output=True, text=True, timeout=60)

    def findings(self, config=None):
        """{what: [finding]}; the exit status must be that of the worst."""
        done = self.run("--json", config=config)
        report = json.loads(done.stdout)
        found = {}
        for finding in report["findings"]:
            found.setdefault(finding["what"], []).append(finding)
        worst = max((finding["severity"] for finding in report["findings"]), key=STATUS.get)
        assert report["worst"] == worst and done.returncode == STATUS[worst]
        for finding in report["findings"]:
            assert finding["severity"] == "ok" or (finding["why"] and finding["remedy"]), finding
        return found

    def severity(self, what, **options):
        return max((finding["severity"] for finding in self.findings(**options)[what]), key=STATUS.get)

    def text(self, what):
        """Of all that is said under this heading."""
        return json.dumps(self.findings()[what])

    def changed_config(self, path, pattern, line):
        text, count = re.subn(pattern, line, self.stack.indexer.config.read_text())
        assert count == 1
        path.write_text(text)
        return path


@pytest.fixture(scope="module")
def patient(stacks, quick_settings):
    """A stack of which nothing else knows."""
    yield stacks.start("doctor", quick_settings)
    stacks.stop("doctor")


@pytest.fixture
def doctor(patient):
    return Doctor(patient)


@pytest.fixture(scope="module")
def site(patient, graph):
    return Site(patient, graph)


def test_a_site_without_accounts_is_told_to_add_one(doctor):
    [finding] = doctor.findings()["accounts"]
    assert finding["severity"] == "warning" and "account add" in finding["remedy"]


def test_a_sound_site_has_nothing_to_complain_of(doctor, site):
    site.receive_photo()
    found = doctor.findings()
    # How much room a disk has is not the test's to say.
    complaints = [finding for what in found if "space" not in what for finding in found[what]
                  if finding["severity"] != "ok"]
    assert complaints == []
    assert {"daemon", "database connection", "schema version", "clock", "storage root", "spool", "fsync",
            "queue", "accounts", "event partitions", "notifications", "authorities",
            "failures of the last day", "media that expires soon"} <= set(found)


def test_people_get_a_line_for_each_finding(doctor, site):
    done = doctor.run()
    lines = done.stdout.splitlines()
    assert "ok notifications" in lines and "ok daemon: ready" in lines
    assert all(re.match("(ok|warn|FAIL) ", line) for line in lines)


def test_a_daemon_that_does_not_run_is_a_failure(doctor, patient, site):
    patient.indexer.stop()
    try:
        [finding] = doctor.findings()["daemon"]
    finally:
        patient.indexer.start()
    assert finding["severity"] == "failure" and "start" in finding["remedy"]


@with_restart_noise
def test_without_a_database_it_ends_soon_and_says_why(doctor, patient, site):
    patient.postgres.stop()
    started = time.monotonic()
    try:
        found = doctor.findings()
    finally:
        patient.postgres.start()
    assert time.monotonic() - started < 20
    assert found["database"][0]["severity"] == "failure"
    assert found["daemon"][0]["why"] == "database unavailable"
    assert "queue" not in found
    wait_until(patient.indexer.is_ready, 15, "the indexer to find the database again")


def test_a_refused_credential_is_named_with_its_account(doctor, patient, graph):
    site = Site(patient, graph)
    message = site.offer(faults=[("resolve", "token_expired", 1)])
    site.send(message)
    item = site.wait_for_error(message["id"], "unauthorized")
    [finding] = doctor.findings()[f"account whatsapp {site.phone_number_id}"]
    assert finding["severity"] == "warning" and "unauthorized" in finding["why"]
    assert "media-indexer account set" in finding["remedy"]
    site.retry_now(item["id"])
    site.wait_for(message["id"])


def test_old_and_expiring_media_is_told_of(doctor, patient, graph):
    site = Site(patient, graph)
    message = site.offer(faults=[("resolve", "token_expired", 1)])
    site.send(message)
    item = site.wait_for_error(message["id"], "unauthorized")
    patient.postgres.psql("UPDATE media.jobs SET created_at = now() - interval '2 hours'")
    patient.postgres.psql("UPDATE media.media_files SET deadline = now() + interval '20 minutes' "
                          f"WHERE id = '{item['id']}'")
    found = doctor.findings()
    assert found["queue"][0]["severity"] == "warning" and "the oldest for 2 h" in found["queue"][0]["why"]
    [expiring] = found["media that expires soon"]
    assert expiring["severity"] == "warning"
    assert re.fullmatch("1 of whatsapp, the first in (19|20) min", expiring["why"])
    site.retry_now(item["id"])
    site.wait_for(message["id"])


def test_failures_are_counted_by_reason(doctor, patient, site):
    message = site.offer(faults=[("resolve", "not_found", 9)])
    site.send(message)
    site.wait_for(message["id"], "failed")
    before = doctor.findings()["failures of the last day"]
    assert [(finding["severity"], finding["why"]) for finding in before] == [
        ("ok", "1 of whatsapp because of gone")]
    patient.postgres.psql(
        "INSERT INTO media.media_events (company_id, media_id, actor, old_status, new_status, "
        "new_is_active, detail) SELECT company_id, id, 'test', 'downloading', 'failed', true, "
        f"'expired: too late' FROM media.media_files WHERE company_id = '{site.company}' LIMIT 1")
    expired = [finding for finding in doctor.findings()["failures of the last day"]
               if "expired" in finding["why"]]
    assert [finding["severity"] for finding in expired] == ["warning"]
    patient.postgres.psql("DELETE FROM media.media_events WHERE actor = 'test'")


def test_secrets_that_another_key_has_sealed_are_found(doctor, site, tmp_path):
    key = tmp_path / "other.key"
    key.write_text("1" * 64)
    key.chmod(0o600)
    config = doctor.changed_config(tmp_path / "indexer.toml", r"(?m)^key_file = .*",
                                   f'key_file = "{key}"')
    found = doctor.findings(config=config)["accounts"]
    assert any(site.phone_number_id in finding["why"] for finding in found)
    assert {finding["severity"] for finding in found} == {"failure"}


@pytest.mark.parametrize("content", ["", "no certificate", None], ids=["empty", "text", "missing"])
def test_an_unusable_ca_file_is_found(doctor, tmp_path, content):
    authorities = tmp_path / "ca.pem"
    if content is not None:
        authorities.write_text(content)
    config = doctor.changed_config(tmp_path / "indexer.toml", r"(?m)^ca_file = .*",
                                   f'ca_file = "{authorities}"')
    assert doctor.severity("authorities", config=config) == "failure"


def test_what_lies_in_the_spool_is_told(doctor, patient):
    aside = patient.dir / "spool" / "aside"
    name = f"{int(time.time() - 7200) * 1000000:020d}-{uuid.uuid4()}.request"
    files = [aside / name, patient.dir / "spool" / name]
    for file in files:
        file.write_text("x")
    try:
        found = doctor.findings()
    finally:
        for file in files:
            file.unlink()
    assert "1 in " in found["deliveries set aside"][0]["why"]
    assert found["spooled deliveries"][0]["why"] == "1 deliveries wait on disk, the first for 2 h"
    assert found["spooled deliveries"][0]["severity"] == "warning"


def test_missing_partitions_are_found(doctor, patient):
    month = patient.postgres.psql("SELECT to_char(now() AT TIME ZONE 'UTC' + interval '1 month', "
                                  "'\"y\"YYYY\"m\"MM')")
    patient.postgres.psql(f"DROP TABLE media.media_events_{month}")
    assert doctor.severity("event partitions") == "warning"
    patient.postgres.psql("SELECT media.ensure_event_partitions(2)")
    assert doctor.severity("event partitions") == "ok"


@pytest.mark.log_noise("postgres", "permission denied for function pg_notify")
def test_a_notification_that_does_not_come_through_is_a_failure(doctor, patient):
    patient.postgres.psql("REVOKE EXECUTE ON FUNCTION pg_notify(text, text) FROM PUBLIC")
    try:
        assert doctor.severity("notifications") == "failure"
    finally:
        patient.postgres.psql("GRANT EXECUTE ON FUNCTION pg_notify(text, text) TO PUBLIC")


def test_an_unmounted_store_is_found(doctor, tmp_path):
    (tmp_path / "empty").mkdir()
    config = doctor.changed_config(tmp_path / "indexer.toml", r"(?m)^root = .*",
                                   f'root = "{tmp_path}/empty"')
    assert doctor.severity("storage root", config=config) == "failure"
