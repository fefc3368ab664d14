"""media_status: what it counts and tells, and to whom the drop-in configuration shows it."""

import re
import socket

import pytest
import requests

pytestmark = pytest.mark.module

LOCATIONS = "location = /status.json { media_status json; }\n"


@pytest.fixture(scope="module")
def url(stacks, quick_settings):
    stack = stacks.start("status", quick_settings, LOCATIONS, workers=1)
    yield stack.url
    stacks.stop("status")


def samples(url):
    """{name with labels: value}, read as the text format wants it."""
    answer = requests.get(url + "/media-status", timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.text.endswith("\n")
    found, described = {}, set()
    for line in answer.text.splitlines():
        if line.startswith("# "):
            described.add(re.fullmatch(r"# (?:HELP|TYPE) (\w+) .+", line).group(1))
            continue
        name, value = re.fullmatch(r'(\w+(?:\{\w+="[^"]+"\})?) ([0-9.]+)', line).groups()
        assert re.sub(r"(_bucket|_sum|_count)?(\{.*)?$", "", name) in described
        assert name not in found
        found[name] = float(value)
    return found


def test_the_text_names_every_figure_once(url):
    figures = samples(url)
    assert {name for name in figures if "{" not in name} >= {
        "ngx_media_lookups_total", "ngx_media_tokens_verified_total", "ngx_media_key_reloads_total",
        "ngx_media_lookup_seconds_sum", "ngx_media_lookup_seconds_count",
        "ngx_media_lookups_under_way", "ngx_media_database_connections",
        "ngx_media_cache_vouched", "ngx_media_cache_invalidations_total"}
    buckets = [value for name, value in figures.items()
               if name.startswith("ngx_media_lookup_seconds_bucket")]
    assert buckets == sorted(buckets)
    assert buckets[-1] == figures["ngx_media_lookup_seconds_count"]


def test_a_decision_is_counted(url):
    name = 'ngx_media_decisions_total{decision="no_token"}'
    before = samples(url)[name]
    for _ in range(3):
        assert requests.get(url + "/media/x", timeout=10).status_code == 401
    assert samples(url)[name] == before + 3


def test_json_tells_the_same(url):
    assert requests.get(url + "/media/x", timeout=10).status_code == 401
    figures = samples(url)
    answer = requests.get(url + "/status.json", timeout=10)
    assert answer.headers["Content-Type"] == "application/json"
    told = answer.json()
    assert {f'ngx_media_decisions_total{{decision="{name}"}}': value
            for name, value in told["decisions"].items()}.items() <= figures.items()
    assert told["cache"].keys() == {"invalidations", "flushes", "repairs", "vouched"}
    assert told["decisions"]["no_token"] >= 1


def test_only_reading_is_allowed(url):
    assert requests.head(url + "/media-status", timeout=10).status_code == 200
    assert requests.post(url + "/media-status", data=b"x", timeout=10).status_code == 405


def test_other_addresses_are_refused(url):
    """All of 127.0.0.0/8 is this machine; the file names one address of it."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 10, ("127.0.0.2", 0)) as stranger:
        stranger.sendall(b"GET /media-status HTTP/1.1\r\nHost: localhost\r\n"
                         b"Connection: close\r\n\r\n")
        head = stranger.makefile("rb").readline()
    assert head.split()[1] == b"403"
