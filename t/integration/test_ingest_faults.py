"""All that breaks, at random moments under deliveries of all five providers: what was acknowledged is
there afterwards, once, with the right bytes, and nothing else is.

MEDIA_FAULT_DELIVERIES sets how many there are; MEDIA_CRASH_SEED repeats the moments of a run.
"""

import contextlib
import hashlib
import os
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from doubles.background import outage
from doubles.discord import dispatch, message
from doubles.openphone import legacy_event
from doubles.standard_webhook import event
from doubles.whatsapp_webhook import envelope
from faults_under_test import FrozenDatabase
from site_under_test import Site, photo
from small_disk import SmallDisk
from stack.process import stack_processes, wait_until
from test_lifecycle import temporary_files
from test_openphone_webhook import KEY

DELIVERIES = int(os.environ.get("MEDIA_FAULT_DELIVERIES", 1000))
DELIVERIES_A_FAULT = 50
SIZE = 20_000
SENDERS = 8

SETTINGS = {"fetch.lease_seconds": 2, "fetch.max_attempts": 50, "deletion.grace_seconds": 1,
            "database.query_timeout_ms": 5000}


class Customers:
    """Offers photos at each provider; a delivery is (message id, content, what posts it)."""

    def __init__(self, site, twilio, discord, openphone, file_host):
        self.site = site
        self.twilio, self.discord, self.openphone = twilio, discord, openphone
        self.file_host = file_host
        self.twilio_hook = site.add_twilio(twilio)
        self.discord_hook = site.add_discord(bot_token=discord.bot_token)
        self.openphone_hook = site.add_openphone("openphone", signing_key=KEY,
                                                 api_key=openphone.api_key)
        self.generic_hook = site.add_generic()
        self.kinds = [self.whatsapp, self.mms, self.discord_message, self.openphone_message,
                      self.generic]

    def delivery(self, number, content):
        return self.kinds[number % len(self.kinds)](content)

    def whatsapp(self, content):
        offer = self.site.offer(content)
        payload = envelope(self.site.phone_number_id, [offer])
        # A session is not for several threads.
        return offer["id"], content, lambda: self.site.webhook.post(payload)

    def mms(self, content):
        hook = self.twilio_hook
        fields = hook.fields([self.twilio.add_media(hook.account_sid, content)])
        return fields["MessageSid"], content, lambda: hook.post(fields)

    def discord_message(self, content):
        sent = message([self.discord.add(content)])
        return sent["id"], content, lambda: self.discord_hook.post(dispatch(sent))

    def openphone_message(self, content):
        sent = legacy_event("message.received", media=[
            {"url": self.openphone.add(content), "type": "image/jpeg"}])
        return sent["data"]["object"]["id"], content, lambda: self.openphone_hook.post(sent)

    def generic(self, content):
        name = hashlib.sha256(content).hexdigest()
        sent = event([{"url": self.file_host.add(name, content, "image/jpeg")}])
        webhook_id = "msg_" + sent["data"]["id"]
        return sent["data"]["id"], content, lambda: self.generic_hook.post(sent, webhook_id)


class Faults:
    """Each method breaks something for a while and mends it."""

    def __init__(self, stack, disk, doubles, chance):
        self.stack = stack
        self.disk = disk
        self.doubles = doubles
        self.chance = chance
        self.kinds = [self.kill_indexer, self.kill_postgres, self.kill_backend, self.kill_both,
                      self.freeze_indexer, self.freeze_postgres, self.disk_full, self.read_only,
                      self.missing_mount, self.provider_outage]

    def _last(self, shortest, longest):
        time.sleep(self.chance.uniform(shortest, longest))

    def _kill_indexer(self):
        os.kill(self.stack.indexer.pid(), signal.SIGKILL)
        self.stack.indexer.stop(signal.SIGKILL)

    def _kill_postgres(self):
        self.stack.postgres.stop(signal.SIGKILL)
        wait_until(lambda: "postgres" not in stack_processes(self.stack.dir).values(), 20,
                   "the backends to follow their postmaster")
        # Where nobody collects orphans, the dead one's pid still counts as a running server.
        for lock in (self.stack.postgres.data / "postmaster.pid",
                     self.stack.postgres.socket_dir / ".s.PGSQL.5432.lock"):
            lock.unlink(missing_ok=True)

    def kill_indexer(self):
        self._kill_indexer()
        self._last(0, 0.5)
        self.stack.indexer.start()

    def kill_postgres(self):
        self._kill_postgres()
        self._last(0, 2)
        self.stack.postgres.start()

    def kill_backend(self):
        """Of Postgres, which then ends all others and recovers."""
        pid = self.stack.postgres.psql("SELECT pid FROM pg_stat_activity WHERE usename = 'media_indexer' "
                                       "ORDER BY random() LIMIT 1")
        os.kill(int(pid), signal.SIGKILL)

    def kill_both(self):
        self._kill_indexer()
        self._kill_postgres()
        if self.chance.random() < 0.5:
            self.stack.indexer.start(self.stack.indexer.is_alive)
            self._last(0, 1)
            self.stack.postgres.start()
        else:
            self.stack.postgres.start()
            self.stack.indexer.start()

    def freeze_indexer(self):
        """For longer than its leases last."""
        pid = self.stack.indexer.pid()
        os.kill(pid, signal.SIGSTOP)
        self._last(1, 4)
        os.kill(pid, signal.SIGCONT)

    def freeze_postgres(self):
        with FrozenDatabase(self.stack):
            self._last(1, 4)

    def disk_full(self):
        with self.disk.full():
            self._last(1, 3)

    def read_only(self):
        with self.disk.read_only():
            self._last(1, 3)

    def missing_mount(self):
        with self.disk.missing():
            self._last(1, 3)

    def provider_outage(self):
        with outage(self.doubles):
            self._last(2, 6)


class Onlooker(threading.Thread):
    """Looks at files and downloads media all the while: what is there must be whole."""

    def __init__(self, site, content_of, acknowledged, chance):
        super().__init__()
        self.site = site
        self.content_of = content_of
        self.digests = {hashlib.sha256(content).digest() for content in content_of.values()}
        self.acknowledged = acknowledged
        self.chance = chance
        self.enough = threading.Event()
        self.read = Counter()
        self.problems = []

    def run(self):
        while not self.enough.wait(0.02):
            with contextlib.suppress(OSError, requests.RequestException):
                self._look_at_a_file()
            with contextlib.suppress(requests.RequestException):
                self._download_one()

    def _look_at_a_file(self):
        files = self.site.stored_files()
        if files:
            path = self.chance.choice(files)
            self.read["files"] += 1
            if hashlib.sha256(path.read_bytes()).digest() not in self.digests:
                self.problems.append(f"{path} is none of the photos")

    def _download_one(self):
        if not self.acknowledged:
            return
        name = self.chance.choice(self.acknowledged)
        answer = self.site.get(f"/api/v1/messages/{requests.utils.quote(name, safe='')}/media")
        if answer.status_code != 200:
            return
        for item in answer.json()["items"]:
            if item["download_status"] == "completed":
                answer = self.site.get(item["file_url"])
                if answer.status_code == 200:
                    self.read["media"] += 1
                    if answer.content != self.content_of[name]:
                        self.problems.append(f"{item['file_url']} had other bytes")


class Senders:
    """Post what they are allowed to, each until it is acknowledged, some of it twice."""

    def __init__(self, deliveries, chance):
        self.acknowledged = []
        self._allowed = threading.Semaphore(0)
        self._again = {name for name, _, _ in deliveries if chance.random() < 0.1}
        self._pool = ThreadPoolExecutor(SENDERS)
        self._results = [self._pool.submit(self._deliver, name, post) for name, _, post in deliveries]

    def allow(self, count):
        self._allowed.release(count)

    def finish(self):
        for result in self._results:
            result.result(120)
        self._pool.shutdown()

    def cancel(self):
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._allowed.release(SENDERS)

    def _deliver(self, name, post):
        self._allowed.acquire()
        for _ in range(1 + (name in self._again)):
            wait_until(lambda: self._is_taken(post), 60, f"{name} to be acknowledged")
        self.acknowledged.append(name)

    @staticmethod
    def _is_taken(post):
        try:
            return post().status_code == 200
        except requests.RequestException:
            return False


@pytest.fixture(scope="module")
def disks():
    """Taken away when the stacks on them are stopped."""
    made = []
    yield made
    for disk in made:
        disk.remove()


def stored_media(site):
    """(message id, status, last error) of every medium of the site."""
    rows = site.stack.postgres.psql(
        "SELECT m.external_id, f.download_status, coalesce(f.last_error, '') FROM media.media_files f "
        f"JOIN media.messages m ON m.id = f.message_id WHERE f.company_id = '{site.company}'")
    return [row.split("|", 2) for row in rows.splitlines()]


@pytest.mark.crash
@pytest.mark.timeout(900)
@pytest.mark.log_noise("postgres", r"terminat|recovery|the database system|connection to client lost|"
                                   r"unexpected EOF|could not (send|receive)|statement timeout")
@pytest.mark.log_noise("indexer", r"database|connection|storage|store|queue|lease|spool|listen|claims_held")
@pytest.mark.log_noise("nginx", r"upstream|connect|database|store|open\(\)")
def test_nothing_acknowledged_is_lost_whatever_breaks(own_stack, graph, twilio, discord, openphone,
                                                      file_host, disks, tmp_path, record_property):
    seed = int(os.environ.get("MEDIA_CRASH_SEED", time.time()))
    print(f"MEDIA_CRASH_SEED={seed}")
    chance = random.Random(seed)
    stack = own_stack(SETTINGS)
    disks.append(SmallDisk(stack, DELIVERIES * SIZE * 2 + (16 << 20), tmp_path))
    spool = stack.dir / "spool"
    site = Site(stack, graph)
    customers = Customers(site, twilio, discord, openphone, file_host)
    # A tenth of the photos have the bytes of others.
    twins = [photo(SIZE) for _ in range(5)]
    deliveries = [customers.delivery(i, chance.choice(twins) if i % 10 == 0 else photo(SIZE))
                  for i in range(DELIVERIES)]
    content_of = {name: content for name, content, _ in deliveries}
    faults = Faults(stack, disks[-1], [graph, twilio, discord, openphone, file_host], chance)
    schedule = [kind for _ in range(max(1, DELIVERIES // DELIVERIES_A_FAULT // len(faults.kinds)))
                for kind in chance.sample(faults.kinds, len(faults.kinds))]

    senders = Senders(deliveries, chance)
    onlooker = Onlooker(site, content_of, senders.acknowledged, random.Random(seed))
    onlooker.start()
    try:
        for number, inflict in enumerate(schedule, 1):
            senders.allow(DELIVERIES * number // len(schedule) - DELIVERIES * (number - 1) // len(schedule))
            time.sleep(chance.uniform(0.05, 1.5))
            print(f"{time.monotonic():.1f} {inflict.__name__}")
            inflict()
        senders.finish()
        wait_until(stack.indexer.is_ready, 30, "the indexer to be ready")
        wait_until(lambda: not list(spool.glob("*.request")), 30, "the spool to be taken")
        site.retry_all_now()
        wait_until(lambda: site.count("jobs") == 0, 60, "every job to come to its end")
    finally:
        senders.cancel()
        onlooker.enough.set()
        onlooker.join()

    assert sorted(senders.acknowledged) == sorted(content_of)
    assert onlooker.problems == []
    media = stored_media(site)
    assert sorted(name for name, _, _ in media) == sorted(content_of), "each once"
    assert [one for one in media if one[1] != "completed" or one[2]] == []
    for name, content in content_of.items():
        [item] = site.items(name)
        answer = site.get(item["file_url"])
        assert answer.status_code == 200 and answer.content == content, item

    distinct = {hashlib.sha256(content).hexdigest() for content in content_of.values()}
    wait_until(lambda: temporary_files(stack) == [], 60, "the sweep of what no medium refers to")
    assert Counter(hashlib.sha256(path.read_bytes()).hexdigest()
                   for path in site.stored_files()) == Counter(distinct)
    assert site.count("blobs") == len(distinct)
    assert list(spool.rglob("*.request")) == []
    assert onlooker.read["files"] > 0 and onlooker.read["media"] > 0
    record_property("faults", len(schedule))
    # Its cache of open files still has some of the views that are gone.
    stack.stop_nginx()
    stack.start_nginx()
