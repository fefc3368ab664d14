"""Signs deliveries beforehand and posts them over kept connections."""

import base64
import http.client
import json
import threading
import time
from queue import Empty, SimpleQueue

from doubles.standard_webhook import event, sign
from doubles.whatsapp_webhook import envelope, signature, to_wire

APP_SECRET = "bench-app-secret"
NUMBER = "109876543210987"


def deliveries(offers, kind="image"):
    """(body, headers) of one delivery for each offer."""
    for offer in offers:
        message = {"from": "447700900123", "id": f"wamid.bench.{offer.media_id}",
                   "timestamp": str(int(time.time())), "type": kind,
                   kind: {"mime_type": "image/jpeg", "id": offer.media_id,
                          "sha256": base64.b64encode(offer.sha256).decode()}}
        body = to_wire(envelope(NUMBER, [message]))
        yield body, {"Content-Type": "application/json",
                     "X-Hub-Signature-256": signature(APP_SECRET, body)}


def generic_deliveries(urls, secret, items=10):
    """The same for media by URL, this many in a message."""
    for first in range(0, len(urls), items):
        media = [{"url": url, "mime_type": "image/jpeg"} for url in urls[first:first + items]]
        body, now = json.dumps(event(media)).encode(), str(int(time.time()))
        name = f"msg_{first}_{now}"
        yield body, {"Content-Type": "application/json", "webhook-id": name,
                     "webhook-timestamp": now, "webhook-signature": sign(secret, name, now, body)}


class Sender:
    """Sends as fast as answers come, or, with a rate, when each is due whatever became of others."""

    def __init__(self, port, connections=4, path=f"/webhooks/whatsapp/{NUMBER}", rate=None):
        self.port = port
        self.path = path
        self.rate = rate
        self.due = []
        self.connections = connections
        self.latencies = []

    def send(self, prepared):
        """Posts everything; returns when all of it was answered 200."""
        queue, begin = SimpleQueue(), time.monotonic()
        for number, delivery in enumerate(prepared):
            self.due.append(begin + number / self.rate if self.rate else begin)
            queue.put((self.due[-1], *delivery))
        failures = []
        threads = [threading.Thread(target=self._run, args=(queue, failures))
                   for _ in range(self.connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise RuntimeError(f"a delivery failed: {failures[0]}")

    def _run(self, queue, failures):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            while True:
                due, body, headers = queue.get_nowait()
                time.sleep(max(0, due - time.monotonic()))
                begin = due if self.rate else time.monotonic()
                connection.request("POST", self.path, body, headers)
                answer = connection.getresponse()
                text = answer.read()
                self.latencies.append(time.monotonic() - begin)
                if answer.status != 200:
                    raise RuntimeError(f"{answer.status} {text[:200]}")
        except Empty:
            pass
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()
