"""Who gets which answer from the module, and with which headers."""

import time
import uuid

import pytest
import requests

from raw_http import exchange, request_bytes
from site_under_test import Site
from tokens import encode, make_token

pytestmark = pytest.mark.module


@pytest.fixture(scope="module")
def item(site):
    return site.receive_photo()


@pytest.fixture(scope="module")
def stranger(stack, graph):
    return Site(stack, graph)


@pytest.fixture
def claims(site):
    now = int(time.time())
    return {"sub": site.user, "company": site.company, "role": "agent", "aud": "ngx_media",
            "iat": now, "nbf": now, "exp": now + 600}


class TestTokens:
    def test_a_token_is_taken_from_header_cookie_and_query(self, site, item):
        url = site.stack.url + item["file_url"]
        for options in ({"headers": {"Authorization": f"Bearer {site.token}"}},
                        {"headers": {"Authorization": f"bearer {site.token}"}},
                        {"cookies": {"media_token": site.token}},
                        {"params": {"token": site.token}}):
            assert requests.get(url, timeout=10, **options).status_code == 200

    def test_a_hand_made_token_is_as_good(self, site, item, claims):
        assert site.get(item["file_url"], make_token(site.stack, claims)).status_code == 200

    def test_an_audience_may_be_one_of_several(self, site, item, claims):
        claims["aud"] = ["another", "ngx_media"]
        assert site.get(item["file_url"], make_token(site.stack, claims)).status_code == 200

    @pytest.mark.parametrize("change", [
        {"exp": 1}, {"exp": None}, {"exp": "tomorrow"}, {"nbf": 4102444800}, {"aud": "other"},
        {"aud": None}, {"aud": []}, {"company": None}, {"company": ""}, {"company": 5},
        {"sub": None}, {"sub": ""}, {"company": "a\nb"}],
        ids=str)
    def test_claims_that_do_not_fit_are_401(self, site, item, claims, change):
        claims = {name: value for name, value in (claims | change).items() if value is not None}
        assert site.get(item["file_url"], make_token(site.stack, claims)).status_code == 401

    @pytest.mark.parametrize("header", [
        {"alg": "none"}, {"alg": "HS512"}, {"alg": "RS256"}, {"alg": "hs256"}, {"alg": 5}, {},
        {"alg": "HS256", "crit": ["x"], "x": 1}, {"alg": ["HS256"]}], ids=str)
    def test_only_the_pinned_algorithm_counts(self, site, item, claims, header):
        token = make_token(site.stack, claims, header or {"typ": "JWT"})
        assert site.get(item["file_url"], token).status_code == 401

    def test_an_unsigned_token_is_401(self, site, item, claims):
        for signature in ("", ".", "=", "AAAA"):
            token = f"{encode({'alg': 'none'})}.{encode(claims)}.{signature}"
            assert site.get(item["file_url"], token).status_code == 401

    def test_another_key_is_401(self, site, item, claims):
        token = make_token(site.stack, claims, key="0" * 64)
        assert site.get(item["file_url"], token).status_code == 401

    @pytest.mark.parametrize("value", [
        "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer a.b", "Bearer a.b.c.d",
        "Bearer ...", "Bearer " + "A" * 7000, "Bearer \xff\xfe.a.b"], ids=lambda v: repr(v[:20]))
    def test_what_is_no_token_is_401(self, site, item, value):
        answer = exchange(site.stack.port, request_bytes(
            "GET", item["file_url"], [("Authorization", value)]))
        assert answer.status == 401
        assert answer.headers["www-authenticate"][0].startswith("Bearer")

    def test_without_any_token_the_answer_is_401(self, site, item):
        answer = requests.get(site.stack.url + item["file_url"], timeout=10)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    def test_a_bad_header_is_not_saved_by_a_good_cookie(self, site, item):
        """The first place that holds a token decides: nothing is tried twice."""
        answer = requests.get(site.stack.url + item["file_url"], timeout=10,
                              headers={"Authorization": "Bearer a.b.c"},
                              cookies={"media_token": site.token})
        assert answer.status_code == 401


class TestIds:
    def test_another_companys_media_looks_like_none_at_all(self, site, stranger, item):
        absent = stranger.get(f"/media/{uuid.uuid4()}")
        other = stranger.get(item["file_url"])
        assert absent.status_code == other.status_code == 404
        differing = {"Date"}
        assert absent.content == other.content
        assert {name: value for name, value in absent.headers.items() if name not in differing} == {
            name: value for name, value in other.headers.items() if name not in differing}

    @pytest.mark.parametrize("media_id", [
        "x", "00000000-0000-0000-0000-00000000000", "00000000-0000-0000-0000-0000000000000",
        "0" * 32, "%00", "..%2f..%2fetc%2fpasswd", "'; DROP TABLE media.media_files; --", "a" * 3000,
        "{00000000-0000-0000-0000-000000000000}", "%ff%fe"])
    def test_what_is_no_id_is_404(self, site, media_id):
        answer = exchange(site.stack.port, request_bytes(
            "GET", f"/media/{media_id.replace(' ', '%20')}",
            [("Authorization", f"Bearer {site.token}")]))
        assert answer.status in (400, 404)

    def test_an_id_in_upper_case_is_the_same_id(self, site, item):
        assert site.get(item["file_url"].upper().replace("/MEDIA/", "/media/")).status_code == 200

    def test_failed_media_are_404(self, site):
        message_id = site.send_photo(faults=[("resolve", "file_url", -1)])
        assert site.get(site.wait_for(message_id, "failed")["file_url"]).status_code == 404

    @pytest.mark.log_noise("nginx", r"\[(crit|error)\].*(No such file|media)")
    def test_a_file_that_is_gone_is_no_200(self, site):
        item = site.receive_photo()
        (site.stack.root / item["file_key"]).unlink()
        assert site.get(item["file_url"]).status_code in (404, 500, 503)


class TestHeaders:
    def test_a_photo_is_safe_to_show(self, site, item):
        headers = site.get(item["file_url"]).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert headers["Content-Disposition"].startswith("inline")
        assert headers["Cache-Control"].startswith("private")
        assert "Authorization" in headers["Vary"] and "Cookie" in headers["Vary"]

    @pytest.mark.parametrize("path, token, status", [
        ("{url}", None, 401), ("/media/" + str(uuid.uuid4()), "own", 404)])
    def test_errors_carry_the_safety_headers_too(self, site, item, path, token, status):
        answer = requests.get(
            site.stack.url + path.format(url=item["file_url"]), timeout=10,
            headers={"Authorization": f"Bearer {site.token}"} if token else {})
        assert answer.status_code == status
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "no-store" in answer.headers["Cache-Control"]

    def test_pending_media_are_202_and_never_cached(self, site):
        message_id = site.send_photo(faults=[("download", "stall", 1)])
        answer = site.get(site.items(message_id)[0]["file_url"])
        assert answer.status_code == 202
        assert int(answer.headers["Retry-After"]) >= 1
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.json()["status"] == 202
        site.wait_for(message_id)

    def test_a_head_request_has_the_headers_of_a_get(self, site, item):
        url = site.stack.url + item["file_url"]
        authorization = {"Authorization": f"Bearer {site.token}"}
        get = requests.get(url, headers=authorization, timeout=10)
        head = requests.head(url, headers=authorization, timeout=10)
        assert head.content == b""
        assert {**get.headers, "Date": ""} == {**head.headers, "Date": ""}

    def test_tokens_do_not_reach_the_logs(self, site, item):
        requests.get(site.stack.url + item["file_url"], params={"token": site.token}, timeout=10)
        requests.get(site.stack.url + item["file_url"], params={"token": "a.b.c"}, timeout=10)
        for log in site.stack.logs.iterdir():
            assert site.token not in log.read_text(errors="replace"), log


def test_many_requests_at_once_are_all_answered(site, item):
    from concurrent.futures import ThreadPoolExecutor
    strange = [f"/media/{uuid.uuid4()}" for _ in range(200)]
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda path: site.get(path).status_code,
                                 [item["file_url"], *strange[:1]] * 200))
    assert statuses == [200, 404] * 200
