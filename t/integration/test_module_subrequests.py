"""Media and nginx's own ways from one location to another: subrequests and internal redirects.

test_module_locations.py has the plain ones: SSI, auth_request, slice, named locations.
"""

import uuid

import pytest
import requests

from raw_http import exchange, request_bytes
from site_under_test import Site, photo
from stack.process import free_port
from watch import LogMark

pytestmark = pytest.mark.module

# An application that says what it was asked, and may send the caller on to /protected/.
APPLICATION = """
server {
    listen 127.0.0.1:%(app)s;
    location / { return 200 "legacy $request_method $uri"; }
    location /check { if ($http_x_check = no) { return 403; } return 204; }
    location /send/ {
        default_type text/html;
        add_header X-Accel-Redirect $http_x_to;
        add_header Content-Disposition "attachment; filename=evil.html";
        add_header Cache-Control "public, max-age=99999";
        add_header Expires "Thu, 31 Dec 2037 23:55:55 GMT";
        add_header Set-Cookie seen=1;
        return 200 "body of the application";
    }
}
"""
SERVER = """
location = /chosen { media $http_x_id; }
location = /text { return 200 "text "; }
location = /check { internal; proxy_pass http://127.0.0.1:%(app)s; proxy_pass_request_body off; }

location = /framed { addition_types *; add_before_body /chosen; add_after_body /text; alias %(dir)s/page.txt; }
location ~ ^/annotated/(.+)$ { addition_types *; add_before_body /text; add_after_body /chosen; media $1; }
location ~ ^/mirrored/(.+)$ { mirror /chosen; mirror /mirror; media $1; }
location = /mirroring { mirror /chosen; alias %(dir)s/page.txt; }
location = /mirror { internal; proxy_pass http://127.0.0.1:%(app)s; }
location ~ ^/double/(.+)$ { auth_request /check; media $1; }
location ~ ^/either/(.+)$ { satisfy any; auth_request /check; media $1; }
location = /asked { auth_request /chosen; alias %(dir)s/page.txt; }
location = /asked-guard { auth_request /guard; alias %(dir)s/page.txt; }
location = /guard { media_authorize on; alias %(dir)s/page.txt; }
location = /includes { ssi on; ssi_types *; alias %(dir)s/include.html; }

location ~ ^/login/(.+)$ { error_page 401 = @login; media $1; }
location @login { return 302 /sign-in?to=$request_uri; }
location ~ ^/static-page/(.+)$ { error_page 401 403 404 405 503 /error.txt; media $1; }
location = /error.txt { internal; alias %(dir)s/page.txt; }
location ~ ^/legacy/(.+)$ { error_page 401 404 405 503 = @legacy; media $1; }
location @legacy { proxy_pass http://127.0.0.1:%(app)s; }
location ~ ^/loop/(.+)$ { recursive_error_pages on; error_page 404 = @loop; media $1; }
location @loop { recursive_error_pages on; error_page 404 = @loop2; media $arg_next; }
location @loop2 { media $arg_last; }

location ~ ^/tried/(.+)$ { root %(dir)s; try_files /missing/$1 /media/$1; }
location ~ ^/tried-named/(.+)$ { set $wanted $1; root %(dir)s; try_files /missing/$1 @wanted; }
location @wanted { media $wanted; }
location ~ ^/file-first/(.+)$ { root %(dir)s; try_files /$1 =404; media $1; }

location /app/ { proxy_pass http://127.0.0.1:%(app)s/send/; }
location ~ ^/protected/(.+)$ { internal; media $1; }
location ~ ^/sliced(/media/.+)$ {
    slice 1k; proxy_set_header Range $slice_range; proxy_pass http://127.0.0.1:$server_port$1;
}
"""
SIZE = 5000
PAGE = "a page of the site"


@pytest.fixture(scope="module")
def own_site(stacks, quick_settings, graph):
    directory = stacks.directory / "subrequests"
    values = {"dir": directory, "app": free_port()}
    stack = stacks.start("subrequests", quick_settings, SERVER % values, APPLICATION % values)
    (directory / "page.txt").write_text(PAGE)
    yield Site(stack, graph)
    stacks.stop("subrequests")


@pytest.fixture(scope="module")
def item(own_site):
    item = own_site.receive_photo(photo(SIZE))
    (own_site.stack.dir / "include.html").write_text(
        'a<!--# include virtual="/chosen" set="kept" -->b<!--# include virtual="/chosen" wait="yes" -->c'
        '<!--# include file="/media/%s" -->d<!--# echo var="kept" encoding="none" -->e' % item["id"])
    return item


@pytest.fixture(scope="module")
def content(own_site, item):
    return (own_site.stack.root / item["file_key"]).read_bytes()


@pytest.fixture(scope="module")
def ask(own_site, item):
    """ask("/place/{id}") -> the answer; with no token, if token is ""."""
    def send(path, token=None, method="GET", **headers):
        token = own_site.token if token is None else token
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.request(
            method, own_site.stack.url + path.format(id=item["id"]), timeout=10, allow_redirects=False,
            headers={"X-Id": item["id"]} | headers, cookies={"media_token": token} if token else {})
    return send


ABSENT = str(uuid.UUID(int=1 << 78 | 4 << 76 | 1))


class TestSubrequests:
    @pytest.mark.parametrize("token", [None, ""], ids=["caller", "anonymous"])
    def test_media_are_not_added_to_a_page(self, ask, content, token):
        answer = ask("/framed", token)
        assert answer.text.endswith(PAGE + "text ")
        assert content[:32] not in answer.content

    def test_text_may_be_added_to_media_and_media_may_not(self, ask, content):
        answer = ask("/annotated/{id}")
        assert answer.status_code == 200
        begin, _, end = answer.content.partition(content)
        assert begin == b"text " and content[:32] not in end
        assert answer.headers["ETag"].startswith("W/") and "Accept-Ranges" not in answer.headers

    @pytest.mark.parametrize("token", [None, ""], ids=["caller", "anonymous"])
    def test_a_page_includes_no_media_whatever_the_way(self, ask, content, token):
        answer = ask("/includes", token)
        assert answer.status_code == 200
        assert answer.text[0] + answer.text[-1] == "ae" and content[:32] not in answer.content

    def test_a_mirror_neither_sees_media_nor_disturbs_them(self, ask, content):
        for _ in range(10):
            assert ask("/mirrored/{id}").content == content
        assert ask("/mirrored/{id}", "").status_code == 401
        assert ask("/mirroring").text == PAGE

    def test_auth_request_and_token_are_both_needed(self, ask, content):
        assert ask("/double/{id}").content == content
        assert ask("/double/{id}", X_Check="no").status_code == 403
        assert ask("/double/{id}", "").status_code == 401
        assert ask("/double/" + ABSENT).status_code == 404

    def test_satisfy_any_with_auth_request_opens_no_media(self, ask, content):
        assert ask("/either/{id}", "").status_code == 401
        assert ask("/either/{id}", X_Check="no").content == content
        assert ask("/either/{id}", "a.b.c", X_Check="no").status_code == 401

    def test_media_are_no_oracle_for_auth_request(self, ask):
        answers = [ask("/asked", token, X_Id=name) for token in (None, "")
                   for name in ("{id}", ABSENT, "x")]
        assert {answer.status_code for answer in answers} == {403}

    def test_a_guard_is_passed_by_a_subrequest_as_every_access_directive_is(self, ask):
        """DIRECTIVES.md says so; auth_request wants a location that answers by itself."""
        assert ask("/guard", "").status_code == 401
        assert ask("/asked-guard", "").status_code == 200

    def test_a_slicing_proxy_in_front_gets_every_slice(self, ask, content):
        answer = ask("/sliced/media/{id}")
        assert answer.status_code == 200 and answer.content == content
        assert ask("/sliced/media/{id}", Range="bytes=1000-2999").content == content[1000:3000]
        assert ask("/sliced/media/{id}", "").status_code == 401


class TestErrorPages:
    def test_a_caller_without_a_token_is_sent_to_the_login(self, ask, item):
        for token in ("", "a.b.c"):
            answer = ask("/login/{id}", token)
            assert answer.status_code == 302
            assert answer.headers["Location"].endswith(f"/sign-in?to=/login/{item['id']}")
            assert answer.headers["Cache-Control"] == "no-store"
        assert ask("/login/{id}").status_code == 200
        assert ask("/login/" + ABSENT).status_code == 404

    @pytest.mark.parametrize("path, token, method, status", [
        ("/static-page/{id}", "", "GET", 401), ("/static-page/" + ABSENT, None, "GET", 404),
        ("/static-page/x", None, "GET", 404), ("/static-page/{id}", None, "PUT", 405)])
    def test_a_static_page_has_the_status_and_the_safety_headers(self, ask, path, token, method, status):
        answer = ask(path, token, method)
        assert (answer.status_code, answer.text) == (status, PAGE)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("path, token, method", [
        ("/legacy/{id}", "", "GET"), ("/legacy/" + ABSENT, None, "GET"), ("/legacy/{id}", None, "POST")])
    def test_the_legacy_application_may_answer_instead(self, ask, item, path, token, method):
        answer = ask(path, token, method)
        assert answer.status_code == 200
        assert answer.text == f"legacy {method} {path.format(id=item['id'])}"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    def test_redirect_upon_redirect_finds_the_media(self, ask, content):
        assert ask(f"/loop/{ABSENT}?next=x&last={{id}}").content == content
        assert ask(f"/loop/{ABSENT}?next={{id}}").content == content
        assert ask("/loop/x?next=y&last=z").status_code == 404

    @pytest.mark.log_noise("postgres", r"lookup_media|STATEMENT")
    def test_of_a_database_that_cannot_answer(self, own_site, ask):
        psql = own_site.stack.postgres.psql
        log = LogMark(own_site.stack.logs / "nginx-error.log")
        psql("ALTER FUNCTION media.lookup_media(uuid) RENAME TO lookup_media_kept")
        try:
            # Of ids that nobody asked for before: of others the answer is remembered.
            page, legacy = (ask(f"/{place}/{uuid.uuid4()}") for place in ("static-page", "legacy"))
            assert ask("/legacy/{id}", "").text.startswith("legacy")
        finally:
            psql("ALTER FUNCTION media.lookup_media_kept(uuid) RENAME TO lookup_media")
        assert (page.status_code, page.text) == (503, PAGE)
        assert int(page.headers["Retry-After"]) >= 1
        assert legacy.status_code == 200 and legacy.text.startswith("legacy GET")
        log.wait_for(r"lookup_media\(\) failed")


class TestInternalRedirects:
    @pytest.mark.parametrize("place", ["/tried", "/tried-named"])
    def test_try_files_may_fall_back_to_media(self, ask, content, place):
        assert ask(place + "/{id}").content == content
        assert ask(place + "/{id}", "").status_code == 401
        assert ask(place + "/" + ABSENT).status_code == 404
        assert ask(place + "/{id}", Range="bytes=10-19").content == content[10:20]

    def test_try_files_beside_media_comes_after_the_token(self, ask):
        assert ask("/file-first/page.txt", "").status_code == 401
        assert ask("/file-first/page.txt").status_code == 404
        assert ask("/file-first/{id}").status_code == 404


class TestAccelRedirect:
    def test_an_application_may_send_its_callers_to_media(self, ask, content, item):
        to = f"/protected/{item['id']}"
        assert ask(to).status_code == 404
        answer = ask("/app/x", X_To=to)
        assert answer.status_code == 200 and answer.content == content
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox")

    def test_its_callers_need_a_token_all_the_same(self, ask, item):
        assert ask("/app/x", "", X_To=f"/protected/{item['id']}").status_code == 401
        assert ask("/app/x", X_To=f"/protected/{ABSENT}").status_code == 404
        assert ask("/app/x", X_To="/protected/..%2fmedia").status_code == 404

    def test_how_the_answer_is_shown_and_kept_is_not_the_applications_to_say(self, own_site, item):
        answer = exchange(own_site.stack.port, request_bytes("GET", "/app/x", [
            ("X-To", f"/protected/{item['id']}"), ("Authorization", f"Bearer {own_site.token}")]))
        assert answer.status == 200
        assert answer.headers["cache-control"] == ["private, max-age=3600, immutable"]
        [disposition] = answer.headers["content-disposition"]
        assert disposition.startswith("inline") and "evil" not in disposition
        assert "expires" not in answer.headers
        assert answer.headers["set-cookie"] == ["seen=1"]

    def test_ranges_and_conditions_hold(self, ask, content, item):
        to = f"/protected/{item['id']}"
        answer = ask("/app/x", X_To=to, Range="bytes=10-19")
        assert answer.status_code == 206 and answer.content == content[10:20]
        tag = ask("/app/x", X_To=to).headers["ETag"]
        assert ask("/app/x", X_To=to, If_None_Match=tag).status_code == 304
        head = ask("/app/x", method="HEAD", X_To=to)
        assert head.status_code == 200 and head.headers["Content-Length"] == str(SIZE)

    def test_a_post_becomes_a_get(self, ask, content, item):
        """As nginx does with every such redirect, but of a HEAD."""
        assert ask("/app/x", method="POST", X_To=f"/protected/{item['id']}").content == content
