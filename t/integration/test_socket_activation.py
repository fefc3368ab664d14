"""The socket is a service manager's: however often the indexer is restarted, nobody is refused."""

import os
import socket
import subprocess
import threading

import pytest

from doubles.whatsapp_webhook import envelope, text_message
from site_under_test import Site
from stack import process

SENDERS = 6
RESTARTS = 5

# $1 pid file, $2 descriptor; then the program. As systemd: its pid, one socket, as descriptor 3.
PASS_SOCKET = """echo $$ >"$1"; fd=$2; shift 2; export LISTEN_PID=$$ LISTEN_FDS=1
exec "$@" 3<&"$fd" """


class ServiceManager:
    """Makes the socket, keeps it, and passes it to each indexer that it starts."""

    def __init__(self, indexer):
        self.indexer = indexer
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(indexer.socket))
        os.chmod(indexer.socket, 0o666)
        self.listening.listen(4096)

    def start(self):
        indexer = self.indexer
        indexer.pid_file.unlink(missing_ok=True)
        command = [str(indexer.stack.programs.indexer), "serve", "--config", str(indexer.config)]
        with open(indexer.log, "ab") as log:
            subprocess.run(["setsid", "--fork", "bash", "-c", PASS_SOCKET, "manager",
                            indexer.pid_file, str(self.listening.fileno()), *command],
                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True,
                           cwd=indexer.stack.dir, pass_fds=[self.listening.fileno()])
        pid = process.wait_until(lambda: process.read_pid(indexer.pid_file), 5, "the pid file")
        process.wait_for_start(pid, indexer.is_ready, 30, "media-indexer", [indexer.log])


class Sender(threading.Thread):
    """One delivery after the other, until told to stop."""

    def __init__(self, site, stopping):
        super().__init__(daemon=True)
        self.site, self.stopping = site, stopping
        self.answers = []
        self.begun = 0

    def is_waiting(self):
        return self.begun == len(self.answers) + 1

    def run(self):
        while not self.stopping.is_set():
            self.begun += 1
            try:
                delivery = envelope(self.site.phone_number_id, [text_message()])
                self.answers.append(self.site.webhook.post(delivery).status_code)
            except OSError as error:
                self.answers.append(repr(error))


@pytest.fixture
def activated(own_stack, graph):
    site = Site(own_stack(), graph)
    site.stack.indexer.stop()
    manager = ServiceManager(site.stack.indexer)
    manager.start()
    yield site, manager
    manager.listening.close()


@pytest.mark.log_noise("postgres", "connection to client lost")
def test_restarts_under_load_refuse_nobody(activated):
    site, manager = activated
    stopping = threading.Event()
    senders = [Sender(site, stopping) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    try:
        for _ in range(RESTARTS):
            handled = [len(sender.answers) for sender in senders]
            process.wait_until(lambda: all(len(sender.answers) > count + 5 for sender, count
                                           in zip(senders, handled)), 20, "deliveries to flow")
            manager.indexer.stop()
            assert manager.indexer.socket.exists()
            process.wait_until(lambda: all(sender.is_waiting() for sender in senders), 10,
                               "every sender to wait for an indexer")
            manager.start()
    finally:
        stopping.set()
        for sender in senders:
            sender.join()
    answers = [answer for sender in senders for answer in sender.answers]
    assert set(answers) == {200}
    process.wait_until(lambda: site.count("deliveries") == len(answers), 20,
                       f"{len(answers)} deliveries to be in the database")
    assert site.stack.indexer.log.read_text().count('"is_passed":true') == RESTARTS + 1


def test_a_socket_of_another_kind_is_refused(own_stack, tmp_path):
    stack = own_stack()
    config = tmp_path / "second.toml"
    config.write_text(stack.indexer.config.read_text().replace("/spool", "/spool2"))
    with socket.socket() as listening:
        listening.listen()
        done = subprocess.run(
            ["bash", "-c", PASS_SOCKET, "manager", "/dev/null", str(listening.fileno()),
             stack.programs.indexer, "serve", "--config", str(config)],
            pass_fds=[listening.fileno()], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert "the socket that was passed is no unix socket" in done.stderr
