"""media_session nextauth: the cookies of NextAuth.js 4 and Auth.js 5."""

import json
import time

import pytest

from doubles.next_auth import V4_COOKIE, V5_COOKIE, v4, v5
from guarded_under_test import Guarded, Seen, guarded
from site_under_test import FIXTURES
from stack.process import wait_until

pytestmark = pytest.mark.module

SECRET = "a secret of the site, as openssl rand -base64 32 makes it"
VECTORS = json.loads((FIXTURES / "jwt" / "next_auth.json").read_text())
ANN = Seen(200, "ann", "acme")


def claims(**changes):
    made = {"sub": "ann", "company": "acme", "iat": int(time.time()), "exp": int(time.time()) + 600,
            "jti": "x", "name": "Ann", "email": "ann@example.com", "picture": None} | changes
    return {name: value for name, value in made.items() if value is not ...}


def chunks(name, value, size=3900):
    return {f"{name}.{i // size}": value[i:i + size] for i in range(0, len(value), size)}


@pytest.fixture(scope="module")
def site(stacks, quick_settings, tmp_path_factory):
    secrets = tmp_path_factory.mktemp("secrets")
    (secrets / "site").write_text(SECRET + "\n")
    (secrets / "vectors").write_text(VECTORS["secret"])
    text = "large_client_header_buffers 4 64k;"
    for path, options in {"/any": "", "/v4": "version=4", "/v5": "version=5",
                          "/named": "cookie=sid version=5", "/mapped": "user_claim=email"}.items():
        text += guarded(path, f"media_session nextauth secret_file={secrets}/site {options}")
    text += guarded("/vectors", f"media_session nextauth secret_file={secrets}/vectors leeway=100y")
    stack = stacks.start("nextauth", quick_settings, text)
    site = Guarded(stack)
    site.secret_file = secrets / "site"
    yield site
    stacks.stop("nextauth")



@pytest.mark.parametrize("prefix", ["", "__Secure-"])
class TestVersions:
    def test_4(self, site, prefix):
        name = prefix + V4_COOKIE
        cookie = {name: v4(SECRET, claims())}
        for _ in range(3):
            assert site.seen("/v4", cookies=cookie) == site.seen("/any", cookies=cookie) == ANN
        assert site.status("/v5", cookies=cookie) == 401

    def test_5(self, site, prefix):
        name = prefix + V5_COOKIE
        cookie = {name: v5(SECRET, claims(role="chief"), name)}
        for _ in range(3):
            assert site.seen("/v5", cookies=cookie) == Seen(200, "ann", "acme", "chief")
        assert site.seen("/any", cookies=cookie).status == 200
        assert site.status("/v4", cookies=cookie) == 401

    def test_a_key_is_bound_to_the_name_of_its_cookie(self, site, prefix):
        other = "__Secure-" if prefix == "" else ""
        assert site.status("/v5", cookies={prefix + V5_COOKIE: v5(SECRET, claims(), other + V5_COOKIE)}) \
            == 401

    @pytest.mark.parametrize("size", [4000, 9000])
    def test_a_large_cookie_comes_in_chunks(self, site, prefix, size):
        value = v5(SECRET, claims(pad="x" * size), prefix + V5_COOKIE)
        parts = chunks(prefix + V5_COOKIE, value)
        assert len(parts) > 1
        assert site.seen("/v5", cookies=parts) == ANN
        del parts[f"{prefix}{V5_COOKIE}.1"]
        assert site.status("/v5", cookies=parts) == 401


def test_cookies_of_the_library_are_read(site):
    made = VECTORS["cookie_name"]
    for name, value in ((V4_COOKIE, VECTORS["v4"]), (made, VECTORS["v5"])):
        answer = site.seen("/vectors", cookies={name: value})
        assert answer.status == 200 and answer.user and answer.companies


def test_a_cookie_can_have_another_name(site):
    assert site.seen("/named", cookies={"sid": v5(SECRET, claims(), "sid")}) == ANN
    assert site.status("/named", cookies={V5_COOKIE: v5(SECRET, claims())}) == 401


def test_the_user_can_be_another_claim(site):
    assert site.seen("/mapped", cookies={V5_COOKIE: v5(SECRET, claims())}).user == "ann@example.com"


@pytest.mark.parametrize("make, name", [(v4, V4_COOKIE), (v5, V5_COOKIE)])
class TestRefused:
    @pytest.mark.parametrize("change", [
        {"exp": 1}, {"exp": ...}, {"sub": ...}, {"company": ...}, {"nbf": 4000000000}], ids=str)
    def test_claims(self, site, make, name, change):
        assert site.status("/any", cookies={name: make(SECRET, claims(**change))}) == 401

    def test_another_secret(self, site, make, name):
        assert site.status("/any", cookies={name: make(SECRET + "x", claims())}) == 401

    @pytest.mark.parametrize("header", [
        {"zip": "DEF"}, {"alg": "A256KW"}, {"enc": "A128GCM"}, {"crit": ["x"]}], ids=str)
    def test_headers(self, site, make, name, header):
        assert site.status("/any", cookies={name: make(SECRET, claims(), **header)}) == 401

    @pytest.mark.parametrize("part", range(5))
    def test_any_changed_part(self, site, make, name, part):
        parts = make(SECRET, claims()).split(".")
        parts[part] = ("B" if parts[part][:1] == "A" else "A") + parts[part][1:]
        assert site.status("/any", cookies={name: ".".join(parts)}) == 401

    @pytest.mark.parametrize("value", ["", "x", "....", "a.b.c.d.e.f", "x" * 40000],
                             ids=lambda value: value[:6])
    def test_what_is_no_cookie_of_ours(self, site, make, name, value):
        assert site.status("/any", cookies={name: value}) == 401

    def test_it_ends_on_time_though_cached(self, site, make, name):
        end = int(time.time()) + 2
        cookie = {name: make(SECRET, claims(exp=end))}
        assert site.seen("/any", cookies=cookie) == ANN
        wait_until(lambda: time.time() >= end, 5, "the session's end")
        assert site.statuses("/any", cookies=cookie) == {401}


def test_an_old_cookie_does_not_hide_the_new_one(site):
    """After moving from version 4 to 5, and from http to https, browsers have both for a month."""
    fresh = v5(SECRET, claims())
    for old in (v4(SECRET, claims(exp=1)), v4("another secret of the site's", claims()), "garbage"):
        assert site.seen("/any", cookies={V4_COOKIE: old, V5_COOKIE: fresh}) == ANN
        assert site.seen("/any", cookies={"__Secure-" + V5_COOKIE: old, V5_COOKIE: fresh}) == ANN
    assert site.status("/any", cookies={V4_COOKIE: "garbage", V5_COOKIE: "garbage"}) == 401


def test_a_new_secret_ends_all_sessions(site):
    old, new = ({V5_COOKIE: v5(secret, claims())} for secret in (SECRET, "b" * 32))
    assert site.statuses("/any", cookies=old) == {200}
    site.secret_file.write_text("b" * 32)
    wait_until(lambda: site.statuses("/any", cookies=new) == {200}, 5, "the new secret")
    assert site.statuses("/any", cookies=old) == {401}
