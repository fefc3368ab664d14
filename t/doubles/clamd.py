"""ClamAV's daemon: the real one with one signature of our own, and a double that misbehaves."""

import socket
import struct
import subprocess
import threading

# The test file of eicar.org, which every scanner takes for a virus, in two halves: else a
# scanner on this machine would find this file.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-" + rb"ANTIVIRUS-TEST-FILE!$H+H*"


class RealClamd:
    """Debian's clamd, with a database that knows EICAR anywhere in a file, and needs no network."""

    def __init__(self, directory, stream_max="2M"):
        self.directory = directory
        (directory / "db").mkdir(parents=True)
        (directory / "db" / "test.ndb").write_text(f"Test.Eicar:0:*:{EICAR.hex()}\n")
        self.socket = directory / "clamd.sock"
        (directory / "clamd.conf").write_text(
            f"LocalSocket {self.socket}\nDatabaseDirectory {directory}/db\nForeground yes\n"
            f"StreamMaxLength {stream_max}\nPidFile {directory}/clamd.pid\n")
        self._process = None

    @property
    def address(self):
        return f"unix:{self.socket}"

    def start(self):
        with open(self.directory / "clamd.log", "ab") as log:
            self._process = subprocess.Popen(["clamd", "-c", str(self.directory / "clamd.conf")],
                                             stdout=log, stderr=log)

    def answers(self):
        try:
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(2)
                peer.connect(str(self.socket))
                peer.sendall(b"zPING\0")
                return peer.recv(10) == b"PONG\0"
        except OSError:
            return False

    def stop(self):
        if self._process:
            self._process.terminate()
            self._process.wait(20)
            self._process = None


class ClamdDouble:
    """Speaks the protocol on 127.0.0.1 and does what `mode` says.

    clean, found, error, garbage, endless: the answer to a file; silent: none, ever; hang_up: closes
    at once; limit: answers that the file is too large after its first piece, and closes.
    """

    ANSWERS = {
        "clean": b"stream: OK\0",
        "found": b"stream: Win.Test.Name FOUND\0",
        "error": b"stream: Can't allocate memory ERROR\0",
        "garbage": b"HTTP/1.1 400 Bad Request\r\n\r\n",
        "endless": b"x" * 100_000,
        "limit": b"INSTREAM size limit exceeded. ERROR\0",
    }

    def __init__(self, mode="clean"):
        self.mode = mode
        self.scanned = []
        self.connections = 0
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"tcp:127.0.0.1:{self.port}"

    def close(self):
        self._stop.set()
        self._listener.close()

    def _accept(self):
        while not self._stop.is_set():
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(peer, self.mode), daemon=True).start()

    def _talk(self, peer, mode):
        try:
            with peer, peer.makefile("rb") as stream:
                command = stream.read(6)
                if command == b"zPING\0":
                    peer.sendall(b"PONG\0")
                    return
                if mode == "hang_up" or command + stream.read(4) != b"zINSTREAM\0":
                    return
                content = self._read_file(stream, only_first=mode == "limit")
                if mode == "silent":
                    self._stop.wait()
                    return
                self.scanned.append(content)
                peer.sendall(self.ANSWERS[mode])
                if mode == "limit":
                    # An orderly end: a reset could overtake the answer.
                    peer.shutdown(socket.SHUT_WR)
                    while stream.read(65536):
                        pass
        except OSError:
            pass

    @staticmethod
    def _read_file(stream, only_first):
        content = b""
        while length := struct.unpack(">I", stream.read(4))[0]:
            content += stream.read(length)
            if only_first:
                break
        return content
