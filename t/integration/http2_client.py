"""HTTP/2 over cleartext, with the reins in the test's hands: many streams, resets, small windows."""

import socket

import h2.config
import h2.connection
import h2.events

from raw_http import WireAnswer


class Http2Connection:
    """Answers by stream id. Nothing is received but in the methods that wait."""

    def __init__(self, port, timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=True, header_encoding="latin-1", validate_outbound_headers=False,
            normalize_outbound_headers=False))
        self.h2.initiate_connection()
        self.answers = {}
        self.ended = set()
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def ask(self, method, path, headers=(), body=b""):
        """Sends a request; the id of its stream."""
        stream = self.h2.get_next_available_stream_id()
        own = [(":method", method), (":scheme", "http"), (":authority", "localhost"), (":path", path)]
        self.h2.send_headers(stream, own + [(name.lower(), value) for name, value in headers],
                             end_stream=not body)
        if body:
            self.h2.send_data(stream, body, end_stream=True)
        self.flush()
        return stream

    def reset(self, stream):
        self.h2.reset_stream(stream)
        self.flush()

    def receive(self, acknowledge=True):
        """Takes in what comes next; a window that is not acknowledged stays used up."""
        received = self.socket.recv(1 << 18)
        if not received:
            raise ConnectionError("the server closed the connection")
        for event in self.h2.receive_data(received):
            self._handle(event, acknowledge)
        self.flush()

    def _handle(self, event, acknowledge):
        if isinstance(event, h2.events.ResponseReceived):
            (_, status), *headers = event.headers
            self.answers[event.stream_id] = WireAnswer([], f"HTTP/2 {status}", headers, b"")
        elif isinstance(event, h2.events.DataReceived):
            self.answers[event.stream_id].body += event.data
            if acknowledge:
                self.acknowledge(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            self.answers[event.stream_id].trailers = event.headers
        elif isinstance(event, h2.events.StreamReset):
            answer = self.answers.setdefault(event.stream_id, WireAnswer([], "none 0", [], b""))
            answer.is_whole = False
            self.ended.add(event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.ended.add(event.stream_id)

    def acknowledge(self, size, stream):
        if size:
            self.h2.acknowledge_received_data(size, stream)

    def wait_for(self, streams):
        """The answers of these streams, once all have ended."""
        while not self.ended.issuperset(streams):
            self.receive()
        return [self.answers[stream] for stream in streams]
