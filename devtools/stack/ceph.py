"""A private Ceph with its S3 gateway: one monitor, one OSD, one radosgw, on 127.0.0.1 only."""

import os
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
import uuid

from . import process
from .errors import StackError
from .object_store import ObjectStoreServer, S3Access
from .users import ServerUser

# Nobody has keys but the clients of the gateway. radosgw insists on encryption, which needs keys,
# unless every mode is set. Each pool that is created waits for a Paxos round, and each change of a
# user or bucket for a gateway that was killed, until its watch times out.
SETTINGS = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_port}/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
ms client mode = crc
ms cluster mode = crc
ms service mode = crc
ms mon cluster mode = crc
ms mon service mode = crc
ms async op threads = 1
objecter tick interval = 0.5
keyring = /dev/null
run dir = {home}/run
admin socket =
log file = {home}/logs/$name.log
crash dir = {home}/logs
mon cluster log file = {home}/logs/cluster.log
mon data = {home}/mon
mon cpu threads = 1
mon allow pool size one = true
mon max pg per osd = 2000
mon warn on pool no redundancy = false
mon data avail crit = 1
mon data avail warn = 2
mon osd min in ratio = 0
paxos propose interval = 0.01
paxos min wait = 0.01
osd data = {home}/osd
osd objectstore = {objectstore}
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd pg stat report interval max = 1
osd mon heartbeat interval = 5
osd memory target = 939524096
osd max object name len = 2048
osd client watch timeout = 2
osd op num shards = 2
osd op num threads per shard = 1
osd class dir = /usr/lib/{triplet}/rados-classes
memstore device bytes = 4294967296
bluestore block size = 4294967296
rgw data = {home}/rgw
rgw dns name = localhost
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1{tls}
rgw enable apis = s3, s3website, admin
rgw thread pool size = 32
rgw enable usage log = false
rgw lc debug interval = -1
rgw num rados handles = 1
rgw num control oids = 1
rgw gc max objs = 1
rgw override bucket index max shards = 1
rgw usage max shards = 1
rgw log nonexistent bucket = false
"""


class Ceph(ObjectStoreServer):
    """Objects live in memory and end with stop(), unless they are to be kept: then on disk, which
    takes ten seconds to start instead of one. `tls_pem` (certificate and key) adds `tls_endpoint`."""

    parts = ("mon", "osd", "rgw")

    def __init__(self, home, is_kept=False, tls_pem=None):
        super().__init__(home)
        self.is_kept = is_kept
        self.tls_pem = tls_pem
        self.settings = home / "ceph.conf"
        self.user = ServerUser("ceph", home)

    @property
    def access(self):
        return self._access(1)

    def _access(self, number):
        """Secrets have a slash and a plus, which clients must encode."""
        return S3Access(self.endpoint, "default", f"TESTACCESSKEY{number:07}",
                        f"test/Secret+Key{number:025}")

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self._port('endpoint')}"

    @property
    def tls_endpoint(self):
        return f"https://localhost:{self._port('ssl_endpoint')}"

    def _port(self, name):
        return int(re.search(rf"\b{name}=127\.0\.0\.1:(\d+)", self.settings.read_text())[1])

    def start(self):
        """Returns once the gateway answers; leaves nothing running when it does not."""
        try:
            if self.is_kept and self.settings.exists():
                self._start_mon()
                self._start_osd()
            else:
                self._create()
            self.start_gateway()
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """What is in memory is lost anyhow, and needs no six seconds of farewell."""
        self._stop_parts(reversed(self.parts), signal.SIGTERM if self.is_kept else signal.SIGKILL)

    def add_user(self, number):
        """Another user, who owns nothing yet."""
        access = self._access(number)
        self._run("radosgw-admin", "user", "create", f"--uid=test{number}", "--display-name=Test",
                  f"--access-key={access.access_key}", f"--secret-key={access.secret_key}")
        return access

    def _create(self):
        for name in ("mon", "osd", "rgw"):
            shutil.rmtree(self.home / name, ignore_errors=True)
        self.user.own(self.home)
        for name in ("mon", "osd", "rgw", "run", "logs"):
            self.user.own(self.home / name)
        mon_port, osd_id = process.free_port(), str(uuid.uuid4())
        # Under its final name only when there is a cluster: half of one never looks like one.
        final, self.settings = self.settings, self.home / "ceph.conf.new"
        self._write_settings(mon_port)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--public-addr", f"v2:127.0.0.1:{mon_port}/0")
        self._start_mon()
        self._run("ceph", "--connect-timeout", "30", "osd", "new", osd_id)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd_id)
        self._start_osd()
        self.add_user(1)
        self.settings.rename(final)
        self.settings = final

    def _write_settings(self, mon_port):
        tls = (f" ssl_endpoint=127.0.0.1:{process.free_port()} ssl_certificate={self.tls_pem}"
               if self.tls_pem else "")
        self.settings.write_text(SETTINGS.format(
            fsid=uuid.uuid4(), home=self.home, mon_port=mon_port, port=process.free_port(), tls=tls,
            objectstore="bluestore" if self.is_kept else "memstore",
            triplet=f"{os.uname().machine}-linux-gnu"))

    def _start_mon(self):
        port = re.search(r"v2:127\.0\.0\.1:(\d+)", self.settings.read_text())[1]
        self._spawn("mon", "ceph-mon", "-f", "-i", "a", "--public-addr", f"v2:127.0.0.1:{port}/0")

    def _start_osd(self):
        self._spawn("osd", "ceph-osd", "-f", "-i", "0")

    def start_gateway(self):
        pid = self._spawn("rgw", "radosgw", "-f", "-n", "client.rgw")
        process.wait_for_start(pid, self._answers, 60, "radosgw",
                               [self.logs / "client.rgw.log", self.logs / "rgw.out"])

    def _answers(self):
        try:
            return urllib.request.urlopen(self.endpoint, timeout=5).status == 200
        except urllib.error.URLError:
            return False

    def _spawn(self, name, program, *arguments):
        command = [*self.user.prefix(), program, "-c", str(self.settings), *arguments]
        return process.spawn(command, self.pid_file(name), self.logs / f"{name}.out", cwd=self.home)

    def _run(self, program, *arguments):
        done = subprocess.run(
            [*self.user.prefix(), program, "-c", str(self.settings), *arguments],
            capture_output=True, text=True, cwd=self.home)
        if done.returncode != 0:
            raise StackError(f"{program} failed:\n{done.stdout}{done.stderr}")
        return done.stdout
