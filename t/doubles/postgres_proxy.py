"""Between a client and Postgres: passes everything on, and notes what is asked."""

import contextlib
import socket
import struct
import threading
from pathlib import Path

SOCKET = ".s.PGSQL.5432"


class PostgresProxy:
    """Listens in `directory` for what is meant for the server with its socket in `target`."""

    def __init__(self, directory, target):
        self.directory = Path(directory)
        self.target = str(Path(target) / SOCKET)
        self.asked = []  # the connection of each Bind message, in order
        self._connections = 0
        self._sockets = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.directory / SOCKET))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        for each in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.target)
                self._sockets += [client, server]
                self._connections += 1
                watch = FrontendMessages(self.asked, self._connections)
                for source, sink, note in ((client, server, watch.feed), (server, client, None)):
                    threading.Thread(target=pump, args=(source, sink, note), daemon=True).start()


def pump(source, sink, note):
    with contextlib.suppress(OSError):
        while chunk := source.recv(1 << 16):
            if note:
                note(chunk)
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)


class FrontendMessages:
    """Splits what a client says into messages; the first has no type."""

    def __init__(self, asked, connection):
        self.asked = asked
        self.connection = connection
        self.buffer = b""
        self.header = 4

    def feed(self, chunk):
        self.buffer += chunk
        while len(self.buffer) >= self.header:
            kind = self.buffer[:self.header - 4]
            size = struct.unpack("!I", self.buffer[self.header - 4:self.header])[0]
            if len(self.buffer) < self.header - 4 + size:
                return
            if kind == b"B":
                self.asked.append(self.connection)
            self.buffer = self.buffer[self.header - 4 + size:]
            self.header = 5
