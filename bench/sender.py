"""Signs WhatsApp deliveries beforehand and posts them over kept connections."""

import base64
import http.client
import threading
import time
from queue import Empty, SimpleQueue

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


class Sender:
    def __init__(self, port, connections=4):
        self.port = port
        self.connections = connections
        self.latencies = []

    def send(self, prepared):
        """Posts everything; returns when all of it was answered 200."""
        queue = SimpleQueue()
        for delivery in prepared:
            queue.put(delivery)
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
                body, headers = queue.get_nowait()
                begin = time.monotonic()
                connection.request("POST", f"/webhooks/whatsapp/{NUMBER}", body, headers)
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
