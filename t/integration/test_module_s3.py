"""Media in object stores: sent there by signed URLs, or fetched by nginx."""

import os
import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from faults_under_test import nginx_signal, workers
from s3_under_test import S3Site
from site_under_test import Site
from stack.process import wait_until
from twins import SAFE
from watch import LogMark

pytestmark = pytest.mark.module

CONTENT = os.urandom(10_000)
SIGNATURE = r"(?i)X-Amz-Signature|Signature=|X-Amz-Credential|AWS4-HMAC"


@pytest.fixture(scope="module")
def s3(stacks, quick_settings, ceph, swift):
    return S3Site(stacks, quick_settings, {"ceph": ceph, "swift": swift})


@pytest.fixture(scope="module", params=["ceph", "swift"])
def server(request):
    return request.param


@pytest.fixture(scope="module", params=["proxy", "plain"])
def proxy_store(server, request):
    return f"{server}-{request.param}"


class TestRedirect:
    def test_the_url_gives_bytes_type_and_name(self, s3, server):
        item = s3.put(f"{server}-redirect", CONTENT, name="Größe ✓.jpg")
        answer = s3.ask(item)
        assert answer.status_code == 302
        followed = requests.get(answer.headers["Location"], timeout=10)
        disk = s3.ask(s3.put("local", CONTENT, name="Größe ✓.jpg"))
        assert followed.content == CONTENT
        for name in ("Content-Type", "Content-Disposition", "Cache-Control"):
            assert followed.headers[name] == disk.headers[name]

    def test_a_range_of_it_can_be_had(self, s3, server):
        url = s3.ask(s3.put(f"{server}-redirect", CONTENT)).headers["Location"]
        part = requests.get(url, headers={"Range": "bytes=5-9"}, timeout=10)
        assert (part.status_code, part.content) == (206, CONTENT[5:10])

    def test_head_is_signed_as_head(self, s3, server):
        item = s3.put(f"{server}-redirect", CONTENT)
        answer = s3.ask(item, "HEAD")
        assert answer.status_code == 302 and answer.content == b""
        url = answer.headers["Location"]
        assert requests.head(url, timeout=10).headers["Content-Length"] == str(len(CONTENT))
        assert requests.get(url, timeout=10).status_code == 403

    def test_the_url_stays_for_a_while_and_is_not_remembered_longer(self, s3):
        item = s3.put("ceph-redirect", CONTENT)
        answers = [s3.ask(item) for _ in range(5)]
        # The quarter of an hour may end meanwhile, once.
        assert len({answer.headers["Location"] for answer in answers}) <= 2
        answer = answers[-1]
        query = {name: values[0] for name, values in
                 parse_qs(urlsplit(answer.headers["Location"]).query).items()}
        date = time.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        assert date.tm_min % 15 == 0 and date.tm_sec == 0
        age = int(re.fullmatch(r"private, max-age=(\d+)", answer.headers["Cache-Control"]).group(1))
        assert 0 < age <= 900 and query["X-Amz-Expires"] == "3600"
        assert "ETag" not in answer.headers

    def test_it_has_the_safety_headers(self, s3):
        answer = s3.ask(s3.put("ceph-redirect", CONTENT))
        for name, value in SAFE.items():
            assert answer.headers[name] == value

    def test_who_has_the_bytes_is_sent_nowhere(self, s3):
        item = s3.put("ceph-redirect", CONTENT)
        answer = s3.ask(item, If_None_Match=item.etag)
        assert answer.status_code == 304 and answer.content == b""
        assert answer.headers["ETag"] == item.etag
        assert answer.headers["Cache-Control"] == "private, max-age=3600, immutable"
        assert s3.ask(item, If_None_Match='"another"').status_code == 302
        assert s3.ask(item, If_Match='"another"').status_code == 412
        assert s3.ask(item, If_Match=item.etag).status_code == 302

    def test_public_media_is_where_anybody_may_fetch_it(self, s3):
        item = s3.put("ceph-public", CONTENT, "a b/ü+.jpg", visibility="public")
        answer = s3.ask(item)
        assert answer.headers["Location"] == "https://cdn.example/media/a%20b/%C3%BC%2B.jpg"
        assert answer.headers["Cache-Control"] == "public, max-age=3600"

    def test_private_media_of_the_same_store_is_not(self, s3):
        url = s3.ask(s3.put("ceph-public", CONTENT)).headers["Location"]
        assert requests.get(url, timeout=10).content == CONTENT


class TestAccess:
    @pytest.mark.parametrize("store", ["ceph-redirect", "ceph-proxy"])
    def test_another_companys_media_is_404(self, s3, store):
        item = s3.put(store, CONTENT, company=Site(s3.stack).company)
        answer = s3.ask(item)
        assert answer.status_code == 404 and "Location" not in answer.headers

    @pytest.mark.parametrize("store", ["ceph-redirect", "ceph-proxy"])
    def test_without_a_token_it_is_401(self, s3, store):
        item = s3.put(store, CONTENT, visibility="public")
        assert requests.get(s3.stack.url + item.path, timeout=10).status_code == 401

    @pytest.mark.parametrize("store", ["ceph-redirect", "ceph-proxy", "ceph-plain"])
    def test_other_methods_are_405(self, s3, store):
        item = s3.put(store, CONTENT)
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert s3.ask(item, method).status_code == 405


ODD_NAMES = ['a"b.jpg', "a\r\nSet-Cookie: x=1\r\n\r\n<html>.jpg", "a;b=c.jpg", "%0d%0aX: y", "日本語 🎬.jpg",
             "\u202egpj.exe", "../../etc/passwd", "'; DROP TABLE x; --"]
ODD_KEYS = ["a b", "a+b", "a%20b", "a=b&c=d", "a#b", "a?X-Amz-Signature=1", "quo\"te'", "größe", "映画/千",
            "🎬", "شكرا", "x" * 255 + "/" + "y" * 255, "tilde~", "(1)!*;:@$,[]"]


class TestNames:
    def test_a_file_name_is_a_name_only(self, s3, server):
        stores = ("local", f"{server}-redirect", f"{server}-plain")
        for name in ODD_NAMES:
            disk, redirect, plain = (s3.ask(s3.put(store, CONTENT, name=name)) for store in stores)
            followed = requests.get(redirect.headers["Location"], timeout=10)
            for answer in (followed, plain):
                assert answer.content == CONTENT
                assert answer.headers["Content-Disposition"] == disk.headers["Content-Disposition"]
                assert "Set-Cookie" not in answer.headers and "X" not in answer.headers

    @pytest.mark.parametrize("mode", ["redirect", "plain", "proxy"])
    def test_a_key_may_have_every_character(self, s3, server, mode):
        for key in ODD_KEYS:
            item = s3.put(f"{server}-{mode}", key.encode(), f"{mode}/{key}")
            answer = s3.ask(item)
            if mode == "redirect":
                answer = requests.get(answer.headers["Location"], timeout=10)
            assert (answer.status_code, answer.content) == (200, item.content), key


REQUESTS = {
    "get": ("GET",), "head": ("HEAD",),
    "first": ("GET", ("Range", "bytes=0-0")), "middle": ("GET", ("Range", "bytes=4000-8999")),
    "end": ("GET", ("Range", "bytes=9990-")), "suffix": ("GET", ("Range", "bytes=-10")),
    "too far": ("GET", ("Range", "bytes=10000-")), "no range": ("GET", ("Range", "lines=1-2")),
    "head of a range": ("HEAD", ("Range", "bytes=0-9")),
    "known": ("GET", ("If-None-Match", "@ETAG@")), "known weakly": ("GET", ("If-None-Match", "W/@ETAG@")),
    "one of known": ("HEAD", ("If-None-Match", '"x", @ETAG@')), "any": ("GET", ("If-None-Match", "*")),
    "unknown": ("GET", ("If-None-Match", '"x"')),
    "matching": ("GET", ("If-Match", "@ETAG@")), "not matching": ("GET", ("If-Match", '"x"')),
    "range of this": ("GET", ("Range", "bytes=1-2"), ("If-Range", "@ETAG@")),
    "range of another": ("GET", ("Range", "bytes=1-2"), ("If-Range", '"x"')),
    "range of that day": ("GET", ("Range", "bytes=1-2"), ("If-Range", "@DATE@")),
    "range of another day": ("GET", ("Range", "bytes=1-2"), ("If-Range", "Thu, 01 Jan 2015 00:00:00 GMT")),
    "not since": ("GET", ("If-Modified-Since", "@DATE@")),
    "since": ("GET", ("If-Modified-Since", "Thu, 01 Jan 2015 00:00:00 GMT")),
    "unknown, but not since": ("GET", ("If-None-Match", '"x"'), ("If-Modified-Since", "@DATE@")),
    "unmodified": ("GET", ("If-Unmodified-Since", "@DATE@")),
    "modified": ("GET", ("If-Unmodified-Since", "Thu, 01 Jan 2015 00:00:00 GMT")),
    "authorized": ("GET", ("Cookie", "a=b"), ("X-Amz-Date", "20200101T000000Z"), ("X-Amz-Acl", "public-read")),
}


def comparable(answer):
    headers = {name: sorted(values) for name, values in answer.headers.items()
               if name not in ("date", "last-modified")}
    return answer.status, headers, answer.body


class TestProxy:
    def test_it_answers_like_the_disk(self, s3, proxy_store):
        def answers(item):
            date = s3.ask(item, "HEAD").headers["Last-Modified"]
            for name, (method, *headers) in REQUESTS.items():
                filled = [(key, value.replace("@ETAG@", item.etag).replace("@DATE@", date))
                          for key, value in headers]
                yield name, comparable(s3.exchange(method, item, *filled))
        there, disk = (dict(answers(s3.put(store, CONTENT))) for store in (proxy_store, "local"))
        for name in REQUESTS:
            assert there[name] == disk[name], name

    def test_empty_media_is_empty(self, s3, proxy_store):
        answer = s3.ask(s3.put(proxy_store, b""))
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["Content-Length"] == "0"

    def test_without_a_hash_the_stores_tag_is_good(self, s3, proxy_store):
        item = s3.put(proxy_store, CONTENT, has_hash=False)
        answer = s3.ask(item)
        assert answer.content == CONTENT and len(answer.headers["ETag"]) == 34

    def test_other_bytes_than_recorded_are_not_served(self, s3, proxy_store):
        item = s3.put(proxy_store, CONTENT, size=len(CONTENT) + 1)
        log = LogMark(s3.stack.logs / "nginx-error.log")
        for headers in ({}, {"Range": "bytes=0-9"}):
            answer = s3.ask(item, **headers)
            assert answer.status_code == 502 and answer.headers["Cache-Control"] == "no-store"
        log.wait_for(f"{item.key}.*has 10000 bytes there, but its record says 10001",
                     again=lambda: s3.ask(item))

    def test_a_missing_object_is_404(self, s3, proxy_store):
        item = s3.put(proxy_store, CONTENT)
        s3.remove_object(proxy_store, item)
        log = LogMark(s3.stack.logs / "nginx-error.log")
        check_error(s3.ask(item), 404)
        log.wait_for(f'an object store answered 404 to "{item.key}" of store "{proxy_store}"',
                     again=lambda: s3.ask(item))

    def test_the_cache_answers_the_second_time(self, s3, server):
        item = s3.put(f"{server}-proxy", CONTENT)
        log = LogMark(s3.log)
        assert s3.ask(item).content == CONTENT
        s3.remove_object(f"{server}-proxy", item)
        assert s3.ask(item).content == CONTENT
        assert s3.ask(item, Range="bytes=5000-5004").content == CONTENT[5000:5005]
        assert s3.ask(item, "HEAD").headers["ETag"] == item.etag
        wait_until(lambda: log.text().count("\n") == 4, 5, "four lines")
        assert [line.split("|")[3] for line in log.text().splitlines()] == ["MISS", "HIT", "HIT", "HIT"]

    def test_new_bytes_under_an_old_key_are_not_the_cached_ones(self, s3):
        first = s3.put("ceph-proxy", CONTENT, "same/key")
        assert s3.ask(first).content == CONTENT
        second = s3.put("ceph-proxy", CONTENT[::-1], "same/key")
        assert s3.ask(second).content == CONTENT[::-1]


def check_error(answer, status):
    """One of ours: no word of the store's."""
    assert answer.status_code == status
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Vary"] == "Authorization, Cookie"
    assert not [name for name in answer.headers if name.lower().startswith("x-amz")]
    for name in ("ETag", "Location", "Content-Disposition", "Accept-Ranges"):
        assert name not in answer.headers
    assert answer.headers["Content-Type"] == "text/html"
    assert b"<Error>" not in answer.content and b"<Code>" not in answer.content


class TestTrouble:
    def test_a_store_that_is_down_is_502_and_the_cache_goes_on(self, s3, ceph):
        known, unknown = s3.put("ceph-proxy", CONTENT), s3.put("ceph-plain", CONTENT)
        assert s3.ask(known).content == CONTENT
        with ceph.outage():
            check_error(s3.ask(unknown), 502)
            assert s3.ask(known).content == CONTENT
        assert s3.ask(unknown).content == CONTENT

    def test_keys_change_with_their_file(self, s3, server):
        item = s3.put(f"{server}-plain", CONTENT)
        moved = s3.put(f"{server}-redirect", CONTENT)
        key_file = s3.key_files[server]
        good = key_file.read_text()
        assert s3.ask(item).status_code == 200
        key_file.write_text(good.splitlines()[0] + "\nanother-secret\n")
        try:
            wait_until(lambda: s3.ask(item).status_code != 200, 10, "the new key")
            check_error(s3.ask(item), 502)
            wait_until(lambda: requests.get(s3.ask(moved).headers["Location"], timeout=10).status_code == 403,
                       10, "the new key in all workers")
        finally:
            key_file.write_text(good)
        wait_until(lambda: {s3.ask(item).status_code for _ in range(8)} == {200}, 10, "the old key")

    def test_a_broken_key_file_changes_nothing(self, s3):
        item = s3.put("ceph-plain", CONTENT)
        key_file = s3.key_files["ceph"]
        good = key_file.read_text()
        log = LogMark(s3.stack.logs / "nginx-error.log")
        key_file.write_text("only-one-line\n")
        try:
            log.wait_for(r'keys stay as they were: key file ".*ceph.key": has 1 lines')
            assert s3.ask(item).status_code == 200
        finally:
            key_file.write_text(good)
        assert "only-one-line" not in log.text()

    def test_a_session_token_is_sent_and_signed(self, s3):
        """Ceph takes any, as long as the signature covers it."""
        key_file = s3.key_files["ceph"]
        good = key_file.read_text()
        moved = s3.put("ceph-redirect", CONTENT)
        key_file.write_text(good + "temporary/token+=\n")
        try:
            url = wait_until(lambda: next((url for url in [s3.ask(moved).headers["Location"]]
                                           if "X-Amz-Security-Token=temporary%2Ftoken%2B%3D" in url), None),
                             10, "the token in the URL")
            assert requests.get(url, timeout=10).content == CONTENT
            assert s3.ask(s3.put("ceph-plain", CONTENT)).content == CONTENT
        finally:
            key_file.write_text(good)

    def test_no_log_has_a_signature_or_key(self, s3, ceph):
        """After all that went on before, and errors that nginx logs by itself."""
        item = s3.put("ceph-plain", CONTENT)
        with ceph.outage():
            assert s3.ask(item).status_code == 502
        assert s3.ask(s3.put("ceph-redirect", CONTENT)).status_code == 302
        logs = "".join(path.read_text() for path in s3.stack.logs.glob("nginx*.log")) + s3.log.read_text()
        assert item.key in logs
        assert not re.search(SIGNATURE, logs)
        assert ceph.access.secret_key not in logs

    def test_a_reload_keeps_all_of_it(self, s3):
        items = [s3.put(store, CONTENT) for store in ("ceph-proxy", "ceph-plain")]
        before = set(workers(s3.stack))
        nginx_signal(s3.stack, "reload")
        wait_until(lambda: not before & set(workers(s3.stack)), 15, "new workers")
        assert [s3.ask(item).content for item in items] == [CONTENT, CONTENT]
