"""A private OpenStack Swift with its S3 API: one server of each kind, on 127.0.0.1 only.

Another code than Ceph's, and stricter: region and service of a signature, headers that are not signed,
the order of parts.
"""

import os
import pwd
import shutil
import subprocess
import urllib.error
import urllib.request

from . import process
from .errors import StackError
from .object_store import ObjectStoreServer, S3Access
from .users import ServerUser

CLUSTER = """\
[swift-hash]
swift_hash_path_suffix = s
swift_hash_path_prefix = p
[storage-policy:0]
name = gold
default = yes
"""
COMMON = """\
[DEFAULT]
swift_dir = {home}/etc
user = {user}
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
log_level = WARNING
log_statsd_host =
devices = {home}/srv
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
recon_cache_path = {home}/cache
"""
STORAGE = """\
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
"""
# s3api stands before tempauth; slo makes multipart work, symlink versioning. The cache is one that
# is never there.
GATEWAY = """\
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth copy slo \
versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
set log_level = CRITICAL
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
user_test2_tester2 = testing2 .admin
[filter:s3api]
use = egg:swift#s3api
location = {region}
s3_acl = false
check_bucket_owner = false
max_upload_part_num = 10000
storage_domain = localhost
[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000
[filter:copy]
use = egg:swift#copy
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
"""
# What three runs of swift-ring-builder would do.
MAKE_RINGS = """\
import sys
from swift.common.ring import RingBuilder
for name, port in zip(("object", "container", "account"), map(int, sys.argv[1:])):
    builder = RingBuilder(4, 1, 0)
    builder.add_dev({"region": 1, "zone": 1, "device": "d1", "weight": 1.0, "meta": "",
                     "ip": "127.0.0.1", "port": port,
                     "replication_ip": "127.0.0.1", "replication_port": port})
    builder.rebalance()
    builder.get_ring().save(f"etc/{name}.ring.gz")
"""


class Swift(ObjectStoreServer):
    """`home` must be on a file system with extended attributes. A region of "auto" makes it demand
    signatures as Cloudflare R2 does."""

    parts = ("object", "container", "account", "proxy")

    def __init__(self, home, region="us-east-1"):
        super().__init__(home)
        self.region = region
        self.user = ServerUser("swift", home)
        self.ports = {}

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.ports['proxy']}"

    @property
    def access(self):
        """The colon in the key's name must be encoded in presigned URLs."""
        return S3Access(self.endpoint, self.region, "test:tester", "testing")

    def add_user(self, number):
        """The second one of two."""
        return S3Access(self.endpoint, self.region, f"test{number}:tester{number}", f"testing{number}")

    def start(self):
        """Returns once every server answers, with what was stored before gone."""
        try:
            self._create()
            for name in self.parts[:-1]:
                self._spawn(name)
            self.start_gateway()
        except BaseException:
            self.stop()
            raise

    def start_gateway(self):
        self._spawn("proxy")
        for name in self.parts:
            process.wait_for_start(self.pid(name), lambda: self._answers(name), 60,
                                   f"swift-{name}-server", [self.logs / f"{name}.log"])

    def _create(self):
        shutil.rmtree(self.home / "srv", ignore_errors=True)
        self.user.own(self.home)
        for name in ("etc", "run", "logs", "srv", "srv/d1", "cache"):
            self.user.own(self.home / name)
        self.ports = {name: process.free_port() for name in self.parts}
        user = self.user.name if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        etc = self.home / "etc"
        (etc / "swift.conf").write_text(CLUSTER)
        for name, port in self.ports.items():
            text = COMMON + (GATEWAY if name == "proxy" else STORAGE)
            (etc / f"{name}-server.conf").write_text(text.format(
                home=self.home, user=user, port=port, name=name, region=self.region))
        self._make_rings()

    def _make_rings(self):
        done = subprocess.run(
            [*self.user.prefix(), "/usr/bin/python3", "-c", MAKE_RINGS,
             *(str(self.ports[name]) for name in self.parts[:-1])],
            capture_output=True, text=True, cwd=self.home)
        if done.returncode != 0:
            raise StackError(f"Swift's rings could not be made:\n{done.stderr}")

    def _spawn(self, name):
        config = self.home / "etc" / f"{name}-server.conf"
        process.spawn([*self.user.prefix(), f"/usr/bin/swift-{name}-server", str(config), "-v"],
                      self.pid_file(name), self.logs / f"{name}.log", cwd=self.home)

    def _answers(self, name):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}/healthcheck", timeout=5)
        except urllib.error.HTTPError:
            return True
        except urllib.error.URLError:
            return False
        return True
