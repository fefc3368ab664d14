"""Caches in front of media: what is private stays out of them, however the URL is dressed up."""

import uuid

import pytest

from raw_http import exchange, request_bytes
from site_under_test import Site, photo
from stack.process import free_port

pytestmark = pytest.mark.module

# A careless edge: keeps everything that it may keep, and takes any name of a style sheet or picture
# for public, whatever the answer says of itself.
EDGE = """
proxy_cache_path %(dir)s/edge keys_zone=edge:1m inactive=10m;
server {
    listen 127.0.0.1:%(edge)s;
    proxy_cache edge;
    proxy_cache_valid any 10m;
    proxy_cache_lock on;
    proxy_cache_key $request_uri;
    add_header X-Cache $upstream_cache_status always;
    location / { proxy_pass http://127.0.0.1:%(origin)s; }
    location ~ \\.(css|js|jpg|png|woff2)$ {
        proxy_ignore_headers Cache-Control Expires Vary Set-Cookie;
        proxy_pass http://127.0.0.1:%(origin)s;
    }
}
"""
SERVER = "listen 127.0.0.1:%(origin)s;"
SIZE = 5000


@pytest.fixture(scope="module")
def edge_port():
    return free_port()


@pytest.fixture(scope="module")
def own_site(stacks, quick_settings, graph, edge_port):
    values = {"dir": stacks.directory / "caches", "edge": edge_port, "origin": free_port()}
    yield Site(stacks.start("caches", quick_settings, SERVER % values, EDGE % values), graph)
    stacks.stop("caches")


@pytest.fixture
def item(own_site):
    """A new one for each test: nothing of it is in the cache."""
    return own_site.receive_photo(photo(SIZE))


@pytest.fixture
def content(own_site, item):
    return (own_site.stack.root / item["file_key"]).read_bytes()


@pytest.fixture
def ask(edge_port):
    def send(target, token=None, method="GET", headers=()):
        own = [("Authorization", f"Bearer {token}")] if token else []
        return exchange(edge_port, request_bytes(method, target, own + list(headers)))
    return send


def own_bytes(content):
    """What no other file has."""
    return content[-16:]


def kept(site, content):
    """The files of the edge's cache that hold the content."""
    return [path for path in (site.stack.dir / "edge").rglob("*")
            if path.is_file() and own_bytes(content) in path.read_bytes()]


class TestPrivateMedia:
    def test_are_not_kept(self, own_site, ask, item, content):
        for _ in range(3):
            answer = ask(item["file_url"], own_site.token)
            assert answer.body == content and answer.headers["x-cache"] == ["MISS"]
        assert ask(item["file_url"]).status == 401
        assert kept(own_site, content) == []

    def test_nor_when_a_part_is_asked_for(self, own_site, ask, item, content):
        for _ in range(2):
            answer = ask(item["file_url"], own_site.token, headers=[("Range", "bytes=-99")])
            # A caching nginx asks for the whole, whatever part its client wants.
            assert own_bytes(content) in answer.body and answer.headers["x-cache"] == ["MISS"]
        assert kept(own_site, content) == []

    def test_nor_are_refusals(self, own_site, ask, item, content):
        absent = f"/media/{uuid.uuid4()}"
        for target, token, status in ((item["file_url"], None, 401), (item["file_url"], "a.b.c", 401),
                                      (absent, own_site.token, 404)):
            for _ in range(2):
                answer = ask(target, token)
                assert (answer.status, answer.headers["x-cache"]) == (status, ["MISS"])
        assert ask(item["file_url"], own_site.token).body == content

    def test_nor_is_the_news_that_they_are_on_their_way(self, own_site, ask):
        message = own_site.send_photo(faults=[("download", "stall", 1)])
        target = own_site.items(message)[0]["file_url"]
        assert ask(target, own_site.token).status == 202
        own_site.wait_for(message)
        assert ask(target, own_site.token).status == 200


class TestPublicMedia:
    @pytest.fixture
    def item(self, own_site, item):
        own_site.stack.postgres.psql(
            f"UPDATE media.media_files SET visibility = 'public' WHERE id = '{item['id']}'")
        return item

    def test_are_kept_for_the_token_that_asked(self, own_site, ask, item, content):
        answers = [ask(item["file_url"], own_site.token) for _ in range(3)]
        assert [answer.headers["x-cache"] for answer in answers] == [["MISS"], ["HIT"], ["HIT"]]
        assert all(answer.body == content for answer in answers) and kept(own_site, content)
        assert answers[0].headers["cache-control"][0].startswith("public")

    def test_are_kept_for_no_other(self, own_site, ask, item, content, graph):
        assert ask(item["file_url"], own_site.token).body == content
        for token, status in ((None, 401), ("a.b.c", 401), (Site(own_site.stack, graph).token, 404)):
            assert ask(item["file_url"], token).status == status
        cookie = [("Cookie", f"media_token={own_site.token}")]
        assert ask(item["file_url"], headers=cookie).headers["x-cache"] == ["MISS"]


# What a victim is made to open, so that the cache keeps it under a name that anybody may ask for.
DISGUISES = ["/media/{id}/x.css", "/media/{id}.css", "/media/{id}%2fx.css", "/media/{id}%2Fx.css",
             "/media/{id};x.css", "/media/{id};/x.css", "/media/{id}%3bx.css", "/media/{id}%00x.css",
             "/media/{id}%00.css", "/media/{id}%0ax.css", "/media/{id}%0d%0a.css", "/media/{id}%23x.css",
             "/media/{id}%3fx.css", "/media/{id}%5cx.css", "/media/{id}\\x.css", "/media/{id}%20.css",
             "/media/{id}%2e%2ecss", "/media/{id}%252fx.css", "/media/{id}%252e.css", "/media/{id}..css",
             "/media/{id}/..%2fx.css", "/media/{id}/.css", "/media/{id}//x.css", "/media/{id}%c0%afx.css",
             "/media/{id}%ff.css", "/media/x/../{id}.css", "/media/{id}/../{id}.css", "/media//{id}.css"]


class TestDeception:
    def test_no_other_name_serves_the_file(self, own_site, ask, item, content):
        for disguise in DISGUISES:
            answer = ask(disguise.format(id=item["id"]), own_site.token)
            assert answer.status in (400, 404), disguise
            assert own_bytes(content) not in answer.body, disguise
        assert kept(own_site, content) == []

    def test_names_that_nginx_reads_as_the_same_stay_private(self, own_site, ask, item, content):
        for name in ("/static/..%2fmedia/{id}", "/x.css/../media/{id}", "/media/./{id}", "//media//{id}",
                     "/media/{id}?x.css", "/media/{id}?/x.css", "/media/{id}#x.css", "/%6dedia/{id}"):
            assert ask(name.format(id=item["id"]), own_site.token).body == content, name
            assert ask(name.format(id=item["id"])).status == 401, name
        assert kept(own_site, content) == []

    def test_a_line_feed_after_an_id_makes_another_id(self, own_site, ask, item, content):
        """In a regular expression, $ also matches before it."""
        for ending in ("%0a", "%0A%0A", "%0d", "%00", "%09", "%20"):
            assert ask(item["file_url"] + ending, own_site.token).status in (400, 404)
