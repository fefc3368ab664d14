"""The drop-in configuration shows media_status to this machine only."""

import socket

import pytest
import requests

pytestmark = pytest.mark.module


@pytest.fixture
def url(stacks, quick_settings):
    stack = stacks.start("status-drop-in", quick_settings, workers=1)
    yield stack.url
    stacks.stop("status-drop-in")


def test_this_machine_sees_it(url):
    answer = requests.get(url + "/media-status", timeout=10)
    assert answer.status_code == 200
    assert "ngx_media_lookups_total" in answer.text


def test_other_addresses_are_refused(url):
    """All of 127.0.0.0/8 is this machine; the file names one address of it."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 10, ("127.0.0.2", 0)) as stranger:
        stranger.sendall(b"GET /media-status HTTP/1.1\r\nHost: localhost\r\n"
                         b"Connection: close\r\n\r\n")
        head = stranger.makefile("rb").readline()
    assert head.split()[1] == b"403"
