"""The module among nginx's phases: what runs before it, beside it and after it."""

import base64
import json
import time

import pytest
import requests

from site_under_test import Site, photo
from stack.process import wait_until
from tokens import make_token
from watch import LogMark

pytestmark = pytest.mark.module

HTTP = """
map $media_role $is_admin { admin 1; default 0; }
map $media_user $owner { "" nobody; default $media_user; }
limit_req_zone $media_user zone=by_user:1m rate=1r/m;
limit_conn_zone $media_company zone=by_company:1m;
log_format decisions escape=json '{"uri": "$uri", "status": $status, "user": "$media_user", '
    '"company": "$media_company", "role": "$media_role", "id": "$media_id", '
    '"decision": "$media_decision", "store": "$media_store", "time": "$media_lookup_time"}';
"""
SERVER = """
location ~ ^/returned/(.+)$ { return 410 "gone for $owner"; media $1; }
location ~ ^/rewritten/(.+)$ { rewrite ^/rewritten/(.+)$ /media/$1 last; }
location ~ ^/stays/(.+)$ { rewrite ^/stays/(.+)$ /another/name.css break; media $1; }
location ~ ^/admins/(.+)$ { if ($is_admin = 0) { return 403; } media $1; }
location ~ ^/turned/(.+)$ { set $wanted $1; if ($http_x_turn) { rewrite ^ /media/$wanted last; } return 404; }
location ~ ^/limited/(.+)$ { limit_req zone=by_user; limit_req_status 429; media $1; }
location ~ ^/counted/(.+)$ { limit_conn by_company 10; media $1; }
location ~ ^/logged/(.+)$ { access_log %(dir)s/logs/decisions.log decisions; media $1; }
location /nested/ {
    deny all;
    location ~ ^/nested/open/(.+)$ { allow all; media $1; }
    location ~ ^/nested/(.+)$ { media $1; }
}
location /off/ {
    media_session off;
    location ~ ^/off/on/(.+)$ { media_session jwt key_file=%(dir)s/keys/jwt.key audience=ngx_media; media $1; }
}
location ~ ^/all/(.+)$ {
    satisfy all; allow 127.0.0.1; deny all;
    auth_basic site; auth_basic_user_file %(dir)s/users; media $1;
}
location ~ ^/any/(.+)$ {
    satisfy any; deny all;
    auth_basic site; auth_basic_user_file %(dir)s/users; media $1;
}
location ~ ^/read-only/(.+)$ { limit_except GET { auth_basic site; auth_basic_user_file %(dir)s/users; } media $1; }
location = /static-guard { media_authorize on; if ($is_admin) { return 200 admin; } return 200 all; }
location = /guard { media_authorize on; limit_req zone=by_user burst=5 nodelay; alias %(dir)s/users; }
"""
BASIC = {"Authorization": "Basic " + base64.b64encode(b"door:open").decode()}


@pytest.fixture(scope="module")
def own_site(stacks, quick_settings, graph):
    directory = stacks.directory / "phases"
    stack = stacks.start("phases", quick_settings, SERVER % {"dir": directory}, HTTP)
    (directory / "users").write_text("door:{PLAIN}open\n")
    yield Site(stack, graph)
    stacks.stop("phases")


@pytest.fixture(scope="module")
def item(own_site):
    return own_site.receive_photo(photo(5000))


@pytest.fixture(scope="module")
def ask(own_site, item):
    """ask("/place") -> the answer for the item there; with no token, if token is ""."""
    def send(place, token=None, method="GET", headers=None, media_id=item["id"]):
        token = own_site.token if token is None else token
        return requests.request(
            method, f"{own_site.stack.url}{place}/{media_id}", timeout=10,
            headers=headers, cookies={"media_token": token} if token else {})
    return send


@pytest.fixture(scope="module")
def admin(own_site):
    return own_site.token_for(own_site.add_user("Ada", role="admin"))


def is_file(answer):
    return answer.status_code == 200 and len(answer.content) == 5000


class TestRewrite:
    def test_return_comes_first(self, ask, own_site):
        for token, name in (("", "nobody"), ("a.b.c", "nobody"), (None, own_site.user)):
            answer = ask("/returned", token)
            assert (answer.status_code, answer.text) == (410, f"gone for {name}")

    def test_a_rewritten_uri_is_guarded_as_the_place_it_leads_to(self, ask):
        assert is_file(ask("/rewritten"))
        assert ask("/rewritten", "").status_code == 401
        assert ask("/rewritten", media_id="x").status_code == 404

    def test_a_new_name_does_not_change_the_type(self, ask):
        answer = ask("/stays")
        assert is_file(answer) and answer.headers["Content-Type"] == "image/jpeg"

    def test_a_role_decides_before_the_access_phase(self, ask, admin):
        assert is_file(ask("/admins", admin))
        assert ask("/admins").status_code == 403
        assert ask("/admins", "a.b.c").status_code == 403

    def test_an_if_may_lead_to_media(self, ask):
        assert is_file(ask("/turned", headers={"X-Turn": "1"}))
        assert ask("/turned", "", headers={"X-Turn": "1"}).status_code == 401
        assert ask("/turned").status_code == 404


class TestLimits:
    def test_a_user_is_limited_and_no_other(self, ask, own_site):
        first, second = (own_site.token_for(own_site.add_user(name)) for name in ("One", "Two"))
        assert [ask("/limited", first).status_code for _ in range(3)] == [200, 429, 429]
        assert [ask("/limited", second).status_code for _ in range(2)] == [200, 429]

    def test_two_tokens_of_a_user_are_one_user(self, ask, own_site):
        user = own_site.add_user("Three")
        statuses = [ask("/limited", own_site.token_for(user, ttl)).status_code for ttl in ("1h", "2h")]
        assert statuses == [200, 429]

    def test_who_has_no_good_token_is_refused_not_limited(self, ask):
        for token in ("", "a.b.c"):
            assert [ask("/limited", token).status_code for _ in range(3)] == [401] * 3

    def test_connections_are_counted_by_company(self, ask):
        assert is_file(ask("/counted")) and ask("/counted", "").status_code == 401

    def test_a_guarded_place_is_limited_by_user_too(self, own_site):
        token = own_site.token_for(own_site.add_user("Four"))
        statuses = [own_site.get("/guard", token).status_code for _ in range(8)]
        assert statuses == [200] * 6 + [503] * 2


class TestAccess:
    def test_satisfy_all_needs_both(self, ask):
        assert is_file(ask("/all", headers=BASIC))
        for token, headers in (("", BASIC), (None, {}), ("a.b.c", BASIC), ("", {})):
            assert ask("/all", token, headers=headers).status_code == 401

    def test_satisfy_any_needs_the_token_all_the_same(self, ask):
        assert is_file(ask("/any")) and is_file(ask("/any", headers=BASIC))
        for token, headers in (("", BASIC), ("a.b.c", BASIC), ("", {})):
            assert ask("/any", token, headers=headers).status_code == 401

    def test_a_refusal_of_two_kinds_names_both_ways_in(self, ask):
        assert ask("/any", "").headers["WWW-Authenticate"] == 'Bearer, Basic realm="site"'

    def test_limit_except_leaves_reading_to_the_token(self, ask):
        assert is_file(ask("/read-only"))
        assert ask("/read-only", method="HEAD").status_code == 200
        assert ask("/read-only", "").status_code == 401
        assert ask("/read-only", method="DELETE").status_code == 401
        assert ask("/read-only", method="DELETE", headers=BASIC).status_code == 405

    def test_nested_locations_inherit_access_rules(self, ask):
        assert is_file(ask("/nested/open")) and ask("/nested/open", "").status_code == 401
        assert ask("/nested").status_code == 403

    def test_a_session_may_be_turned_on_again_inside(self, ask):
        assert is_file(ask("/off/on")) and ask("/off/on", "").status_code == 401

    def test_return_in_a_guarded_place_comes_before_the_guard(self, own_site, admin):
        assert requests.get(own_site.stack.url + "/static-guard", timeout=10).text == "all"
        assert own_site.get("/static-guard", admin).text == "admin"


class TestLog:
    def logged(self, own_site, ask, **options):
        log = LogMark(own_site.stack.logs / "decisions.log")
        ask("/logged", **options)
        wait_until(lambda: log.text().endswith("\n"), 5, "a line in the log")
        return json.loads(log.text())

    def test_of_a_file_that_was_sent(self, own_site, ask):
        item = {"id": own_site.receive_photo()["file_url"].rsplit("/", 1)[1]}
        line = self.logged(own_site, ask, media_id=item["id"])
        # It was asked for here for the first time; after that no lookup takes any time.
        assert float(line.pop("time")) >= 0
        assert line == {"uri": f"/logged/{item['id']}", "status": 200, "user": own_site.user,
                        "company": own_site.company, "role": "agent", "id": item["id"],
                        "decision": "granted", "store": "local"}

    @pytest.mark.parametrize("options, status, decision", [
        ({"token": ""}, 401, "no_token"), ({"token": "a.b.c"}, 401, "bad_token"),
        ({"media_id": "x"}, 404, "bad_id"), ({"method": "POST"}, 405, "bad_method"),
        ({"media_id": "00000000-0000-4000-8000-000000000000"}, 404, "absent")])
    def test_of_a_refusal(self, own_site, ask, options, status, decision):
        line = self.logged(own_site, ask, **options)
        assert (line["status"], line["decision"], line["store"]) == (status, decision, "")
        assert (line["user"] == own_site.user) == (status != 401)

    def test_of_another_company(self, own_site, ask, graph):
        line = self.logged(own_site, ask, token=Site(own_site.stack, graph).token)
        assert (line["status"], line["decision"]) == (404, "other_company")

    def test_of_a_file_on_its_way(self, own_site, ask):
        message = own_site.send_photo(faults=[("download", "stall", 1)])
        line = self.logged(own_site, ask, media_id=own_site.items(message)[0]["id"])
        assert (line["status"], line["decision"]) == (202, "pending")
        own_site.wait_for(message)

    def test_a_claim_cannot_break_out_of_a_line(self, own_site, ask):
        user = '"}\u2028<x>\\", "status": 0'
        token = make_token(own_site.stack, {"sub": user, "company": own_site.company,
                                            "aud": "ngx_media", "exp": int(time.time()) + 600})
        line = self.logged(own_site, ask, token=token)
        assert (line["user"], line["status"]) == (user, 200)
