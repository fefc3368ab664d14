import subprocess
import zlib
from pathlib import Path

import pytest

import twins
from doubles import discord as discord_double
from doubles import openphone as openphone_double
from doubles import twilio as twilio_double
from doubles import whatsapp_graph
from doubles.s3_faults import S3Faults
from doubles.standard_webhook import FileHost
from doubles.tls import TestAuthority
from site_under_test import Site
from stack import Programs, Stack
from stack.ceph import Ceph
from stack.postgres import Cluster
from stack.process import free_port
from stack.stack import SOURCE
from stack.swift import Swift
from watch import ServerWatch, StackWatch

# Patience of a test, not of a provider.
QUICK = {
    "fetch.retry_base_ms": 40,
    "fetch.retry_max_ms": 400,
    "fetch.max_attempts": 4,
    "fetch.connect_timeout_ms": 1500,
    "fetch.stall_timeout_ms": 1500,
    "fetch.total_timeout_ms": 15000,
    "fetch.lease_seconds": 5,
    "server.stop_grace_seconds": 5,
}


def pytest_addoption(parser):
    parser.addoption("--nginx", type=Path, help="another nginx, such as one with sanitizers")
    parser.addoption("--module", type=Path, help="the module built for that nginx")


@pytest.fixture(scope="session")
def programs(request):
    built = Programs.built()
    built.nginx = request.config.getoption("--nginx") or built.nginx
    built.module = request.config.getoption("--module") or built.module
    return built


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    hosts = [*whatsapp_graph.HOSTS, *twilio_double.HOSTS, *discord_double.HOSTS,
             *openphone_double.HOSTS]
    return TestAuthority(tmp_path_factory.mktemp("ca"), hosts)


@pytest.fixture(scope="session")
def graph(authority):
    """WhatsApp's Graph API over TLS."""
    double = whatsapp_graph.WhatsAppGraph(authority=authority)
    yield double
    double.close()


@pytest.fixture(scope="session")
def file_host():
    """A host of files that asks for no credential."""
    host = FileHost()
    yield host
    host.close()


@pytest.fixture(scope="session")
def twilio(authority):
    """Twilio's API and the CDN that it redirects to."""
    double = twilio_double.TwilioApi(authority=authority)
    yield double
    double.close()


@pytest.fixture(scope="session")
def discord(authority):
    """Discord's CDN and API."""
    double = discord_double.Discord(authority=authority)
    yield double
    double.close()


@pytest.fixture(scope="session")
def openphone(authority):
    """The storage and the API of OpenPhone, now Quo."""
    double = openphone_double.OpenPhone(authority=authority)
    yield double
    double.close()


@pytest.fixture(scope="session")
def quick_settings(graph, twilio, discord, openphone, authority):
    return (QUICK | graph.settings() | twilio.settings() | discord.settings()
            | openphone.settings() | {"fetch.ca_file": str(authority.ca_file),
                                      "fetch.allow_plain_http": True})


@pytest.fixture(scope="session")
def deployed_cluster(tmp_path_factory):
    """The data directory of a stopped Postgres with the schema in it, to be copied."""
    home = tmp_path_factory.mktemp("cluster")
    for name in ("run", "logs"):
        (home / name).mkdir()
    cluster = Cluster(home, home)
    try:
        cluster.start()
        cluster.create_database()
        cluster.deploy(SOURCE / "sql")
    finally:
        cluster.stop()
    return cluster.data


class Stacks:
    """Starts stacks and remembers them for the check at the end of a test."""

    def __init__(self, programs, directory, cluster):
        self.programs = programs
        self.directory = directory
        self.cluster = cluster
        self.watches = {}

    def start(self, name, overrides, server_config="", http_config="", **options):
        stack = Stack(self.directory / name, self.programs, **options)
        for level, text in (("nginx.d", server_config), ("http.d", http_config)):
            (stack.dir / level).mkdir(parents=True)
            (stack.dir / level / "test.conf").write_text(text)
        subprocess.run(["cp", "-a", self.cluster, stack.dir], check=True)
        stack.up(overrides=overrides)
        self.watches[name] = StackWatch(stack)
        return stack

    def stop(self, name):
        watch = self.watches.pop(name)
        watch.stack.down()
        return watch


@pytest.fixture(scope="session")
def stacks(programs, tmp_path_factory, deployed_cluster):
    running = Stacks(programs, tmp_path_factory.mktemp("stacks"), deployed_cluster)
    yield running
    for name in list(running.watches):
        running.stop(name)


@pytest.fixture(scope="session")
def http2_port():
    """Where the shared stack speaks HTTP/2 in cleartext."""
    return free_port()


@pytest.fixture(scope="session")
def stack(stacks, quick_settings, http2_port):
    """The stack that most tests share, with twins of its media under nginx's own handler."""
    root = stacks.directory / "main" / "media"
    return stacks.start("main", quick_settings,
                        f"listen 127.0.0.1:{http2_port} http2;\n" + twins.config(root))


@pytest.fixture
def run(stack):
    """run(arguments...) -> CompletedProcess, with the stack's config."""
    def command(*arguments, config=True, **options):
        options = {"capture_output": True, "text": True, "timeout": 30} | options
        extra = ["--config", str(stack.indexer.config)] if config else []
        return subprocess.run([str(stack.programs.indexer), *arguments, *extra], **options)
    return command


@pytest.fixture(scope="module")
def site(stack, graph):
    return Site(stack, graph)


@pytest.fixture
def own_stack(stacks, quick_settings, request):
    """Starts a stack for one test: own_stack(overrides={}, ...)."""
    started = []

    def start(overrides=None, **options):
        # Short, for the sockets below it, and of this test alone.
        mark = zlib.crc32(request.node.nodeid.encode()) & 0xfffff
        name = f"{request.node.name[:18]}-{mark:05x}-{len(started)}"
        started.append(name)
        return stacks.start(name, quick_settings | (overrides or {}), **options)
    yield start
    for name in started:
        if name in stacks.watches:
            stacks.stop(name)


@pytest.fixture(scope="session")
def store_watches():
    """Of the object stores that tests have asked for so far."""
    return []


@pytest.fixture(scope="session")
def ceph(tmp_path_factory, authority, store_watches):
    """Ceph's S3 gateway, also over TLS."""
    pem = authority.write_server_pem(tmp_path_factory.mktemp("ceph-tls") / "rgw.pem", "localhost")
    server = Ceph(tmp_path_factory.mktemp("ceph"), tls_pem=pem)
    server.start()
    store_watches.append(ServerWatch(server))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def swift(tmp_path_factory, store_watches):
    """OpenStack Swift's S3 API."""
    server = Swift(tmp_path_factory.mktemp("swift"))
    server.start()
    store_watches.append(ServerWatch(server))
    yield server
    server.stop()


@pytest.fixture(scope="session", params=["ceph", "swift"])
def object_store(request):
    """Each of the two: `access`, `client` (boto3's) and `new_bucket()`."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def _s3_faults(ceph):
    proxy = S3Faults(ceph.endpoint)
    yield proxy
    proxy.close()


@pytest.fixture
def s3_faults(_s3_faults):
    """Between the test's client and Ceph; well-behaved until told otherwise."""
    _s3_faults.clear()
    yield _s3_faults
    _s3_faults.clear()


@pytest.fixture(autouse=True)
def leaves_everything_clean(request, stacks, own_stack, store_watches):
    """After every test: nothing alarming in any log, nothing leaked."""
    yield
    noise = [mark.args for mark in request.node.iter_markers("log_noise")]
    for watch in [*stacks.watches.values(), *store_watches]:
        watch.check(noise)
