"""A private Ceph with its S3 gateway: one monitor, one OSD, one radosgw, on 127.0.0.1 only."""

import json
import os
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
        # What a cluster that is kept has to find again.
        self._state_file = home / "ceph.json"
        self._state = json.loads(self._state_file.read_text()) if self._state_file.exists() else {}

    @property
    def access(self):
        return self._access(1)

    def _access(self, number):
        """Secrets have a slash and a plus, which clients must encode."""
        return S3Access(self.endpoint, "default", f"TESTACCESSKEY{number:07}",
                        f"test/Secret+Key{number:025}")

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self._state['port']}"

    @property
    def tls_endpoint(self):
        return f"https://localhost:{self._state['tls_port']}"

    def start(self):
        """Starts what is not running; returns once the gateway answers. Leaves nothing running
        when it does not."""
        try:
            if self._state:
                self._resume()
            else:
                self._create()
            if not self.pid("rgw"):
                self.start_gateway()
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """What is in memory is lost anyhow, and needs no six seconds of farewell."""
        self._stop_parts(reversed(self.parts), signal.SIGTERM if self.is_kept else signal.SIGKILL)
        if not self.is_kept:
            self._state = {}

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
        self._state = {"fsid": str(uuid.uuid4()), "mon_port": process.free_port(),
                       "port": process.free_port(), "tls_port": process.free_port()}
        osd_id = str(uuid.uuid4())
        self._write_settings()
        self._run("ceph-mon", "--mkfs", "-i", "a", "--public-addr", self._mon_address())
        self._start_mon()
        self._run("ceph", "--connect-timeout", "30", "osd", "new", osd_id)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd_id)
        self._start_osd()
        self.add_user(1)
        if self.is_kept:
            self._state_file.write_text(json.dumps(self._state) + "\n")

    def _resume(self):
        for part, port in (("mon", self._state["mon_port"]), ("rgw", self._state["port"])):
            if not self.pid(part) and not process.port_is_free(port):
                raise StackError(f"port {port}, which the Ceph in {self.home} has, is taken")
        self._write_settings()
        if not self.pid("mon"):
            self._start_mon()
        if not self.pid("osd"):
            self._start_osd()

    def _write_settings(self):
        tls = (f" ssl_endpoint=127.0.0.1:{self._state['tls_port']} ssl_certificate={self.tls_pem}"
               if self.tls_pem else "")
        self.settings.write_text(SETTINGS.format(
            **self._state, home=self.home, tls=tls, triplet=f"{os.uname().machine}-linux-gnu",
            objectstore="bluestore" if self.is_kept else "memstore"))

    def _mon_address(self):
        return f"v2:127.0.0.1:{self._state['mon_port']}/0"

    def _start_mon(self):
        self._spawn("mon", "ceph-mon", "-f", "-i", "a", "--public-addr", self._mon_address())

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
