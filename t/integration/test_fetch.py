"""What the indexer makes of everything that a provider answers."""

import hashlib
import socket
import time

import pytest

from doubles.faults import ALWAYS
from doubles.whatsapp_graph import CDN_HOST, FOREIGN_HOST, GRAPH_HOST, MEDIA_HOST
from site_under_test import photo
from stack.process import wait_until

# What passes: one such answer, and the photo still arrives.
PASSING = [
    ("resolve", "rate_limited"), ("resolve", "server_error"), ("resolve", "unavailable"), ("resolve", "html"),
    ("resolve", "broken_json"), ("resolve", "no_url"), ("resolve", "already_expired"),
    ("download", "expired"), ("download", "not_found_then"), ("download", "server_error"),
    ("download", "unavailable"), ("download", "rate_limited"), ("download", "truncated"),
    ("download", "short"), ("download", "wrong_content"), ("download", "empty"),
    ("download", "html"), ("download", "reset"), ("download", "stall"),
    ("download", "lying_length"),
]

# What does not matter at all.
HARMLESS = [
    ("resolve", "size_as_text"), ("resolve", "no_size"), ("resolve", "no_digest"),
    ("resolve", "base64_digest"), ("resolve", "wrong_digest"),
    ("download", "redirect"), ("download", "redirect_relative"), ("download", "octet_stream"),
    ("download", "no_type"), ("download", "chunked"), ("download", "drip"),
]

# What lasts: the media fails, and says why.
LASTING = [
    ("resolve", "not_found", "gone"),
    ("resolve", "server_error", "network"),
    ("resolve", "wrong_size", "size_mismatch"),
    ("resolve", "huge_size", "too_large"),
    ("resolve", "foreign_host", "blocked_address"),
    ("resolve", "loopback_address", "blocked_address"),
    ("resolve", "file_url", "blocked_address"),
    ("resolve", "already_expired", "gone"),
    ("download", "expired", "gone"),
    ("download", "gone", "gone"),
    ("download", "html", "unexpected_html"),
    ("download", "server_error", "network"),
    ("download", "truncated", "truncated"),
    ("download", "lying_length", "(size_mismatch|too_large)"),
    ("download", "short", "(size_mismatch|truncated)"),
    ("download", "wrong_content", "hash_mismatch"),
    ("download", "empty", "(empty|size_mismatch)"),
    ("download", "stall", "network"),
    ("download", "gzip", "unexpected_encoding"),
    ("download", "endless", "(size_mismatch|too_large)"),
    ("download", "redirect_foreign", "blocked_address"),
    ("download", "redirect_loopback", "blocked_address"),
    ("download", "redirect_file", "blocked_address"),
    ("download", "redirect_ftp", "blocked_address"),
    ("download", "redirect_gopher", "blocked_address"),
    ("download", "redirect_user", "blocked_address"),
    ("download", "redirect_decimal", "blocked_address"),
    ("download", "redirect_loop", "network"),
    ("download", "redirect_nowhere", "network"),
]

# What somebody must put right, or time: the media waits, and says for what.
WAITING = [
    ("resolve", "token_expired", "unauthorized"),
    ("resolve", "token_expired_400", "unauthorized"),
    ("resolve", "rate_limited_400", "rate_limited"),
    ("resolve", "app_limited", "rate_limited"),
    ("download", "forbidden", "unauthorized"),
    ("download", "unauthorized", "unauthorized"),
]


@pytest.mark.parametrize("step, mode", PASSING)
def test_a_passing_failure_is_survived(site, step, mode):
    content = photo()
    item = site.receive_photo(content, faults=[(step, mode, 1)])
    assert site.get(item["file_url"]).content == content
    assert item["download_attempts"] >= 1 and item["last_error"] is None


@pytest.mark.parametrize("step, mode", HARMLESS)
def test_an_odd_answer_does_no_harm(site, step, mode):
    content = photo()
    item = site.receive_photo(content, faults=[(step, mode, ALWAYS)])
    assert site.get(item["file_url"]).content == content
    assert item["mime_type"] == "image/jpeg"
    assert item["download_attempts"] == 1


@pytest.mark.parametrize("step, mode, reason", LASTING)
def test_a_lasting_failure_is_recorded_with_its_reason(site, graph, step, mode, reason):
    import re
    leaks = len(graph.leaks)
    files = len(site.stored_files())
    message_id = site.send_photo(faults=[(step, mode, ALWAYS)])
    item = site.wait_for(message_id, "failed", seconds=60)
    assert re.match(reason + ":", item["last_error"]), item["last_error"]
    assert site.get(item["file_url"]).status_code == 404
    assert len(site.stored_files()) == files
    assert len(graph.leaks) == leaks


@pytest.mark.parametrize("step, mode, reason", WAITING)
def test_what_somebody_can_put_right_waits_for_it(site, graph, stack, step, mode, reason):
    message = site.offer(faults=[(step, mode, ALWAYS)])
    site.send(message)
    waiting = site.wait_for_error(message["id"], reason)
    assert waiting["download_status"] == "pending"
    status = site.get(f"/api/v1/media/{waiting['id']}/status").json()
    assert status["retry_at"] > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    graph.media[message["image"]["id"]].script.clear()
    site.retry_now(waiting["id"])
    assert site.wait_for(message["id"])["last_error"] is None


def test_a_digest_that_only_the_provider_named_is_checked(site):
    message = site.offer(faults=[("resolve", "wrong_digest", ALWAYS)])
    del message["image"]["sha256"]
    site.send(message)
    assert site.wait_for(message["id"], "failed")["last_error"].startswith("hash_mismatch:")


def test_an_expired_url_is_resolved_again_before_the_retry(site, graph):
    message = site.offer(faults=[("download", "expired", 1)])
    site.send(message)
    site.wait_for(message["id"])
    media_id = message["image"]["id"]
    assert [seen.host for seen in graph.requests_for(media_id)] == [
        GRAPH_HOST, MEDIA_HOST, GRAPH_HOST, MEDIA_HOST]


def test_an_expired_url_of_the_webhook_falls_back_to_the_media_id(site, graph):
    message = site.offer()
    media_id = message["image"]["id"]
    message["image"]["url"] = graph.issue_url(media_id, lifetime=-5)
    site.send(message)
    site.wait_for(message["id"])
    assert GRAPH_HOST in [seen.host for seen in graph.requests_for(media_id)]


def test_retry_after_is_honoured(site, graph):
    message = site.offer(faults=[("download", "unavailable", 1)])
    site.send(message)
    site.wait_for(message["id"])
    first, second = graph.requests_for(message["image"]["id"], MEDIA_HOST)
    assert second.at - first.at >= 0.95


def test_a_foreign_host_is_never_asked(site, graph):
    message = site.offer(faults=[("download", "redirect_foreign", ALWAYS)])
    site.send(message)
    site.wait_for(message["id"], "failed")
    assert graph.requests_for(message["image"]["id"], FOREIGN_HOST) == []


def test_the_cdn_of_a_redirect_sees_no_credential(site, graph):
    message = site.offer(faults=[("download", "redirect", 1)])
    site.send(message)
    site.wait_for(message["id"])
    at_cdn = graph.requests_for(message["image"]["id"], CDN_HOST)
    assert at_cdn and not any(seen.authorized for seen in at_cdn)


def test_a_redirect_loop_ends_after_the_allowed_hops(site, graph):
    message = site.offer(faults=[("download", "redirect_loop", ALWAYS)])
    site.send(message)
    site.wait_for(message["id"], "failed")
    requests = graph.requests_for(message["image"]["id"], CDN_HOST)
    downloads = graph.requests_for(message["image"]["id"], MEDIA_HOST)
    assert len(requests) <= 6 * len(downloads)


def test_media_over_the_buckets_limit_is_refused(site, stack):
    stack.postgres.psql("UPDATE media.buckets SET max_bytes = 200000 WHERE name = 'images'")
    try:
        message_id = site.send_photo(photo(300_000))
        item = site.wait_for(message_id, "failed")
        chunked = site.send_photo(photo(300_000), faults=[
            ("resolve", "no_size", ALWAYS), ("download", "chunked", ALWAYS)])
        late = site.wait_for(chunked, "failed")
    finally:
        stack.postgres.psql("UPDATE media.buckets SET max_bytes = 104857600 WHERE name = 'images'")
    assert item["last_error"].startswith("too_large:")
    assert late["last_error"].startswith("too_large:")


def test_a_large_file_is_streamed(site):
    content = photo(40 << 20)
    message = site.offer(content, "document", "image/jpeg", filename="large.jpg")
    site.send(message)
    item = site.wait_for(message["id"])
    assert hashlib.sha256(site.get(item["file_url"]).content).hexdigest() == item["sha256"]


def test_a_wrong_access_token_fails_as_unauthorized_and_names_no_secret(stack, graph, site):
    other_number = site.phone_number_id + "9"
    url = stack.command(
        "account", "add", "--company", site.company, "--provider", "whatsapp", "--external-id",
        other_number, "--secret", "app_secret=s", "--secret", "access_token=a-wrong-token-1234",
        "--secret", "verify_token=v").replace(site.public_url(), stack.url)
    from doubles.whatsapp_webhook import WhatsAppWebhook, envelope
    message = site.offer()
    answer = WhatsAppWebhook(url, "s").post(envelope(other_number, [message]))
    assert answer.status_code == 200
    site.wait_for_error(message["id"], "unauthorized")
    assert "a-wrong-token-1234" not in stack.indexer.log.read_text()


def test_while_it_is_fetched_media_answers_202(site):
    message_id = site.send_photo(photo(2 << 20), faults=[("download", "drip", 1)])
    item = wait_until(lambda: site.items(message_id), 5, "the item")[0]
    wait_until(lambda: site.items(message_id)[0]["download_status"] == "downloading", 5,
               "the download to begin")
    answer = site.get(item["file_url"])
    assert answer.status_code == 202
    assert int(answer.headers["Retry-After"]) >= 1
    site.wait_for(message_id)


def test_progress_is_told_while_it_downloads(site):
    message_id = site.send_photo(photo(2 << 20), faults=[("download", "drip", 1)])
    item = wait_until(lambda: site.items(message_id), 5, "the item")[0]

    def halfway():
        status = site.get(f"/api/v1/media/{item['id']}/status").json()
        return status["progress"] if status["progress"] and status["progress"] < 1 else None
    assert 0 < wait_until(halfway, 5, "some progress") < 1
    site.wait_for(message_id)


def test_one_slow_download_does_not_hold_up_others(site):
    slow = site.send_photo(faults=[("download", "stall", 1)])
    begin = time.monotonic()
    site.receive_photo()
    assert time.monotonic() - begin < 1.4
    site.wait_for(slow)


class TestDefaults:
    """Without the settings for tests, nothing on the inside can be reached."""

    @pytest.fixture(scope="class")
    def careful(self, stacks, graph, quick_settings):
        from site_under_test import Site
        settings = quick_settings | {"fetch.allow_private_addresses": False,
                                     "fetch.allow_plain_http": False}
        yield Site(stacks.start("careful", settings), graph)
        stacks.stop("careful")

    def test_a_provider_on_a_loopback_address_is_not_asked(self, careful, graph):
        message = careful.offer()
        careful.send(message)
        item = careful.wait_for(message["id"], "failed")
        assert item["last_error"].startswith("blocked_address:")
        assert graph.requests_for(message["image"]["id"]) == []

    @pytest.mark.parametrize("url", [
        "https://127.0.0.1/a.jpg", "https://[::1]/a.jpg", "https://[::ffff:127.0.0.1]/a.jpg",
        "https://10.0.0.1/a.jpg", "https://169.254.169.254/latest/meta-data", "https://0/a.jpg",
        "https://2130706433/a.jpg", "https://0x7f.1/a.jpg", "https://localhost/a.jpg",
        "https://100.64.0.1/a.jpg", "https://[fe80::1]/a.jpg", "https://[fd00::1]/a.jpg",
        "https://[64:ff9b::7f00:1]/a.jpg", "http://192.0.2.1/a.jpg", "file:///etc/passwd",
        "gopher://127.0.0.1/", "ftp://127.0.0.1/a.jpg", "https://0177.0.0.1/a.jpg",
        "https://127.1:443/a.jpg", "https://192.168.0.1:8443/a.jpg", "https://172.16.0.1/a.jpg",
        "https://224.0.0.1/a.jpg", "https://255.255.255.255/a.jpg", "https://168.63.129.16/a.jpg",
        "https://[::]/a.jpg", "https://[::7f00:1]/a.jpg", "https://[64:ff9b:1::a00:1]/a.jpg",
        "https://[2002:7f00:1::1]/a.jpg", "https://[2001::a00:1:0:0:f7f7:f7f7]/a.jpg",
        "https://[ff02::1]/a.jpg", "https://[fd00:ec2::254]/latest/meta-data",
        "https://user:password@files.example/a.jpg"])
    def test_a_generic_url_to_the_inside_is_refused(self, careful, url):
        from doubles.standard_webhook import event
        payload = event([{"url": url, "content_type": "image/jpeg"}])
        assert careful.add_generic().post(payload).status_code == 200
        item = careful.wait_for(payload["data"]["id"], "failed")
        assert item["last_error"].startswith("blocked_address:"), item["last_error"]

    @pytest.mark.parametrize("url", [
        "https://127.0.0.1./a.jpg", "https://localhost./a.jpg", "https://127%2E0.0.1/a.jpg",
        "https://" + "a" * 300 + "/a.jpg", "https://\uff11\uff12\uff17.0.0.1/a.jpg"])
    def test_an_odd_host_leads_nowhere(self, careful, url):
        from doubles.standard_webhook import event
        payload = event([{"url": url, "content_type": "image/jpeg"}])
        assert careful.add_generic().post(payload).status_code == 200
        item = careful.wait_for(payload["data"]["id"], "failed")
        assert item["last_error"].split(":")[0] in ("blocked_address", "network", "invalid_argument")


class TestTlsOnly:
    """Without plain http, no answer leads to it."""

    @pytest.fixture(scope="class")
    def tls_only(self, stacks, graph, quick_settings):
        from site_under_test import Site
        yield Site(stacks.start("tls-only", quick_settings | {"fetch.allow_plain_http": False}), graph)
        stacks.stop("tls-only")

    @pytest.mark.parametrize("step, mode", [("resolve", "plain_http"), ("download", "redirect_http")])
    def test_plain_http_is_refused(self, tls_only, graph, step, mode):
        message_id = tls_only.send_photo(faults=[(step, mode, ALWAYS)])
        item = tls_only.wait_for(message_id, "failed")
        assert item["last_error"].startswith("blocked_address:"), item["last_error"]

    def test_tls_still_works(self, tls_only):
        tls_only.receive_photo()


def test_proxies_of_the_environment_are_not_used(own_stack, graph, monkeypatch):
    from site_under_test import Site
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0)
        where = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        with monkeypatch.context() as environment:
            for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
                environment.setenv(name, where)
            environment.setenv("no_proxy", "127.0.0.1,nowhere.test")
            stack = own_stack()
        Site(stack, graph).receive_photo()
        with pytest.raises(BlockingIOError):
            proxy.accept()
