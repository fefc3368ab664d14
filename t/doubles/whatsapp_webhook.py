"""WhatsApp's webhook side: payloads as Meta writes them, signed and delivered."""

import base64
import hashlib
import hmac
import itertools
import json
import time
import uuid

import requests

_numbers = itertools.count(1)


def message_id():
    return "wamid." + base64.b64encode(f"{uuid.uuid4()}{next(_numbers)}".encode()).decode()


def media_message(kind, media_id, mime_type, content=None, **fields):
    """One entry of messages[]; `content` gives the digest that Meta announces in base64."""
    media = {"mime_type": mime_type, "id": media_id}
    if content is not None:
        media["sha256"] = base64.b64encode(hashlib.sha256(content).digest()).decode()
    own = {key: fields.pop(key) for key in ("id", "from", "timestamp") if key in fields}
    return {"from": "447700900123", "id": message_id(), "timestamp": str(int(time.time())),
            "type": kind, kind: media | fields} | own


def text_message(text="Hello"):
    return {"from": "447700900123", "id": message_id(), "timestamp": str(int(time.time())),
            "type": "text", "text": {"body": text}}


def envelope(phone_number_id, messages, value=None):
    return {"object": "whatsapp_business_account", "entry": [{
        "id": "102030405060708",
        "changes": [{"field": "messages", "value": {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550100200",
                         "phone_number_id": phone_number_id},
            "contacts": [{"profile": {"name": "Ada Tester"}, "wa_id": "447700900123"}],
            "messages": messages} | (value or {})}]}]}


def to_wire(payload):
    """Meta escapes everything beyond ASCII and signs that."""
    return json.dumps(payload, ensure_ascii=True, separators=(",", ":")).encode()


def signature(app_secret, body):
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


class WhatsAppWebhook:
    """Delivers to one webhook URL like Meta does; `post` once, `deliver` until it is taken."""

    def __init__(self, url, app_secret):
        self.url = url
        self.app_secret = app_secret
        self.session = requests.Session()

    def post(self, payload, headers=None, timeout=10):
        body = payload if isinstance(payload, bytes) else to_wire(payload)
        signed = {"Content-Type": "application/json", "User-Agent": "facebookexternalua",
                  "X-Hub-Signature-256": signature(self.app_secret, body)}
        return self.session.post(self.url, data=body, headers=signed | (headers or {}),
                                 timeout=timeout)

    def deliver(self, payload, seconds=60):
        """Repeats at once, then with growing gaps, until the answer is 200."""
        body = to_wire(payload)
        deadline, gap = time.monotonic() + seconds, 0
        while True:
            try:
                if self.post(body, timeout=5).status_code == 200:
                    return
            except requests.RequestException:
                self.session.close()
            if time.monotonic() > deadline:
                raise TimeoutError(f"not acknowledged within {seconds} s")
            time.sleep(gap)
            gap = min(0.5, gap * 2 + 0.02)

    def handshake(self, verify_token, challenge="1158201444", mode="subscribe"):
        return self.session.get(self.url, timeout=10, params={
            "hub.mode": mode, "hub.challenge": challenge, "hub.verify_token": verify_token})
