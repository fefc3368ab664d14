"""A media answer says what nginx's own static handler says of the same file."""

import re

import pytest

from raw_http import exchange, request_bytes
from site_under_test import photo

pytestmark = pytest.mark.module

# Headers on which the two must agree. ETag and the safety headers differ by design.
SAME_HEADERS = ("content-length", "content-range", "accept-ranges", "last-modified", "allow",
                "transfer-encoding", "content-encoding", "connection")
LAST = 50_000 + 16 - 1


@pytest.fixture(scope="module")
def item(site):
    return site.receive_photo(photo(50_000 + 16))


@pytest.fixture(scope="module")
def ask(site, item):
    """ask(method, headers) -> (media answer, static answer), {etag} and {date} filled in."""
    port = site.stack.port
    token = ("Authorization", f"Bearer {site.token}")
    media, static = item["file_url"], f"/static/{item['file_key']}"

    def validators(target, headers):
        head = exchange(port, request_bytes("HEAD", target, headers)).headers
        return {"etag": head["etag"][0], "date": head["last-modified"][0]}
    own = {media: validators(media, [token]), static: validators(static, [])}

    def send(method, headers=(), body=b"", version="1.1"):
        answers = []
        for target, extra in ((media, [token]), (static, [])):
            filled = [(name, value.format(**own[target])) for name, value in headers]
            answers.append(exchange(port, request_bytes(method, target, filled + extra, version)
                                    + body))
        return answers
    return send


def normalised(answer):
    headers = {name: answer.headers.get(name) for name in SAME_HEADERS}
    boundary = re.search(rb"\r\n--(\d{20})\r\n", answer.body[:100] if answer.body else b"")
    body = answer.body
    if boundary:
        body = body.replace(boundary.group(1), b"BOUNDARY")
        body = re.sub(rb"Content-Type: [^\r]*", b"Content-Type: same", body)
        # The length counts the part's Content-Type, which names the type that was sniffed.
        headers["content-length"] = None
    if answer.status >= 400:
        # nginx's own page names its version in both; only the length may tell them apart.
        body = None
    return answer.status, headers, body


def same(answers):
    media, static = answers
    assert normalised(media) == normalised(static)
    return media


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_whole_file(ask, method):
    answer = same(ask(method))
    assert answer.status == 200
    assert len(answer.body) == (LAST + 1 if method == "GET" else 0)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "PATCH", "OPTIONS", "TRACE", "MKCOL",
                                    "PROPFIND", "BREW"])
def test_other_methods(ask, method):
    media, static = ask(method)
    assert media.status == static.status
    assert media.status >= 400


def test_a_get_with_a_body(ask):
    assert same(ask("GET", [("Content-Length", "5")], b"hello")).status == 200


def test_http_1_0(ask):
    assert same(ask("GET", version="1.0")).status == 200


RANGES = [
    "bytes=0-0", "bytes=0-", "bytes=100-199", "bytes=-1", "bytes=-100", "bytes=-99999999",
    f"bytes={LAST}-", f"bytes={LAST}-{LAST}", f"bytes={LAST + 1}-", "bytes=0-99999999",
    "bytes=5-1", "bytes=-0", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-0,", "bytes=,0-0",
    "bytes=0-0,2-2", "bytes=0-9,10-19,20-29", "bytes=0-9, 5-14", "bytes=-5,0-4",
    "bytes=0-0,99999999-", "bytes=99999999-,99999998-", "bytes= 0-0", "bytes=0 - 0", "BYTES=0-0",
    "items=0-0", "bytes 0-0", "bytes=0-0-0", "bytes=18446744073709551616-", "bytes=1-0,0-0",
    "bytes=" + ",".join(f"{i}-{i}" for i in range(0, 60, 2)),
    "bytes=" + ",".join(["0-"] * 10),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("value", RANGES)
def test_ranges(ask, method, value):
    same(ask(method, [("Range", value)]))


CONDITIONS = [
    [("If-None-Match", "{etag}")],
    [("If-None-Match", "W/{etag}")],
    [("If-None-Match", '"other"')],
    [("If-None-Match", '"other", {etag}')],
    [("If-None-Match", "*")],
    [("If-None-Match", "")],
    [("If-Match", "{etag}")],
    [("If-Match", "W/{etag}")],
    [("If-Match", '"other"')],
    [("If-Match", '"other", {etag}')],
    [("If-Match", "*")],
    [("If-Modified-Since", "{date}")],
    [("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")],
    [("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT")],
    [("If-Modified-Since", "yesterday")],
    [("If-Unmodified-Since", "{date}")],
    [("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")],
    [("If-Unmodified-Since", "Fri, 01 Jan 2100 00:00:00 GMT")],
    [("If-Unmodified-Since", "tomorrow")],
    [("If-None-Match", '"other"'), ("If-Modified-Since", "{date}")],
    [("If-None-Match", "{etag}"), ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")],
    [("If-Match", "{etag}"), ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")],
    [("If-Match", "{etag}"), ("If-None-Match", "{etag}")],
    [("Range", "bytes=0-9"), ("If-Range", "{etag}")],
    [("Range", "bytes=0-9"), ("If-Range", '"other"')],
    [("Range", "bytes=0-9"), ("If-Range", "W/{etag}")],
    [("Range", "bytes=0-9"), ("If-Range", "{date}")],
    [("Range", "bytes=0-9"), ("If-Range", "Thu, 01 Jan 1970 00:00:00 GMT")],
    [("Range", "bytes=0-9"), ("If-Range", "nonsense")],
    [("Range", "bytes=0-9"), ("If-None-Match", "{etag}")],
    [("Range", "bytes=99999999-"), ("If-None-Match", "{etag}")],
    [("Range", "bytes=99999999-"), ("If-Range", '"other"')],
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers", CONDITIONS, ids=lambda headers: "; ".join(
    f"{name}: {value}" for name, value in headers))
def test_conditions(ask, method, headers):
    same(ask(method, headers))


def test_a_multi_range_answer_names_the_sniffed_type_in_every_part(ask):
    media, _ = ask("GET", [("Range", "bytes=0-0,2-2")])
    assert media.status == 206
    assert media.body.count(b"Content-Type: image/jpeg") == 2


def test_unchanged_media_are_answered_without_a_body(ask):
    assert same(ask("GET", [("If-None-Match", "{etag}")])).status == 304
    assert same(ask("GET", [("If-Match", '"other"')])).status == 412
    assert same(ask("GET", [("Range", f"bytes={LAST + 1}-")])).status == 416
