"""media_session request: the site's own application says who the caller is."""

import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from doubles.legacy_app import LegacyApp
from guarded_under_test import Guarded, Seen, guarded, insert_media
from raw_http import request_bytes
from site_under_test import Site
from stack.process import free_port, wait_until

pytestmark = pytest.mark.module

LOCATIONS = """
location = /auth { internal; proxy_pass http://127.0.0.1:%(app)s; }
location = /down { internal; proxy_pass http://127.0.0.1:%(closed)s; }
location = /late { internal; proxy_read_timeout 200ms; proxy_pass http://127.0.0.1:%(app)s/auth; }
location ~ ^/app-media/(.+)$ { media_session request /auth; media $1; }
location /keyed-media/ { media_session request /auth key=$http_x_api_key key=$cookie_sid; media; }
location = /upload {
    media_session request /auth;
    media_authorize on;
    proxy_pass http://127.0.0.1:%(app)s/auth;
}
"""
# Another site of the same nginx, with an application of its own under the same name.
OTHER_SERVER = """
server {
    listen 127.0.0.1:%(port)s;
    location = /auth { internal; proxy_pass http://127.0.0.1:%(app)s; }
    %(guarded)s
}
"""


@pytest.fixture(scope="module")
def app():
    double = LegacyApp()
    yield double
    double.close()


@pytest.fixture(scope="module")
def other_app():
    double = LegacyApp()
    yield double
    double.close()


@pytest.fixture(scope="module")
def site(stacks, quick_settings, app, other_app):
    other_port = free_port()
    text = LOCATIONS % {"app": app.port, "closed": free_port()}
    text += guarded("/page", "media_session request /auth")
    text += guarded("/short", "media_session request /auth valid=1s")
    text += guarded("/by-sid", "media_session request /auth key=$cookie_sid")
    text += guarded("/by-both", "media_session request /auth key=$cookie_a key=$cookie_b")
    text += guarded("/without", "media_session request /nowhere")
    text += guarded("/broken", "media_session request /down")
    text += guarded("/too-late", "media_session request /late")
    stack = stacks.start("request", quick_settings, text, http_config=OTHER_SERVER % {
        "port": other_port, "app": other_app.port,
        "guarded": guarded("/page", "media_session request /auth")})
    site = Guarded(stack)
    site.other_url = f"http://127.0.0.1:{other_port}"
    yield site
    stacks.stop("request")


@pytest.fixture
def sid(app):
    """A cookie nobody has had before, known to the application as ann's."""
    name = uuid.uuid4().hex
    app.knows(name, f"ann-{name}", "acme")
    return name


def cookie(sid):
    return {"cookies": {"sid": sid}}


class TestAnswers:
    def test_the_caller_is_who_the_application_says(self, site, app, sid):
        assert site.seen("/page", **cookie(sid)) == Seen(200, f"ann-{sid}", "acme")
        app.knows(sid, "ann", " acme , ACE ,b", **{"X-Media-Role": "chief"})
        assert site.seen("/by-sid", **cookie(sid)) == Seen(200, "ann", "acme,ACE,b", "chief")

    def test_its_media_are_seen(self, site, app, sid):
        owner, stranger = Site(site.stack), Site(site.stack)
        app.knows(sid, "ann", f"acme, {owner.company.upper()}")
        assert site.status(f"/app-media/{insert_media(owner)}", **cookie(sid)) == 200
        assert site.status(f"/app-media/{insert_media(stranger)}", **cookie(sid)) == 404

    def test_caches_are_told_what_tells_callers_apart(self, site, app, sid):
        answer = site.get(f"/keyed-media/{uuid.uuid4()}", **cookie(sid))
        assert answer.status_code == 404
        assert answer.headers["Vary"] == "Authorization, Cookie, X-Api-Key"

    @pytest.mark.parametrize("status", [204, 206])
    def test_any_2xx_is_a_yes(self, site, app, sid, status):
        app.answers[sid] = (status, app.answers[sid][1])
        assert site.status("/page", **cookie(sid)) == 200

    @pytest.mark.parametrize("status", [302, 303, 400, 401, 403, 419])
    def test_a_no_is_401(self, site, app, sid, status):
        app.answers[sid] = (status, app.answers[sid][1] | {"Location": "/login"})
        answer = site.get("/page", **cookie(sid))
        assert answer.status_code == 401 and "Location" not in answer.headers
        # And is asked for again, since the caller may log in.
        app.knows(sid, "ann", "acme")
        assert site.status("/page", **cookie(sid)) == 200

    @pytest.mark.parametrize("status", [404, 500, 502, 503])
    def test_an_error_is_503(self, site, app, sid, status):
        app.answers[sid] = (status, app.answers[sid][1])
        answer = site.get("/page", **cookie(sid))
        assert answer.status_code == 503 and answer.headers["Retry-After"]

    @pytest.mark.parametrize("path", ["/without", "/broken", "/too-late"])
    def test_no_application_is_503(self, site, app, sid, path):
        app.pauses[sid] = 1
        assert site.status(path, **cookie(sid)) == 503

    @pytest.mark.parametrize("headers", [
        {}, {"X-Media-User": "ann"}, {"X-Media-Companies": "acme"},
        {"X-Media-User": "", "X-Media-Companies": "acme"},
        {"X-Media-User": "ann", "X-Media-Companies": ""},
        {"X-Media-User": "ann", "X-Media-Companies": "a,,b"},
        {"X-Media-User": "ann", "X-Media-Companies": ","},
        {"X-Media-User": "a" * 256, "X-Media-Companies": "acme"},
        {"X-Media-User": "ann", "X-Media-Companies": ",".join(map(str, range(65)))}],
        ids=lambda headers: str(headers)[:60])
    def test_who_is_not_named_is_nobody(self, site, app, sid, headers):
        app.answers[sid] = (200, headers)
        assert site.status("/page", **cookie(sid)) == 401

    def test_without_credentials_nobody_is_asked(self, site, app):
        before = app.calls.total()
        assert site.status("/page") == 401
        assert site.status("/by-sid", cookies={"other": "x"}) == 401
        assert app.calls.total() == before


class TestTheQuestion:
    def test_has_the_caller_s_headers_and_no_body(self, site, app, sid):
        begin = time.monotonic()
        answer = requests.post(site.stack.url + "/upload", data=b"x" * 5000, **cookie(sid),
                               headers={"X-Extra": "1"}, timeout=10)
        assert answer.status_code == 200 and answer.text == "hello"
        assert time.monotonic() - begin < 2
        (method, headers, body), (forwarded, _, sent) = app.requests[-2:]
        assert (method, body) == ("GET", b"") and headers.get("Content-Length", "0") == "0"
        assert headers["X-Extra"] == "1" and sid in headers["Cookie"]
        assert (forwarded, sent) == ("POST", b"x" * 5000)

    def test_a_chunked_body_is_not_sent_either(self, site, app, sid):
        answer = requests.post(site.stack.url + "/upload", data=iter([b"ab", b"cd"]), **cookie(sid),
                               timeout=10)
        assert answer.status_code == 200
        (method, headers, body), (_, _, sent) = app.requests[-2:]
        assert (method, body, sent) == ("GET", b"", b"abcd")
        assert "Transfer-Encoding" not in headers

    def test_clients_can_t_answer_it(self, site, sid):
        forged = {"X-Media-User": "root", "X-Media-Companies": "all"}
        assert site.status("/page", headers=forged, cookies={"sid": "unknown"}) == 401
        assert site.seen("/page", headers=forged, **cookie(sid)).user == f"ann-{sid}"


class TestMemory:
    def test_the_application_is_asked_once_in_a_while(self, site, app, sid):
        assert site.statuses("/short", **cookie(sid)) == {200}
        # Those that ask at the same time each ask; nobody who comes later.
        asked = app.calls[sid]
        begin = time.monotonic()
        wait_until(lambda: site.status("/short", **cookie(sid)) == 200 and app.calls[sid] > asked, 5,
                   "another question")
        assert 0.2 < time.monotonic() - begin < 2.5

    def test_what_it_says_later_counts_later(self, site, app, sid):
        assert site.statuses("/short", **cookie(sid)) == {200}
        app.answers[sid] = (401, {})
        wait_until(lambda: site.statuses("/short", **cookie(sid)) == {401}, 5, "the end")

    def test_callers_never_share_an_answer(self, site, app):
        callers = [uuid.uuid4().hex for _ in range(24)]
        for caller in callers:
            app.knows(caller, caller, "acme")
            app.pauses[caller] = 0.05

        def ask(caller):
            return site.seen("/page", **cookie(caller)).user == caller
        with ThreadPoolExecutor(12) as pool:
            assert all(pool.map(ask, callers * 4))

    def test_values_of_the_key_do_not_run_into_each_other(self, site, app):
        app.knows("", "somebody", "acme")
        try:
            assert site.seen("/by-both", cookies={"a": "xy", "b": "z"}).user == "somebody"
            app.knows("", "else", "acme")
            assert site.seen("/by-both", cookies={"a": "x", "b": "yz"}).user == "else"
            assert site.seen("/by-both", cookies={"a": "xy", "b": "z"}).user == "somebody"
        finally:
            del app.answers[""]

    def test_a_revoked_user_is_asked_about_again(self, site, app, sid):
        assert site.statuses("/page", **cookie(sid)) == {200}
        app.answers[sid] = (401, {})
        assert site.statuses("/page", **cookie(sid)) == {200}
        site.stack.command("session", "revoke", "--user", f"ann-{sid}")
        wait_until(lambda: site.statuses("/page", **cookie(sid)) == {401}, 1, "the revocation")

    def test_another_site_s_application_is_another(self, site, app, other_app, sid):
        """The same line of configuration in two servers; `location /auth` differs."""
        def other():
            return requests.get(site.other_url + "/page", timeout=10, **cookie(sid))
        assert site.statuses("/page", **cookie(sid)) == {200}
        assert {other().status_code for _ in range(10)} == {401}
        other_app.knows(sid, "bob", "other")
        assert {other().headers.get("X-User") for _ in range(10)} == {"bob"}
        assert site.seen("/page", **cookie(sid)).user == f"ann-{sid}"


def test_a_client_that_leaves_harms_nobody(site, app, sid):
    app.pauses[sid] = 0.5
    request = request_bytes("GET", "/page", [("Cookie", f"sid={sid}")])
    connections = [socket.create_connection(("127.0.0.1", site.stack.port), 10) for _ in range(10)]
    for connection in connections:
        connection.sendall(request)
    wait_until(lambda: app.calls[sid] == 10, 10, "the questions")
    for connection in connections:
        connection.close()
    wait_until(lambda: app.under_way == 0, 5, "the application to be through")
    app.pauses[sid] = 0
    assert site.seen("/page", **cookie(sid)).user == f"ann-{sid}"
    # That a client leaves is no fault of the application.
    assert "with 499" not in (site.stack.logs / "nginx-error.log").read_text()
