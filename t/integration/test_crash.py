"""kill -9 at any moment: what was acknowledged is there afterwards, once, with the right bytes."""

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

from doubles.whatsapp_webhook import WhatsAppWebhook, envelope
from site_under_test import APP_SECRET, Site, photo
from stack.process import wait_until
from test_lifecycle import temporary_files

DELIVERIES = 500
KILLS = 25


class Killer(threading.Thread):
    """Kills and restarts the indexer, at least `kills` times and until it is told to stop."""

    def __init__(self, stack, seed):
        super().__init__()
        self.stack = stack
        self.chance = random.Random(seed)
        self.kills = 0
        self.enough = threading.Event()
        self.failure = None

    def run(self):
        try:
            while not self.enough.is_set():
                time.sleep(self.chance.uniform(0.05, 0.8))
                os.kill(self.stack.indexer.pid(), signal.SIGKILL)
                self.stack.indexer.stop(signal.SIGKILL)
                self.kills += 1
                self.stack.indexer.start()
        except Exception as error:
            self.failure = error


@pytest.mark.crash
@pytest.mark.timeout(300)
@pytest.mark.log_noise("postgres", "connection to client lost|unexpected EOF|could not (send|receive)")
def test_nothing_acknowledged_is_lost_when_the_indexer_is_killed(own_stack, graph, record_property):
    seed = int(os.environ.get("MEDIA_CRASH_SEED", time.time()))
    print(f"MEDIA_CRASH_SEED={seed}")
    stack = own_stack({"fetch.lease_seconds": 2, "fetch.max_attempts": 50})
    site = Site(stack, graph)
    # A tenth of the photos are the same, so that deduplication is killed as well.
    twins = [photo(30_000) for _ in range(5)]
    contents = [twins[i // 10 % 5] if i % 10 == 0 else photo(30_000) for i in range(DELIVERIES)]
    messages = [site.offer(content) for content in contents]
    acknowledged = []

    def deliver(message):
        sender = WhatsAppWebhook(site.webhook.url, APP_SECRET)
        sender.deliver(envelope(site.phone_number_id, [message]), seconds=120)
        acknowledged.append(message["id"])

    killer = Killer(stack, seed)
    killer.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(deliver, messages))
        wait_until(lambda: killer.kills >= KILLS or killer.failure, 120, "enough kills")
    killer.enough.set()
    killer.join()
    assert killer.failure is None
    assert len(acknowledged) == DELIVERIES

    wait_until(lambda: site.count("media_files", "download_status = 'completed'") == DELIVERIES,
               90, "everything acknowledged to be completed")
    assert site.count("deliveries") == site.count("messages") == DELIVERIES
    assert site.count("jobs") == 0

    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {site.token}"
        for message, content in zip(messages, contents):
            [item] = site.items(message["id"])
            answer = session.get(stack.url + item["file_url"], timeout=20)
            assert answer.status_code == 200 and answer.content == content
    distinct = {hashlib.sha256(content).hexdigest() for content in contents}
    stored = Counter(hashlib.sha256(path.read_bytes()).hexdigest()
                     for path in site.stored_files())
    assert site.count("blobs") == len(distinct)
    assert temporary_files(stack) == []
    assert stored == Counter(distinct)
    record_property("kills", killer.kills)
