"""What the daemon counts, as Prometheus reads it, and what its log says of each download."""

import json
import time
import uuid

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from doubles.whatsapp_webhook import WhatsAppWebhook, envelope, text_message
from faults_under_test import FrozenDatabase, with_restart_noise
from site_under_test import Site, photo
from stack.nginx import DROP_INS
from stack.process import free_port, wait_until
from watch import LogMark


class Scrape:
    """The samples of one answer of /metrics."""

    def __init__(self, text):
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = {(sample.name, frozenset(sample.labels.items())): sample.value
                        for family in self.families.values() for sample in family.samples}

    def __call__(self, name, **labels):
        return self.samples[name, frozenset(labels.items())]

    def has(self, name):
        return any(sample == name for sample, _ in self.samples)


def scrape(stack):
    status, body = stack.indexer.get("/metrics")
    assert status == 200
    return Scrape(body.decode())


def growth(before, after, name, **labels):
    key = name, frozenset(labels.items())
    return after.samples[key] - before.samples.get(key, 0)


def events(log, media_id=None):
    lines = [json.loads(line) for line in log.text().splitlines() if line.startswith("{")]
    return [line for line in lines if media_id in (None, line.get("media_id"))]


def test_every_metric_has_a_type_a_help_and_well_formed_histograms(stack, site):
    site.receive_photo()
    families = scrape(stack).families
    for name, family in families.items():
        assert name.startswith(("media_", "process_"))
        assert family.documentation and family.type in ("counter", "gauge", "histogram")
        assert family.samples or family.type == "counter", name
        if family.type == "histogram":
            check_histogram(family)


def check_histogram(family):
    series = {}
    for sample in family.samples:
        labels = dict(sample.labels)
        bound = labels.pop("le", None)
        one = series.setdefault(frozenset(labels.items()), {"buckets": {}})
        if bound is None:
            one[sample.name.rsplit("_", 1)[1]] = sample.value
        else:
            one["buckets"][float(bound)] = sample.value
    for one in series.values():
        counts = [count for _, count in sorted(one["buckets"].items())]
        assert counts == sorted(counts) and counts[-1] == one["count"]
        assert max(one["buckets"]) == float("inf") and one["sum"] >= 0


def test_a_photo_counts_from_its_webhook_to_its_storage(stack, site):
    before = scrape(stack)
    content = photo()
    first = site.receive_photo(content)
    site.receive_photo(content)
    after = scrape(stack)
    whatsapp = {"provider": "whatsapp"}
    assert growth(before, after, "media_webhook_requests_total", outcome="accepted", **whatsapp) == 2
    assert growth(before, after, "media_webhook_duration_seconds_count", **whatsapp) == 2
    assert growth(before, after, "media_deliveries_total", outcome="accepted", **whatsapp) == 2
    assert growth(before, after, "media_downloads_started_total", **whatsapp) == 2
    assert growth(before, after, "media_downloads_completed_total", **whatsapp) == 2
    assert growth(before, after, "media_downloaded_bytes_total", **whatsapp) == 2 * first["file_size"]
    assert growth(before, after, "media_dedup_bytes_saved_total") == first["file_size"]
    assert growth(before, after, "media_provider_url_refresh_total", outcome="found", **whatsapp) == 2
    assert growth(before, after, "media_blob_fsync_seconds_count") == 1
    # WhatsApp keeps media for days; both were stored within seconds.
    left = "media_ingest_deadline_seconds"
    assert growth(before, after, f"{left}_count", **whatsapp) == 2
    assert growth(before, after, f"{left}_bucket", le="259200", **whatsapp) == 0
    assert after("media_database_up") == 1 and after("media_store_up", store="local") == 1
    assert after("media_store_free_bytes") > 0
    assert after("process_resident_memory_bytes") > 1 << 20
    assert time.time() - after("process_start_time_seconds") < 3600


def test_repeated_and_forged_deliveries_count_apart(stack, site):
    payload = envelope(site.phone_number_id, [text_message()])
    before = scrape(stack)
    assert [site.webhook.post(payload).status_code for _ in range(2)] == [200, 200]
    assert WhatsAppWebhook(site.webhook.url, "0" * 32).post(payload).status_code == 401
    assert site.webhook.handshake("wrong").status_code == 403
    assert requests.post(site.webhook.url + "9", json={}, timeout=5).status_code == 404
    after = scrape(stack)
    outcomes = {outcome: growth(before, after, "media_webhook_requests_total", provider="whatsapp",
                                outcome=outcome)
                for outcome in ("accepted", "unauthorized", "unknown", "handshake", "failed")}
    assert outcomes == {"accepted": 2, "unauthorized": 2, "unknown": 1, "handshake": 0, "failed": 0}
    assert growth(before, after, "media_deliveries_total", provider="whatsapp",
                  outcome="duplicate") == 1


def test_providers_that_nobody_knows_share_a_label(stack):
    before = scrape(stack)
    for _ in range(3):
        assert requests.post(f"{stack.url}/webhooks/{uuid.uuid4()}/1", timeout=5).status_code == 404
    after = scrape(stack)
    assert growth(before, after, "media_webhook_requests_total", provider="other",
                  outcome="unknown") == 3
    labels = {sample.labels.get("provider") for family in after.families.values()
              for sample in family.samples}
    assert labels - {None} == {"whatsapp", "twilio", "discord", "openphone", "quo", "generic",
                               "other"}


def test_failures_count_by_reason_and_are_told_with_their_retries(stack, site):
    log = LogMark(stack.indexer.log)
    before = scrape(stack)
    message = site.offer(faults=[("download", "server_error", 1)])
    site.send(message)
    item = site.wait_for(message["id"])
    lost = site.offer(faults=[("resolve", "not_found", 9)])
    site.send(lost)
    failed = site.wait_for(lost["id"], "failed")
    after = scrape(stack)
    whatsapp = {"provider": "whatsapp"}
    assert growth(before, after, "media_download_retries_total", reason="network", **whatsapp) == 1
    assert growth(before, after, "media_downloads_failed_total", reason="gone", **whatsapp) == 1
    told = events(log, item["id"])
    assert [event["event"] for event in told] == [
        "media_download_started", "media_download_failed", "media_retry_triggered",
        "media_download_started", "media_download_completed"]
    for event in told + events(log, failed["id"]):
        assert event["provider"] == "whatsapp" and event["company"] == site.company
        assert event["attempts"] >= 1
    wrong, retry, done = told[1], told[2], told[4]
    assert wrong["reason"] == retry["reason"] == "network" and retry["retry_in_ms"] > 0
    assert done["bytes"] == item["file_size"] and done["duration_ms"] >= 0
    assert wrong["duration_ms"] >= 0 and not wrong["is_final"]
    assert item["sha256"].startswith(done["sha256_prefix"])


@with_restart_noise
def test_metrics_tell_of_an_outage_of_the_database(own_stack, graph):
    stack = own_stack()
    site = Site(stack, graph)
    site.receive_photo()
    stack.postgres.stop()
    assert site.webhook.post(envelope(site.phone_number_id, [text_message()])).status_code == 200
    started = time.monotonic()
    wait_until(lambda: scrape(stack)("media_database_up") == 0, 10, "the sample to be too old")
    away = scrape(stack)
    assert time.monotonic() - started < 12
    assert not away.has("media_queue_jobs") and not away.has("media_ingest_oldest_pending_seconds")
    assert away("media_spool_files") == 1 and away("media_spool_bytes") > 0
    assert away("media_database_errors_total") > 0
    assert away("media_deliveries_total", provider="whatsapp", outcome="spooled") == 1
    stack.postgres.start()
    wait_until(lambda: scrape(stack)("media_database_up") == 1, 15, "the database to be back")
    wait_until(lambda: scrape(stack)("media_spool_files") == 0, 15, "the spool to be empty")
    assert scrape(stack)("media_deliveries_total", provider="whatsapp", outcome="replayed") == 1


@with_restart_noise
def test_no_scrape_waits_for_a_database_that_hangs(own_stack, graph):
    stack = own_stack()
    Site(stack, graph).receive_photo()
    wait_until(lambda: scrape(stack)("media_database_up") == 1, 10, "a first sample")
    with FrozenDatabase(stack):
        def is_told():
            started = time.monotonic()
            seen = scrape(stack)
            assert time.monotonic() - started < 3
            return seen("media_database_up") == 0
        wait_until(is_told, 20, "the metrics to say that the database is away")


def test_the_queue_is_counted(own_stack, graph):
    """Media that waits for a better credential of its account."""
    stack = own_stack()
    site = Site(stack, graph)
    message = site.offer(faults=[("resolve", "token_expired", 1)])
    site.send(message)
    item = site.wait_for_error(message["id"], "unauthorized")
    stack.postgres.psql("UPDATE media.jobs SET created_at = now() - interval '1 hour'")

    def counted():
        now = scrape(stack)
        return now("media_queue_jobs", state="suspended") == 1 and now
    now = wait_until(counted, 15, "the job to be counted")
    assert 3500 < now("media_ingest_oldest_pending_seconds") < 3700
    site.retry_now(item["id"])
    site.wait_for(message["id"])
    wait_until(lambda: scrape(stack)("media_ingest_oldest_pending_seconds") == 0, 15, "none to wait")


@pytest.mark.parametrize("path", [
    "/metrics", "/webhooks/../metrics", "/webhooks/%2e%2e/metrics", "/webhooks/..%2fmetrics",
    "/api/v1/../../metrics", "/api/v1/%2e%2e/%2e%2e/metrics", "//metrics", "/healthz", "/readyz"])
def test_the_site_itself_shows_none_of_it(stack, path):
    request = requests.Request("GET", stack.url)
    prepared = request.prepare()
    prepared.url = stack.url + path  # as it is, past the client's own tidying
    with requests.Session() as session:
        answer = session.send(prepared, timeout=5)
    assert answer.status_code in (401, 404)
    assert "media_" not in answer.text and "alive" not in answer.text and "ready" not in answer.text


VIEWED = """
location /seen/ { media; access_log %(log)s ngx_media_viewed if=$media_is_view; }
"""


@pytest.fixture(scope="module")
def watched(stacks, quick_settings, graph):
    """A stack with the server for Prometheus, and a location that tells who looks."""
    port = free_port()
    log = stacks.directory / "viewed.log"
    metrics_server = (DROP_INS / "ngx_media_metrics.conf").read_text()
    assert "listen 127.0.0.1:9181;" in metrics_server
    stack = stacks.start("watched", quick_settings, VIEWED % {"log": log},
                         metrics_server.replace("9181", str(port)))
    yield Site(stack, graph), port, log
    stacks.stop("watched")


def test_nginx_tells_who_viewed_what(watched):
    site, _, log = watched
    item = site.receive_photo()
    path = f"/seen/{item['id']}"
    assert site.get(path).status_code == 200
    etag = {"If-None-Match": f'"{item["sha256"]}"'}
    assert site.get(path, headers=etag).status_code == 304
    assert site.get(path, headers={"Range": "bytes=0-99"}).status_code == 206
    # None of these is a view.
    assert site.get(path, headers={"Range": "bytes=100-199"}).status_code == 206
    assert site.get(path, token="x").status_code == 401
    assert site.get(f"/seen/{uuid.uuid4()}").status_code == 404
    assert requests.head(site.stack.url + path, timeout=5,
                         headers={"Authorization": f"Bearer {site.token}"}).status_code == 200
    wait_until(lambda: len(log.read_text().splitlines()) >= 3, 5, "three lines")
    views = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(view["status"], view["bytes"]) for view in views] == [
        (200, item["file_size"]), (304, 0), (206, 100)]
    for view in views:
        assert view["event"] == "media_viewed" and view["media_id"] == item["id"]
        assert view["company"] == site.company and view["user"] == site.user
        assert isinstance(view["duration_ms"], int)
    assert site.token not in log.read_text()


def test_prometheus_has_a_server_of_its_own(watched):
    site, port, _ = watched
    answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert Scrape(answer.text)("media_store_up", store="local") == 1
    nginx = requests.get(f"http://127.0.0.1:{port}/metrics/nginx", timeout=5)
    assert "ngx_media_decisions_total" in nginx.text
    assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 404
