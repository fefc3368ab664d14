"""The module together with the rest of nginx: redirects, subrequests, satisfy, variables, HTTP/2."""

import re
import socket
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from raw_http import exchange, request_bytes
from site_under_test import Site, photo
from stack.process import free_port, wait_until
from watch import LogMark

pytestmark = pytest.mark.module

# `media` in every kind of location. /own/ is a page of the site that includes media.
LOCATIONS = """
listen 127.0.0.1:%(http2)s http2;

location /rest/ { media; }
location /rest-if/ { if ($arg_a) { add_header X-If yes; } media; }
location /rest-elsewhere/ { rewrite ^/rest-elsewhere/(.*)$ /elsewhere/$1 break; media; }
location ~ ^/any/(.+)$ { satisfy any; allow all; media $1; }
location ~ ^/denied/(.+)$ { deny all; media $1; }
location ~ ^/again/(.+)$ { error_page 404 = @again; media $1; }
location @again { media $1; }
location ~ ^/page/(.+)$ { error_page 401 404 503 /page.html; media $1; }
location = /page.html { return 200 "a page of the site"; }
location ~ ^/placeholder/(.+)$ { error_page 404 = @placeholder; media $1; }
location @placeholder { media $arg_other; }
location ~ ^/if/(.+)$ { set $wanted $1; if ($arg_a) { add_header X-If yes; } media $wanted; }
location ~ ^/only-get/(.+)$ { limit_except GET { deny all; } media $1; }
location ~ ^/slice/(.+)$ { slice 1k; media $1; }
location ~ ^/slow/(.+)$ { limit_rate 40k; media $1; }
location ~ ^/cacheable/(.+)$ { expires 5m; media $1; }
location ~ ^/vars/(.+)$ {
    media $1;
    add_header X-Id "$media_id" always;
    add_header X-Decision "$media_decision" always;
    add_header X-Store "$media_store" always;
    add_header X-Time "$media_lookup_time" always;
    add_header X-Caller "$media_user $media_company $media_role" always;
}
location = /own/page { ssi on; default_type text/html; alias %(dir)s/page.html; }
location = /included { set $wanted $arg_id; media $wanted; }
location = /asked { set $wanted $arg_id; auth_request /included; alias %(dir)s/page.html; }
location = /guarded { media_authorize on; alias %(dir)s/page.html; }
location = /open-to-all { satisfy any; allow all; media_authorize on; alias %(dir)s/page.html; }
location = /other-audience {
    media_session jwt key_file=%(key)s audience=somebody_else;
    error_page 401 = @guarded;
    media_authorize on;
    alias %(dir)s/page.html;
}
location @guarded { media_authorize on; add_header X-Caller "$media_user" always; return 418; }
"""


@pytest.fixture(scope="module")
def http2_port():
    return free_port()


@pytest.fixture(scope="module")
def own_site(stacks, quick_settings, graph, http2_port):
    """A site on a stack with the locations above."""
    directory = stacks.directory / "locations"
    values = {"http2": http2_port, "dir": directory / "nginx.d", "key": directory / "keys" / "jwt.key"}
    stack = stacks.start("locations", quick_settings, LOCATIONS % values)
    site = Site(stack, graph)
    yield site
    stacks.stop("locations")


@pytest.fixture(scope="module")
def item(own_site):
    item = own_site.receive_photo(photo(5000))
    page = own_site.stack.dir / "nginx.d" / "page.html"
    page.write_text(f'before<!--# include virtual="{item["file_url"]}" -->after')
    return item


def media_id(item):
    return item["file_url"].rsplit("/", 1)[1]


def anonymous(site, path):
    return requests.get(site.stack.url + path, timeout=10)


class CountedLookups:
    """Counts what the database is asked while it is entered."""

    def __init__(self, stack):
        self.postgres = stack.postgres

    def __enter__(self):
        self._log_statements("all")
        self.log = LogMark(self.postgres.log)
        return self

    def __exit__(self, *_):
        self._log_statements("none")

    def _log_statements(self, which):
        self.postgres.psql(f"ALTER SYSTEM SET log_statement = '{which}'")
        self.postgres.psql("SELECT pg_reload_conf()")
        wait_until(lambda: self.postgres.psql("SHOW log_statement") == which, 5, "the setting")

    def count(self):
        return len(re.findall(r"execute ngx_media", self.log.text()))


class TestAccess:
    def test_without_a_token_satisfy_any_opens_no_media(self, own_site, item):
        assert anonymous(own_site, f"/any/{media_id(item)}").status_code == 401
        assert own_site.get(f"/any/{media_id(item)}").status_code == 200

    def test_a_token_does_not_override_deny(self, own_site, item):
        answer = own_site.get(f"/denied/{media_id(item)}")
        assert answer.status_code == 403 and len(answer.content) < 1000

    def test_satisfy_any_may_open_a_guarded_location(self, own_site, item):
        assert anonymous(own_site, "/guarded").status_code == 401
        assert own_site.get("/guarded").status_code == 200
        assert anonymous(own_site, "/open-to-all").status_code == 200
        assert "WWW-Authenticate" not in anonymous(own_site, "/open-to-all").headers

    def test_a_token_counts_only_under_the_session_that_it_is_for(self, own_site):
        answer = own_site.get("/other-audience")
        assert answer.status_code == 418
        assert answer.headers["X-Caller"] == own_site.user

    def test_content_of_if_and_limit_except_is_guarded_too(self, own_site, item):
        path = f"/if/{media_id(item)}?a=1"
        assert anonymous(own_site, path).status_code == 401
        answer = own_site.get(path)
        assert answer.status_code == 200 and answer.headers["X-If"] == "yes"
        assert own_site.get(f"/only-get/{media_id(item)}").status_code == 200
        assert requests.post(own_site.stack.url + f"/only-get/{media_id(item)}",
                             headers={"Authorization": f"Bearer {own_site.token}"},
                             timeout=10).status_code == 403


class TestSubrequests:
    def test_a_page_includes_no_media(self, own_site, item):
        content = own_site.stack.root.joinpath(item["file_key"]).read_bytes()
        for answer in (own_site.get("/own/page"), anonymous(own_site, "/own/page")):
            assert answer.status_code == 200
            assert answer.content.startswith(b"before") and answer.content.endswith(b"after")
            assert content[:64] not in answer.content

    def test_media_are_no_oracle_of_auth_request(self, own_site, item):
        for name in (media_id(item), uuid.uuid4()):
            assert own_site.get(f"/asked?id={name}").status_code == 403
        assert own_site.get(f"/included?id={media_id(item)}").status_code == 200

    def test_slices_are_not_asked_for(self, own_site, item):
        answer = own_site.get(f"/slice/{media_id(item)}")
        assert answer.status_code == 200 and len(answer.content) == 5000


class TestRestOfTheUri:
    """`media` without an id."""

    def test_is_the_id(self, own_site, item):
        for prefix in ("rest", "rest-if"):
            answer = own_site.get(f"/{prefix}/{media_id(item)}?a=1")
            assert answer.status_code == 200 and len(answer.content) == 5000
        assert answer.headers["X-If"] == "yes"

    @pytest.mark.parametrize("rest", ["", "{id}/", "{id}/x.css", "x/{id}"])
    def test_nothing_else_is(self, own_site, item, rest):
        assert own_site.get("/rest/" + rest.format(id=media_id(item))).status_code == 404

    def test_is_none_of_a_uri_that_was_moved_away(self, own_site, item):
        assert own_site.get(f"/rest-elsewhere/{media_id(item)}").status_code == 404


class TestRedirects:
    def test_the_same_media_are_looked_up_once(self, own_site):
        with CountedLookups(own_site.stack) as lookups:
            assert own_site.get(f"/again/{uuid.uuid4()}").status_code == 404
            wait_until(lambda: lookups.count() >= 1, 5, "the statement in the log")
            assert own_site.get(f"/again/{uuid.uuid4()}").status_code == 404
            wait_until(lambda: lookups.count() >= 2, 5, "the statement in the log")
            assert lookups.count() == 2

    def test_other_media_are_looked_up_anew(self, own_site, item):
        answer = own_site.get(f"/placeholder/{uuid.uuid4()}?other={media_id(item)}")
        assert answer.status_code == 200 and len(answer.content) == 5000
        assert own_site.get(f"/placeholder/{uuid.uuid4()}?other=x").status_code == 404

    def test_no_header_is_there_twice(self, own_site, item):
        answer = exchange(own_site.stack.port, request_bytes(
            "GET", f"/placeholder/{uuid.uuid4()}?other={media_id(item)}",
            [("Authorization", f"Bearer {own_site.token}")]))
        assert answer.status == 200
        assert {name: len(values) for name, values in answer.headers.items()
                if len(values) > 1} == {}
        assert answer.headers["cache-control"][0].startswith("private")

    def test_an_error_page_is_shown_with_safety_headers(self, own_site, item):
        for answer in (anonymous(own_site, f"/page/{media_id(item)}"),
                       own_site.get(f"/page/{uuid.uuid4()}")):
            assert answer.status_code in (401, 404)
            assert answer.text == "a page of the site"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"

    def test_expires_replaces_our_cache_control(self, own_site, item):
        assert own_site.get(f"/cacheable/{media_id(item)}").headers["Cache-Control"] == "max-age=300"


class TestVariables:
    def test_of_a_granted_request(self, own_site):
        item = own_site.receive_photo()
        headers = own_site.get(f"/vars/{media_id(item)}").headers
        assert headers["X-Id"] == media_id(item)
        assert headers["X-Decision"] == "granted"
        assert headers["X-Store"] == "local"
        assert re.fullmatch(r"\d+\.\d{3}", headers["X-Time"])
        assert headers["X-Caller"] == f"{own_site.user} {own_site.company} agent"

    def test_of_a_request_that_is_refused(self, own_site):
        absent = own_site.get(f"/vars/{uuid.uuid4()}").headers
        assert absent["X-Decision"] == "absent" and "X-Store" not in absent
        assert own_site.get("/vars/x").headers["X-Decision"] == "bad_id"
        assert anonymous(own_site, "/vars/x").headers["X-Decision"] == "no_token"
        assert own_site.get("/vars/x", token="a.b.c").headers["X-Decision"] == "bad_token"


class TestProtocols:
    def test_http_0_9_gets_the_bare_file_or_an_error_page(self, own_site, item):
        def ask(target):
            with socket.create_connection(("127.0.0.1", own_site.stack.port), 10) as connection:
                connection.sendall(f"GET {target}\r\n".encode())
                received = b""
                while chunk := connection.recv(1 << 16):
                    received += chunk
            return received
        assert len(ask(f"{item['file_url']}?token={own_site.token}")) == 5000
        assert b"401 Authorization Required" in ask(item["file_url"])
        assert b"404 Not Found" in ask(f"/media/{uuid.uuid4()}?token={own_site.token}")

    def test_http_2(self, own_site, item, http2_port, tmp_path):
        def ask(number):
            return subprocess.run(
                ["curl", "-sS", "--http2-prior-knowledge", "-o", str(tmp_path / str(number)),
                 "-H", f"Authorization: Bearer {own_site.token}",
                 "-w", "%{http_version} %{http_code} %{size_download}",
                 f"http://127.0.0.1:{http2_port}{item['file_url']}"],
                capture_output=True, text=True, timeout=60).stdout
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(ask, range(40))) == ["2 200 5000"] * 40

    def test_pipelined_requests_are_answered_in_order(self, own_site, item):
        one = request_bytes("GET", item["file_url"], [("Authorization", f"Bearer {own_site.token}")])
        kept = one.replace(b"Connection: close", b"Connection: keep-alive")
        missing = kept.replace(media_id(item).encode(), str(uuid.uuid4()).encode())
        with socket.create_connection(("127.0.0.1", own_site.stack.port), 10) as connection:
            connection.sendall((kept + missing) * 10 + one)
            received = b""
            while chunk := connection.recv(1 << 16):
                received += chunk
        statuses = re.findall(rb"HTTP/1\.1 (\d+) ", received)
        assert statuses == [b"200", b"404"] * 10 + [b"200"]

    def test_limit_rate_applies(self, own_site):
        item = own_site.receive_photo(photo(60_000))
        begin = time.monotonic()
        assert len(own_site.get(f"/slow/{media_id(item)}").content) == 60_000
        assert time.monotonic() - begin > 0.4


@pytest.mark.log_noise("nginx", r"has \d+ bytes, but its record says \d+")
def test_a_file_of_another_size_is_not_sent(own_site):
    item = own_site.receive_photo(photo(3000))
    path = own_site.stack.root / item["file_key"]
    path.chmod(0o600)
    path.write_bytes(b"x" * 2999)
    log = LogMark(own_site.stack.logs / "nginx-error.log")
    answer = own_site.get(item["file_url"])
    assert answer.status_code == 500
    assert b"xxx" not in answer.content
    log.wait_for(r"media: .* has 2999 bytes, but its record says 3000")


@pytest.mark.log_noise("nginx", r"lookup failed")
@pytest.mark.log_noise("postgres", r"poison|PL/pgSQL|lookup_media|STATEMENT")
def test_a_lookup_that_fails_does_not_harm_those_sent_with_it(own_site, item):
    poison = uuid.uuid4()
    psql = own_site.stack.postgres.psql
    psql("ALTER FUNCTION media.lookup_media(uuid) RENAME TO lookup_media_kept")
    psql("CREATE FUNCTION media.lookup_media(p_id uuid) RETURNS TABLE (company_id uuid, status text, "
         "visibility text, store text, storage_key text, mime_type text, file_name text, size bigint, "
         "sha256 bytea, modified_at timestamptz) LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN "
         f"IF p_id = '{poison}' THEN RAISE EXCEPTION 'poison'; END IF; "
         "RETURN QUERY SELECT * FROM media.lookup_media_kept(p_id); END $$")
    psql("ALTER FUNCTION media.lookup_media_many(uuid[]) RENAME TO lookup_media_many_kept")
    psql("CREATE FUNCTION media.lookup_media_many(p_ids uuid[]) RETURNS TABLE (asked bigint, company_id uuid, "
         "status text, visibility text, store text, storage_key text, mime_type text, file_name text, "
         "size bigint, sha256 bytea, modified_at timestamptz) LANGUAGE sql SECURITY DEFINER AS $$ "
         "SELECT a.asked, l.* FROM unnest(p_ids) WITH ORDINALITY AS a (id, asked) "
         "CROSS JOIN LATERAL media.lookup_media(a.id) AS l $$")
    try:
        with ThreadPoolExecutor(16) as pool:
            statuses = list(pool.map(lambda path: own_site.get(path).status_code,
                                     [item["file_url"], f"/media/{poison}"] * 200))
    finally:
        psql("DROP FUNCTION media.lookup_media_many(uuid[])")
        psql("ALTER FUNCTION media.lookup_media_many_kept(uuid[]) RENAME TO lookup_media_many")
        psql("DROP FUNCTION media.lookup_media(uuid)")
        psql("ALTER FUNCTION media.lookup_media_kept(uuid) RENAME TO lookup_media")
    assert statuses == [200, 503] * 200
    assert own_site.get(item["file_url"]).status_code == 200
