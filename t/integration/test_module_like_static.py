"""A media answer says what nginx's own static handler says of the same file.

Thousands of requests go to both. docs/DIRECTIVES.md names the headers that differ; nothing else may.
"""

import socket
import struct

import pytest

import generated_requests as generated
from raw_http import AnswerReader
from site_under_test import photo
from twins import Request, Twins, request

pytestmark = pytest.mark.module

SIZES = [1, 4 << 10, 300 << 10]


@pytest.fixture(scope="module")
def items(site):
    """{size: item}"""
    letter = site.offer(b"x", "document", "text/plain", filename="letter.txt")
    site.send(letter)
    return {1: site.wait_for(letter["id"])} | {
        size: site.receive_photo(photo(size)) for size in SIZES[1:]}


@pytest.fixture(scope="module")
def twins(site, items):
    """twins(size), made once."""
    made = {size: Twins(site, item) for size, item in items.items()}
    return made.__getitem__


@pytest.mark.parametrize("size", SIZES)
def test_ranges(twins, size):
    answers = twins(size).check(generated.of_ranges(size))
    assert {answer.status for answer in answers} == {200, 206, 416}


def test_conditions(twins):
    answers = twins(4 << 10).check(generated.of_conditions())
    assert {answer.status for answer in answers} == {200, 304, 412}


@pytest.mark.parametrize("kind, statuses", [
    ("rare_conditions", {200, 304, 405, 412}),
    ("methods", {200, 400, 405, 501}),
    ("connections", {200, 405}),
    ("odd_headers", {200, 206, 304, 400, 405, 501}),
    ("targets", {200, 400, 405}),
    ("odd_lines", {200, 206, 400, 505})])
def test_every_kind(twins, kind, statuses):
    answers = twins(4 << 10).check(getattr(generated, f"of_{kind}")())
    assert {answer.status for answer in answers if answer} == statuses


@pytest.mark.parametrize("size", SIZES)
def test_mixtures(twins, size):
    answers = twins(size).check(generated.mixtures(f"mixtures of {size}", 700, size))
    assert {200, 206, 304, 405, 412, 416} <= {answer.status for answer in answers if answer}


@pytest.mark.parametrize("size", SIZES)
def test_pipelines(twins, size):
    requests = generated.of_pipelines(f"pipelines of {size}", 300, size)
    answers = twins(size).check(requests, pipelined=25)
    assert {200, 206, 304, 405, 416} <= {answer.status for answer in answers}
    assert not any(answer.closes for answer in answers)


def raw(twin, template, pieces=1):
    """Everything the server says to these bytes until it closes."""
    sent = Request("GET", template).filled(twin.values)
    step = -(-len(sent) // pieces)
    with socket.create_connection(("127.0.0.1", twin.port), 10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for begin in range(0, len(sent), step):
            connection.sendall(sent[begin:begin + step])
        received = b""
        while chunk := connection.recv(1 << 18):
            received += chunk
    return received


@pytest.mark.parametrize("line", [
    b"GET @TARGET@?token=@TOKEN@\r\n", b"GET @TARGET@?token=@TOKEN@\n",
    b"HEAD @TARGET@?token=@TOKEN@\r\n", b"POST @TARGET@?token=@TOKEN@\r\n",
    b"GET @TARGET@?token=@TOKEN@ \r\n", b"GET @TARGET@/?token=@TOKEN@\r\n"], ids=repr)
@pytest.mark.parametrize("size", SIZES)
def test_http_0_9(twins, size, line):
    media, static = (raw(twin, line) for twin in (twins(size).media, twins(size).static))
    assert media == static and media


def test_a_pipeline_is_cut_where_a_request_closes_it(twins):
    kept, closing = request("GET"), request("GET", [("Connection", "close")])
    pair = twins(4 << 10)
    for twin in (pair.media, pair.static):
        answers = twin.ask([kept, kept, closing, kept, closing, kept], pipelined=True)
        assert [answer.closes for answer in answers] == [False, False, True, False, True, False]


def test_a_request_may_come_in_many_pieces(twins):
    template = request("GET", [("Connection", "close"), ("Range", "bytes=5-99")]).template
    pair = twins(4 << 10)
    whole, pieces = raw(pair.media, template), raw(pair.media, template, pieces=100)
    assert whole.partition(b"\r\n\r\n")[2] == pieces.partition(b"\r\n\r\n")[2]
    assert pieces.startswith(b"HTTP/1.1 206 ")
    assert pieces.endswith(raw(pair.static, template, pieces=100).partition(b"\r\n\r\n")[2])


def test_a_client_that_waits_for_100_continue_is_asked_for_its_body(twins):
    head = request("GET", [("Expect", "100-continue"), ("Content-Length", "5"),
                           ("Connection", "close")]).template
    for twin in (twins(4 << 10).media, twins(4 << 10).static):
        with socket.create_connection(("127.0.0.1", twin.port), 10) as connection:
            connection.sendall(Request("GET", head).filled(twin.values))
            reader = AnswerReader(connection)
            answer = reader.next("GET")
            connection.sendall(b"hello")
        assert answer.interim == ["HTTP/1.1 100 Continue"]
        assert answer.status == 200 and len(answer.body) == 4 << 10


def test_a_client_that_goes_away_midway_harms_nobody(twins):
    pair = twins(300 << 10)
    for twin in (pair.media, pair.static) * 10:
        with socket.create_connection(("127.0.0.1", twin.port), 10) as connection:
            connection.sendall(request("GET").filled(twin.values) * 5)
            connection.recv(100)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    pair.check([request("GET")])


def test_a_multi_range_answer_names_the_sniffed_type_in_every_part(twins):
    answer = twins(4 << 10).check([request("GET", [("Range", "bytes=0-0,2-2")])])[0]
    assert answer.status == 206
    assert answer.body.count(b"Content-Type: image/jpeg") == 2
