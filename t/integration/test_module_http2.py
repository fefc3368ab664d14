"""Over HTTP/2 media are served like static files too, whatever becomes of the streams."""

import pytest

import generated_requests as generated
from http2_client import Http2Connection
from site_under_test import photo
from twins import Request, Twins, fill

pytestmark = pytest.mark.module

SIZE = 300 << 10


@pytest.fixture(scope="module")
def item(site):
    return site.receive_photo(photo(SIZE))


@pytest.fixture(scope="module")
def content(site, item):
    return (site.stack.root / item["file_key"]).read_bytes()


@pytest.fixture
def connection(site, http2_port):
    with Http2Connection(http2_port) as opened:
        yield opened


@pytest.fixture
def get(connection, site, item):
    """Asks for the file on a new stream."""
    def send(path=item["file_url"], token=site.token):
        return connection.ask("GET", path, [("Authorization", f"Bearer {token}")])
    return send


def as_sent(method, headers, body):
    """The request in words, for a report."""
    lines = [f"{method} @TARGET@ HTTP/2", *(f"{name}: {value}" for name, value in headers), "", ""]
    return Request(method, "\r\n".join(lines).encode("latin-1") + body)


def ask_all(connection, twin, requests):
    def filled(text):
        return fill(text.encode("latin-1"), twin.values).decode("latin-1")
    token = [("Authorization", filled("Bearer @TOKEN@"))]
    return connection.wait_for([
        connection.ask(method, filled("@TARGET@"),
                       token + [(name, filled(value)) for name, value in headers], body)
        for method, headers, body in requests])


@pytest.mark.parametrize("option, at_once", [
    ("plain", 40), ("gzip", 40), ("threads", 40), ("no_sendfile", 40), ("one_range", 40), ("plain", 1)])
def test_the_twins_agree(site, item, connection, option, at_once):
    """Alone on the connection, and with many streams at once. Then nothing is asked for that makes 412:
    nginx 1.22 destroys such a request while its frames may still wait for others' to be sent."""
    pair = Twins(site, item, option)
    requests = list(generated.of_http2(f"http/2 {option}", 200, SIZE, may_fail=at_once == 1))
    statuses = set()
    for begin in range(0, len(requests), at_once):
        batch = requests[begin:begin + at_once]
        answers = pair.compare([as_sent(*one) for one in batch],
                               ask_all(connection, pair.media, batch),
                               ask_all(connection, pair.static, batch))
        statuses |= {answer.status for answer in answers}
    assert {200, 206, 304, 405} <= statuses
    assert (412 in statuses) == (at_once == 1)


def test_a_head_request_has_no_body(connection, site, item):
    stream = connection.ask("HEAD", item["file_url"], [("Authorization", f"Bearer {site.token}")])
    answer, = connection.wait_for([stream])
    assert answer.status == 200 and answer.body == b""
    assert answer.values("content-length") == [str(SIZE)]


def test_streams_that_are_reset_midway_do_not_harm_the_others(connection, get, content):
    streams = [get() for _ in range(12)]
    # The window of the connection is used up before any file is whole.
    while sum(len(answer.body) for answer in connection.answers.values()) < 65535:
        connection.receive(acknowledge=False)
    assert not connection.ended
    for stream in streams[::2]:
        connection.reset(stream)
    for stream in streams[1::2]:
        if stream in connection.answers:
            connection.acknowledge(len(connection.answers[stream].body), stream)
    connection.h2.increment_flow_control_window(65535)
    connection.flush()
    for answer in connection.wait_for(streams[1::2]):
        assert answer.status == 200 and answer.body == content


def test_streams_that_are_reset_before_the_lookup_ends_harm_nobody(connection, get, content):
    for _ in range(10):
        # nginx refuses streams when too many are new.
        for _ in range(50):
            connection.reset(get())
        assert connection.wait_for([get()])[0].body == content


def test_a_connection_that_breaks_off_with_streams_waiting_harms_nobody(site, http2_port, item, content):
    token = [("Authorization", f"Bearer {site.token}")]
    for _ in range(20):
        with Http2Connection(http2_port) as broken:
            for _ in range(50):
                broken.ask("GET", item["file_url"], token)
    assert site.get(item["file_url"]).content == content


def test_every_stream_has_its_own_caller(connection, get, site, item, content):
    tokens = [site.token, "a.b.c"] * 20
    answers = connection.wait_for([get(token=token) for token in tokens])
    assert [answer.status for answer in answers] == [200, 401] * 20
    assert all(answer.body == content for answer in answers[::2])


def test_a_token_in_several_cookie_fields_is_put_together(connection, site, item):
    """RFC 9113, section 8.2.3."""
    head = [("Cookie", "a=b"), ("Cookie", f"media_token={site.token}"), ("Cookie", "c=d")]
    answer, = connection.wait_for([connection.ask("GET", item["file_url"], head)])
    assert answer.status == 200
