"""An account that sends too much is told to come again; others do not notice."""

import re
import threading
import time

import pytest

from doubles.whatsapp_webhook import WhatsAppWebhook, envelope, text_message
from site_under_test import Site

BURST = 20


@pytest.fixture
def limited(own_stack):
    return own_stack({"server.webhook_rate": 5, "server.webhook_burst": BURST})


def send(site, webhook=None):
    webhook = webhook or site.webhook
    return webhook.post(envelope(site.phone_number_id, [text_message()]))


class Flood(threading.Thread):
    def __init__(self, site, stopping):
        super().__init__(daemon=True)
        self.site, self.stopping = site, stopping
        self.webhook = WhatsAppWebhook(site.webhook.url, site.webhook.app_secret)
        self.answers = []

    def run(self):
        while not self.stopping.is_set():
            self.answers.append(send(self.site, self.webhook))


def test_a_flood_of_one_account_does_not_delay_another(limited, graph):
    wild, quiet = Site(limited, graph), Site(limited, graph)
    stopping = threading.Event()
    began = time.monotonic()
    floods = [Flood(wild, stopping) for _ in range(4)]
    for flood in floods:
        flood.start()
    try:
        answers, times = [], []
        while len(answers) < BURST or not all(
                any(answer.status_code == 429 for answer in flood.answers) for flood in floods):
            if len(answers) < BURST:
                sent = time.monotonic()
                answers.append(send(quiet).status_code)
                times.append(time.monotonic() - sent)
            assert time.monotonic() - began < 30
    finally:
        stopping.set()
        for flood in floods:
            flood.join()
    took = time.monotonic() - began
    assert answers == [200] * BURST
    assert max(times) < 2
    flooded = [answer for flood in floods for answer in flood.answers]
    assert {answer.status_code for answer in flooded} == {200, 429}
    assert all(int(answer.headers["Retry-After"]) >= 1
               for answer in flooded if answer.status_code == 429)
    taken = sum(answer.status_code == 200 for answer in flooded)
    assert BURST <= taken <= BURST + 5 * took + 1
    assert wild.count("deliveries") == taken
    refused = len(flooded) - taken
    metrics = limited.indexer.get("/metrics")[1].decode()
    [counted] = re.findall(r'media_webhook_requests_total\{outcome="limited",'
                           r'provider="whatsapp"\} (\d+)', metrics)
    assert int(counted) == refused
    told = limited.indexer.log.read_text().count('"event":"deliveries_limited"')
    assert 1 <= told <= 1 + took / 10


def test_who_can_not_sign_uses_up_nobodys_budget(limited, graph):
    site = Site(limited, graph)
    stranger = WhatsAppWebhook(site.webhook.url, "0" * 32)
    assert {send(site, stranger).status_code for _ in range(3 * BURST)} == {401}
    assert {send(site).status_code for _ in range(BURST)} == {200}
