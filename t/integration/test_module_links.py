"""Signed links and media_require: what opens a location without, or besides, a session."""

import base64
import hashlib
import hmac
import time
from urllib.parse import quote

import pytest
import requests

from guarded_under_test import Guarded, insert_media
from raw_http import exchange, request_bytes
from site_under_test import Site
from stack.process import wait_until

pytestmark = pytest.mark.module

KEYS = {"new": b"n" * 32, "old": b"o" * 40, "gone": b"g" * 32}
LOCATIONS = """
media_link_key stack %(stack_key)s;
media_link_key new %(dir)s/new;
media_link_key old %(dir)s/old;
media_session database;

location ~ ^/link/(?<media_id>.+)$ { media $media_id; media_require link; %(headers)s }
location ~ ^/either/(.+)$ { media $1; media_require session link; %(headers)s }
location ~ ^/any/(.+)$ { media $1; media_require any; %(headers)s }
location ~ ^/public/(.+)$ { media $1; media_require public; %(headers)s }
location ~ ^/session/(.+)$ { media $1; %(headers)s }
location ~ ^/public-or-session/(.+)$ { media $1; media_require session public; %(headers)s }
location ~ ^/only-new/(.+)$ { media_link_key new %(dir)s/new; media $1; media_require link; }
location ~ ^/page/(.+)$ { media $1; media_require link; error_page 401 403 404 /sorry; }
location = /sorry { return 200 "sorry"; }
location ~ ^/fallback/(.+)$ { media $1; media_require link; error_page 404 = @fallback; }
location @fallback { media $arg_other; media_require link; }
location /short/ { rewrite ^/short/(.+)$ /rewritten/$1 last; }
location ~ ^/rewritten/(.+)$ { media $1; media_require link; }
location /files/ { media_authorize on; media_require link; alias %(dir)s/files/; %(headers)s }
location = /upload { media_authorize on; media_require link; proxy_pass http://unix:%(socket)s:/healthz; }
"""
HEADERS = "add_header X-Decision $media_decision always; add_header X-User $media_user always;"
# The stack's own /media/ takes links, too.
MEDIA = "media_require session link;"


def sign(path, key="new", secret=None, expires=None, user="", address="", prefix=None, method="GET",
         **changes):
    """The query of a link, by the recipe of docs/SESSIONS.md."""
    expires = str(int(time.time()) + 60 if expires is None else expires)
    text = "\n".join(["ngx_media link 1", method, prefix or path, expires, key, user, address])
    mac = hmac.digest(secret or KEYS[key], text.encode(), hashlib.sha256)
    arguments = {"key": key, "expires": expires, "prefix": prefix,
                 "method": None if method == "GET" else method, "user": user or None,
                 "address": "1" if address else None,
                 "signature": base64.urlsafe_b64encode(mac).decode().rstrip("=")} | changes
    return "&".join(f"{name}={quote(value, safe='/')}" for name, value in arguments.items()
                    if value is not None)


class LinkSite(Guarded):
    def __init__(self, stack):
        super().__init__(stack)
        self.owner = Site(stack)
        self.user = self.owner.user
        self.session = stack.command("session", "open", "--user", self.user, "--company",
                                     self.owner.company)
        self.media = insert_media(self.owner, b"private" * 20)
        self.public = insert_media(self.owner, b"public" * 20)
        stack.postgres.psql("UPDATE media.media_files SET visibility = 'public' "
                            f"WHERE id = '{self.public}'")

    def open(self, path, token=None, method="GET", **link):
        """The status of the path with a link of it."""
        query = sign(path, method=link.pop("for_method", "GET"), **link)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.request(method, f"{self.stack.url}{path}?{query}", headers=headers,
                                timeout=10).status_code

    def raw(self, target, token=None):
        """The status for a target that no library would send like that."""
        headers = [("Authorization", f"Bearer {token}")] if token else []
        return exchange(self.stack.port, request_bytes("GET", target, headers)).status


@pytest.fixture(scope="module")
def site(stacks, quick_settings, tmp_path_factory):
    directory = tmp_path_factory.mktemp("links")
    for name, secret in KEYS.items():
        (directory / name).write_bytes(secret + b"\n")
    for name in ("a/one.txt", "a/b/two.txt", "c/three.txt"):
        path = directory / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    home = stacks.directory / "links"
    values = {"dir": directory, "headers": HEADERS, "stack_key": home / "keys" / "link.key",
              "socket": home / "run" / "indexer.sock"}
    stack = stacks.start("links", quick_settings, LOCATIONS % values)
    site = LinkSite(stack)
    site.keys = directory
    drop_in = stack.dir / "nginx" / "ngx_media_server.conf"
    drop_in.write_text(drop_in.read_text().replace("    media;\n", f"    media; {MEDIA}\n"))
    site.configure(site.locations())
    yield site
    stacks.stop("links")


class TestMadeByUs:
    def test_by_the_command(self, site):
        url = site.stack.command("link", "--media", site.media, "--ttl", "1m")
        assert requests.get(url, timeout=10).content == b"private" * 20
        assert requests.head(url, timeout=10).status_code == 200
        assert requests.get(url.replace(site.media, site.public), timeout=10).status_code == 403

    def test_by_the_api(self, site):
        made = requests.post(f"{site.stack.url}/api/v1/media/{site.media}/links", json={},
                             headers={"Authorization": f"Bearer {site.session}"}, timeout=10)
        assert made.status_code == 201, made.text
        assert requests.get(made.json()["url"], timeout=10).content == b"private" * 20

    def test_for_one_address(self, site):
        for address, status in (("127.0.0.1", 200), ("192.0.2.1", 403)):
            url = site.stack.command("link", "--media", site.media, "--address", address)
            assert requests.get(url.replace("localhost", "127.0.0.1"), timeout=10).status_code == status

    def test_for_one_user(self, site):
        url = site.stack.command("link", "--media", site.media, "--user", site.user)
        bearer = {"Authorization": f"Bearer {site.session}"}
        assert requests.get(url, headers=bearer, timeout=10).status_code == 200
        assert requests.get(url, timeout=10).status_code != 200

    def test_for_what_lies_below(self, site):
        url = site.stack.command("link", "/files/a/", "--prefix")
        for path, status in (("a/one.txt", 200), ("a/b/two.txt", 200), ("c/three.txt", 403)):
            assert requests.get(url.replace("/files/a/?", f"/files/{path}?"), timeout=10) \
                .status_code == status


class TestOpens:
    def test_its_path_until_it_expires(self, site):
        path = f"/link/{site.media}"
        assert site.open(path) == 200
        assert site.open(path, key="old") == 200
        now = int(time.time())
        assert site.open(path, expires=now - 1) == 403
        assert site.open(path, expires=0) == 403
        end = now + 2
        query = sign(path, expires=end)
        assert site.status(f"{path}?{query}") == 200
        wait_until(lambda: time.time() >= end, 5, "the end")
        assert {site.status(f"{path}?{query}") for _ in range(10)} == {403}

    def test_media_of_another_company_too(self, site):
        assert site.open(f"/either/{site.media}") == 200
        stranger = Site(site.stack)
        token = site.stack.command("session", "open", "--user", stranger.user, "--company",
                                   stranger.company)
        assert site.status(f"/either/{site.media}", token) == 404
        assert site.open(f"/either/{site.media}", token) == 200

    def test_an_encoded_path(self, site):
        encoded = "/link/" + "".join(f"%{ord(c):02x}" for c in site.media)
        assert site.raw(f"{encoded}?{sign(f'/link/{site.media}')}") == 200
        assert site.raw(f"/%6cink/{site.media}?{sign(f'/link/{site.media}')}") == 200

    def test_a_location_that_rewrites_by_its_public_path(self, site):
        assert site.open(f"/short/{site.media}") == 200
        link = sign(f"/rewritten/{site.media}")
        assert site.status(f"/short/{site.media}?{link}") == 403
        assert site.status(f"/rewritten/{site.media}?{link}") == 200

    def test_other_arguments_do_not_matter(self, site):
        path = f"/link/{site.media}"
        assert site.status(f"{path}?download=1&{sign(path)}&x=%zz&y") == 200


class TestRefuses:
    def test_no_link(self, site):
        answer = site.get(f"/link/{site.media}")
        assert answer.status_code == 403 and answer.headers["X-Decision"] == "no_link"
        assert answer.headers["Cache-Control"] == "no-store"
        # A session is none.
        assert site.status(f"/link/{site.media}", site.session) == 403

    def test_another_path(self, site):
        link = sign(f"/link/{site.media}")
        for path in (f"/link/{site.public}", f"/either/{site.media}", f"/link/{site.media}x",
                     f"/link/{site.media.upper()}"):
            assert site.status(f"{path}?{link}") in (401, 403)

    @pytest.mark.parametrize("change", [
        {"signature": "A" * 43}, {"signature": "x"}, {"signature": ""}, {"key": "old"}, {"key": "none"},
        {"key": None}, {"expires": "4000000000"}, {"expires": None}, {"expires": "-1"},
        {"method": "HEAD"}, {"user": "ann"}, {"address": "1"}, {"prefix": "/link/"}, {"prefix": "/"}],
        ids=str)
    def test_what_was_tampered_with(self, site, change):
        path = f"/link/{site.media}"
        link = sign(path)
        fields = dict(field.split("=", 1) for field in link.split("&"))
        for name, value in change.items():
            fields.pop(name, None)
            if value is not None:
                fields[name] = value
        answer = site.get(path + "?" + "&".join(f"{name}={value}" for name, value in fields.items()))
        assert answer.status_code == 403

    @pytest.mark.parametrize("name", ["key", "expires", "signature"])
    def test_arguments_that_are_there_twice(self, site, name):
        path = f"/link/{site.media}"
        link = sign(path)
        twice = next(field for field in link.split("&") if field.startswith(name))
        assert site.status(f"{path}?{link}&{twice}") == 403
        assert site.status(f"{path}?{twice}&{link}") == 403

    def test_other_methods(self, site):
        path = f"/link/{site.media}"
        assert site.open(path, method="HEAD") == 200
        assert site.open(path, for_method="HEAD", method="HEAD") == 200
        assert site.open(path, for_method="HEAD") == 403
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert site.open(path, method=method) == 403
        # Signed for it, the method is still none of media's.
        assert site.open(path, for_method="POST", method="POST") == 405
        assert site.open("/upload", for_method="POST", method="POST") not in (401, 403)
        assert site.open("/upload", method="POST") == 403

    def test_a_key_that_is_no_longer_there(self, site):
        assert site.open(f"/only-new/{site.media}") == 200
        for key in ("old", "gone"):
            assert site.open(f"/only-new/{site.media}", key=key) == 403

    def test_absent_media_like_nothing_else(self, site):
        absent = "/link/00000000-0000-4000-8000-000000000000"
        assert site.open(absent) == 404
        assert site.status(absent) == 403
        assert site.open("/link/x") == 404
        assert site.status("/link/x") == 403


class TestPrefixes:
    @pytest.mark.parametrize("path", ["/files/a/one.txt", "/files/a/b/two.txt", "/files/a/b/../one.txt"])
    def test_cover_what_is_below(self, site, path):
        link = sign(None, prefix="/files/a/")
        assert site.raw(f"{path}?{link}") == (403 if ".." in path else 200)

    @pytest.mark.parametrize("path", [
        "/files/c/three.txt", "/files/a/../c/three.txt", "/files/a/%2e%2e/c/three.txt",
        "/files/a/..%2fc/three.txt", "/files/a%2f../c/three.txt", "/files/a//../c/three.txt",
        "/files/a/./../c/three.txt", "/files//a/one.txt", "/files/a//one.txt", "/files/ab/x",
        "/files/c/../a/one.txt", "/files/a/%2e%2e%2fc/three.txt", "/files/c/three.txt#/files/a/",
        "/files/c/three.txt%23/files/a/"])
    def test_and_nothing_else(self, site, path):
        assert site.raw(f"{path}?{sign(None, prefix='/files/a/')}") in (400, 403)

    def test_need_a_slash_at_the_end(self, site):
        assert site.status(f"/files/a/one.txt?{sign(None, prefix='/files/a')}") == 403

    def test_are_no_link_of_a_path(self, site):
        link = sign("/files/a/one.txt")
        assert site.status(f"/files/a/one.txt?{link}") == 200
        assert site.status(f"/files/a/one.txt?{link}&prefix=/files/a/one.txt") == 403


class TestUsers:
    def test_a_bound_link_needs_its_user(self, site):
        path = f"/link/{site.media}"
        other = Site(site.stack)
        token = site.stack.command("session", "open", "--user", other.user, "--company", other.company)
        assert site.open(path, site.session, user=site.user) == 200
        assert site.open(path, token, user=site.user) == 403
        assert site.open(path, token, user=other.user) == 200
        assert site.open(path, user=site.user) in (401, 403)
        assert site.open(path, "bad", user=site.user) in (401, 403)

    def test_a_changed_binding_is_refused(self, site):
        path = f"/link/{site.media}"
        link = sign(path, user=site.user)
        assert site.status(f"{path}?{link.replace('&user=' + site.user, '')}", site.session) == 403

    @pytest.mark.log_noise("postgres", "permission denied")
    def test_without_the_database_it_is_not_the_link_that_is_wrong(self, site):
        path = f"/link/{site.media}"
        psql = site.stack.postgres.psql
        psql("REVOKE EXECUTE ON FUNCTION media.lookup_session(bytea) FROM media_nginx")
        try:
            assert site.open(path, "a token nobody has seen", user=site.user) == 503
        finally:
            psql("GRANT EXECUTE ON FUNCTION media.lookup_session(bytea) TO media_nginx")


class TestAddresses:
    def test_a_bound_link_is_good_from_there_only(self, site):
        path = f"/link/{site.media}"
        assert site.open(path, address="127.0.0.1") == 200
        assert site.open(path, address="127.0.0.2") == 403


class TestRequire:
    def test_public(self, site):
        assert site.status(f"/public/{site.public}") == 200
        for token in (None, site.session):
            assert site.status(f"/public/{site.media}", token) == 404
        assert site.open(f"/public/{site.media}") == 404
        assert site.status("/public/x") == 404

    def test_session_or_public(self, site):
        path = "/public-or-session/"
        assert site.status(path + site.public) == 200
        assert site.status(path + site.public, "bad") == 200
        assert site.status(path + site.media) == 401
        assert site.status(path + site.media, "bad") == 401
        assert site.status(path + site.media, site.session) == 200
        # Absent media and others' are told alike.
        assert site.status(path + "00000000-0000-4000-8000-000000000000") == 401
        assert site.status(path + "x") == 401

    def test_any(self, site):
        path = f"/any/{site.media}"
        assert site.status(path) == 401
        assert site.open(path) == 200
        assert site.status(path, site.session) == 200
        assert site.status(f"/any/{site.public}") == 200
        # A bad link takes nothing from who has a session.
        assert site.status(f"{path}?{sign('/else')}", site.session) == 200
        assert site.status(f"{path}?{sign('/else')}") == 403

    def test_session_is_the_default(self, site):
        path = f"/session/{site.media}"
        assert site.open(path) == 401
        assert site.open(path, site.session) == 200
        assert site.status(f"/session/{site.public}") == 401


class TestErrorPages:
    def test_are_shown(self, site):
        answer = site.get(f"/page/{site.media}")
        assert (answer.status_code, answer.text) == (403, "sorry")

    def test_a_fallback_is_opened_by_the_same_link(self, site):
        path = "/fallback/00000000-0000-4000-8000-000000000000"
        assert site.status(f"{path}?other={site.media}&{sign(path)}") == 200
        assert site.status(f"{path}?other={site.media}") == 403


def test_a_new_secret_under_an_id_ends_its_links(site):
    path = f"/link/{site.media}"
    assert site.open(path, key="old") == 200
    (site.keys / "old").write_bytes(b"z" * 32)
    wait_until(lambda: site.open(path, key="old", secret=b"z" * 32) == 200, 5, "the new secret")
    wait_until(lambda: {site.open(path, key="old") for _ in range(10)} == {403}, 5, "both workers")
    assert site.open(path) == 200
