"""The drop-in configuration shows the module's counters to this machine, and to nobody else."""

import socket

import pytest
import requests

pytestmark = pytest.mark.module


def test_this_machine_sees_the_counters(stack):
    answer = requests.get(stack.url + "/media-status", timeout=10)
    assert answer.status_code == 200
    assert "\nngx_media_decisions_total" in answer.text


def test_other_addresses_are_refused(stack):
    """All of 127.0.0.0/8 is this machine; the file names one address of it."""
    with socket.create_connection(("127.0.0.1", stack.port), 10, ("127.0.0.2", 0)) as stranger:
        stranger.sendall(b"GET /media-status HTTP/1.1\r\nHost: localhost\r\n"
                         b"Connection: close\r\n\r\n")
        assert stranger.makefile("rb").readline().split()[1] == b"403"
