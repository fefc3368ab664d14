"""Signed links, as the command line and the API make them."""

import base64
import hashlib
import hmac
import subprocess
import time
import uuid
from datetime import datetime
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import requests

from site_under_test import Site
from stack.errors import StackError

ENV_KEYS = ("MEDIA_LINK_KEY_ID", "MEDIA_LINK_KEY_FILE")


@pytest.fixture(scope="module")
def item(site):
    return site.receive_photo()


@pytest.fixture(scope="module")
def ask(site, item):
    """ask(body, ...) -> the answer to a POST for a link of the item."""
    def post(body=None, token=None, media=None):
        return requests.post(f"{site.stack.url}/api/v1/media/{media or item['id']}/links",
                             json=body, timeout=10,
                             headers={"Authorization": f"Bearer {token or site.token}"})
    return post


def opened(url, stack, address=""):
    """The arguments of a link whose signature is right by the documented recipe."""
    parts = urlsplit(url)
    arguments = {name: values[0] for name, values in parse_qs(parts.query).items()}
    key_id, key_file = (stack.env()[name] for name in ENV_KEYS)
    assert arguments["key"] == key_id
    text = "\n".join(["ngx_media link 1", arguments.get("method", "GET"),
                      arguments.get("prefix", unquote(parts.path)), arguments["expires"],
                      key_id, arguments.get("user", ""), address])
    with open(key_file, "rb") as file:
        mac = hmac.digest(file.read().rstrip(), text.encode(), hashlib.sha256)
    assert arguments["signature"] == base64.urlsafe_b64encode(mac).decode().rstrip("=")
    return arguments


def lifetime(arguments):
    return int(arguments["expires"]) - time.time()


class TestCommand:
    def test_media_get_a_link_of_an_hour(self, stack):
        media = str(uuid.uuid4())
        url = stack.command("link", "--media", media)
        assert url.startswith(f"http://localhost:{stack.port}/media/{media}?")
        arguments = opened(url, stack)
        assert 3595 < lifetime(arguments) <= 3601
        assert set(arguments) == {"key", "expires", "signature"}

    def test_any_path_can_have_one(self, stack):
        url = stack.command("link", "/reports/May%202026/a+b.pdf", "--ttl", "7d")
        assert urlsplit(url).path == "/reports/May%202026/a%2Bb.pdf"
        assert 7 * 86400 - 5 < lifetime(opened(url, stack)) <= 7 * 86400 + 1

    def test_it_is_bound_as_asked(self, stack):
        url = stack.command("link", "/upload", "--method", "PUT", "--user", "ann & bob",
                            "--address", "2001:DB8::0:1")
        arguments = opened(url, stack, address="2001:db8::1")
        assert (arguments["method"], arguments["user"]) == ("PUT", "ann & bob")
        assert arguments["address"] == "1"

    def test_a_prefix_covers_what_lies_below(self, stack):
        url = stack.command("link", "/albums/7/", "--prefix")
        assert opened(url, stack)["prefix"] == "/albums/7/"

    @pytest.mark.parametrize("path", ["media", "/a/../b", "/a//b", "/a?b", "/%zz"])
    def test_a_path_that_nginx_would_change_is_refused(self, stack, path):
        with pytest.raises(StackError, match="PATH"):
            stack.command("link", path)

    def test_without_a_key_it_says_so(self, stack, tmp_path):
        config = tmp_path / "indexer.toml"
        config.write_text(stack.indexer.config.read_text().replace("[links]\nkeys", "[links]\n#keys"))
        done = subprocess.run([stack.programs.indexer, "link", "/a", "--config", str(config)],
                              capture_output=True, text=True, timeout=10)
        assert done.returncode == 1 and "[links]" in done.stderr


class TestApi:
    def test_media_of_the_company_get_a_link(self, site, item, ask):
        answer = ask()
        assert answer.status_code == 201, answer.text
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert set(answer.json()) == {"url", "expires_at"}
        url = answer.json()["url"]
        assert url.startswith(f"http://localhost:{site.stack.port}{item['file_url']}?")
        arguments = opened(url, site.stack)
        assert 3590 < lifetime(arguments) <= 3600
        assert datetime.fromisoformat(answer.json()["expires_at"].replace("Z", "+00:00")) \
            .timestamp() == int(arguments["expires"])

    def test_it_is_bound_as_asked(self, site, ask):
        answer = ask({"expires_in": 60, "method": "GET", "user": site.user, "address": "192.0.2.1"})
        arguments = opened(answer.json()["url"], site.stack, address="192.0.2.1")
        assert lifetime(arguments) <= 60 and arguments["user"] == site.user

    @pytest.mark.parametrize("body", [
        {"expires_in": 0}, {"expires_in": 7 * 86400 + 1}, {"method": "DELETE"}, {"user": ""},
        {"address": "somewhere"}, {"forever": True}, ["expires_in"]], ids=str)
    def test_a_bad_wish_is_a_problem(self, ask, body):
        answer = ask(body)
        assert answer.status_code == 400
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert answer.json()["detail"]

    def test_media_of_others_get_none(self, stack, item, ask):
        absent, other = ask(media=uuid.uuid4()), ask(token=Site(stack).token)
        assert other.status_code == absent.status_code == 404
        assert other.json() == absent.json()

    def test_a_session_is_needed(self, ask):
        assert ask(token="none").status_code == 401
