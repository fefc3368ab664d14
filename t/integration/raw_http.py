"""HTTP by the byte, for requests that a library would not send and answers it would smooth out."""

import socket
from dataclasses import dataclass, field


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes


def request_bytes(method, target, headers=(), version="1.1"):
    lines = [f"{method} {target} HTTP/{version}", "Host: localhost", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def exchange(port, request, timeout=10):
    """Sends the bytes; reads until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(1 << 16):
            received += chunk
    return parse(received)


def parse(received):
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), []).append(value.strip())
    return Answer(int(lines[0].split()[1]), headers, body)


# Answers as they are on the wire: header names in their case, in order, and where the server closes.

@dataclass
class WireAnswer:
    interim: list           # status lines of 1xx answers before it
    status_line: str
    headers: list           # [(name, value)]
    body: bytes
    trailers: list = field(default_factory=list)
    is_whole: bool = True
    closes: bool = False    # nothing was answered on this connection after it

    @property
    def status(self):
        return int(self.status_line.split()[1])

    def values(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]


class AnswerReader:
    """Takes answers off a connection, one by one."""

    def __init__(self, connection):
        self.connection = connection
        self.received = bytearray()
        self.at_end = False

    def _more(self):
        if self.at_end:
            return False
        try:
            chunk = self.connection.recv(1 << 18)
        except ConnectionResetError:
            chunk = b""
        self.received += chunk
        self.at_end = not chunk
        return not self.at_end

    def _until(self, mark):
        begin = 0
        while (found := self.received.find(mark, begin)) < 0:
            begin = max(0, len(self.received) - len(mark))
            if not self._more():
                return None
        return self._take(found + len(mark))

    def _exactly(self, size):
        while len(self.received) < size and self._more():
            pass
        return self._take(size)

    def _take(self, size):
        taken = bytes(self.received[:size])
        del self.received[:size]
        return taken

    def next(self, method):
        """The next answer; None when the server closed instead."""
        interim = []
        while head := self._until(b"\r\n\r\n"):
            lines = head.decode("latin-1").split("\r\n")[:-2]
            if lines[0].split()[1].startswith("1"):
                interim.append(lines[0])
                continue
            answer = WireAnswer(interim, lines[0], fields(lines[1:]), b"")
            self._read_body(answer, method)
            return answer
        return None

    def _read_body(self, answer, method):
        length = answer.values("Content-Length")
        if method == "HEAD" or answer.status in (204, 304):
            return
        if answer.values("Transfer-Encoding") == ["chunked"]:
            answer.is_whole = self._read_chunks(answer)
        elif length:
            answer.body = self._exactly(int(length[0]))
            answer.is_whole = len(answer.body) == int(length[0])
        else:
            while self._more():
                pass
            answer.body = self._take(len(self.received))

    def _read_chunks(self, answer):
        while size := int(self._until(b"\r\n") or b"-1", 16):
            chunk = self._exactly(size + 2)
            if size < 0 or len(chunk) < size + 2:
                return False
            answer.body += chunk[:-2]
        while line := self._until(b"\r\n"):
            if line == b"\r\n":
                return True
            answer.trailers += fields([line.decode("latin-1").rstrip()])
        return False


def fields(lines):
    return [tuple(line.split(": ", 1)) if ": " in line else (line, "") for line in lines]


def converse(port, requests, pipelined=False, timeout=20):
    """Sends (method, bytes) over one connection, and over a new one whenever the server closes it:
    each after the answer to the one before, or all at once.

    The answers, in order; None for a request that was answered by closing.
    """
    answers = []
    while len(answers) < len(requests):
        with socket.create_connection(("127.0.0.1", port), timeout) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            rest = requests[len(answers):]
            got = list(_answered(connection, rest, pipelined))
        if not got:
            got = [None]
        elif len(got) < len(rest):
            got[-1].closes = True
        answers += got
    return answers


def _answered(connection, requests, pipelined):
    """The answers until the server closes."""
    reader = AnswerReader(connection)
    if pipelined:
        _send(connection, b"".join(sent for _, sent in requests))
    for method, sent in requests:
        if not pipelined:
            _send(connection, sent)
        answer = reader.next(method)
        if answer is None:
            return
        yield answer


def _send(connection, sent):
    try:
        connection.sendall(sent)
    except (BrokenPipeError, ConnectionResetError):
        pass    # It has closed; what it said before is there to read.
