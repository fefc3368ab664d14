"""Doubles of Discord: what it sends to an application's URL, a bridge, the CDN and the API."""

import hashlib
import itertools
import json
import os
import secrets
import time
from dataclasses import dataclass, field

import requests
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .background import BackgroundServer
from .standard_webhook import sign as sign_standard_webhook

API_HOST = "discord-api.localhost"
CDN_HOST = "discord-cdn.localhost"
HOSTS = (API_HOST, CDN_HOST)
GONE = "This content is no longer available."

EPOCH = 1420070400000  # 2015-01-01
_ids = itertools.count((int(time.time() * 1000) - EPOCH << 22)
                       | int.from_bytes(os.urandom(2), "big"))


def snowflake():
    return str(next(_ids))


def message(attachments, **fields):
    return {"id": snowflake(), "type": 0, "channel_id": "1012345678900020080",
            "author": {"id": "234567890123456789", "username": "ada", "bot": False},
            "content": "look",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000000+00:00", time.gmtime()),
            "edited_timestamp": None, "attachments": attachments, "embeds": [], "flags": 0} | fields


def dispatch(d, t="MESSAGE_CREATE"):
    return {"op": 0, "s": 42, "t": t, "d": d}


def event(data, kind="GAME_DIRECT_MESSAGE_CREATE"):
    return {"version": 1, "application_id": "1234560123453231555", "type": 1,
            "event": {"type": kind, "timestamp": "2026-11-21T08:33:20.000000", "data": data}}


def interaction(kind=2, **fields):
    return {"id": snowflake(), "application_id": "1234560123453231555", "token": "ThisIsAToken",
            "type": kind, "version": 1} | fields


class DiscordWebhook:
    """Posts to an application's URL, signed as Discord does; `key` may also be a bridge's."""

    def __init__(self, url, key=None):
        self.url = url
        self.key = key or Ed25519PrivateKey.generate()

    @property
    def public_key(self):
        return self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def post(self, payload, headers=None):
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        timestamp = str(int(time.time()))
        signed = {"Content-Type": "application/json", "X-Signature-Timestamp": timestamp,
                  "X-Signature-Ed25519": self.key.sign(timestamp.encode() + body).hex()}
        signed |= headers or {}
        return requests.post(self.url, data=body, timeout=3,
                             headers={k: v for k, v in signed.items() if v is not None})

    def post_as_bridge(self, payload, secret):
        """The recommended bridge: Standard Webhooks, the message's id."""
        body, timestamp = json.dumps(payload).encode(), str(int(time.time()))
        message_id = payload["d"]["id"]
        return requests.post(self.url, data=body, timeout=3, headers={
            "Content-Type": "application/json", "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": sign_standard_webhook(secret, message_id, timestamp, body)})

    def wrong_signatures(self, payload):
        """Headers that Discord sends to find out who does not look."""
        body, timestamp = json.dumps(payload).encode(), str(int(time.time()))
        good = self.key.sign(timestamp.encode() + body).hex()
        other = good[:-2] + f"{int(good[-2:], 16) ^ 1:02x}"
        stranger = Ed25519PrivateKey.generate().sign(timestamp.encode() + body).hex()
        return [{"X-Signature-Ed25519": value, "X-Signature-Timestamp": timestamp} for value in
                (stranger, "zz" + good[2:], good[:64], "", None, other)] + [
            {"X-Signature-Ed25519": good, "X-Signature-Timestamp": str(int(timestamp) + 1)},
            {"X-Signature-Ed25519": good, "X-Signature-Timestamp": None}]


@dataclass
class Attachment:
    content: bytes
    mime_type: str
    name: str
    channel: str
    is_deleted: bool = False
    faults: list = field(default_factory=list)  # statuses of the CDN, in order


class Discord:
    """The CDN, whose URLs expire, and the two ways of the API to get fresh ones."""

    def __init__(self, bot_token="test-bot-token", authority=None):
        self.bot_token = bot_token
        self.attachments = {}
        self.messages = {}
        self.requests = []
        self.leaks = []
        self.refresh_status = 200
        self._key = secrets.token_bytes(16)
        self.scheme = "https" if authority else "http"
        application = web.Application()
        application.router.add_post("/api/v10/attachments/refresh-urls", self._refresh)
        application.router.add_get("/api/v10/channels/{channel}/messages/{message}", self._message)
        application.router.add_get("/attachments/{channel}/{id}/{name}", self._download)
        application.router.add_get("/ephemeral-attachments/{channel}/{id}/{name}", self._download)
        self._server = BackgroundServer(
            application, authority.server_context if authority else None)
        self.port = self._server.port

    def close(self):
        self._server.close()

    def settings(self):
        return {"providers.discord.api_url": f"{self.scheme}://{API_HOST}:{self.port}",
                "providers.discord.media_hosts": [f"{CDN_HOST}:{self.port}"]}

    def add(self, content, mime_type="image/jpeg", name="photo.jpg", channel="1012345678900020080",
            lifetime=86400, **fields):
        """Uploads a file; the attachment object of a message."""
        attachment_id = snowflake()
        self.attachments[attachment_id] = Attachment(content, mime_type, name, channel)
        return {"id": attachment_id, "filename": name, "size": len(content),
                "url": self.url(attachment_id, lifetime),
                "proxy_url": "https://media.discordapp.net/x", "content_type": mime_type} | fields

    def url(self, attachment_id, lifetime=86400):
        attachment = self.attachments[attachment_id]
        now = int(time.time())
        ex, issued = f"{now + lifetime:x}", f"{now:x}"
        return (f"{self.scheme}://{CDN_HOST}:{self.port}/attachments/{attachment.channel}/"
                f"{attachment_id}/{attachment.name}?ex={ex}&is={issued}&hm={self._mac(attachment_id, ex)}&")

    def _mac(self, attachment_id, ex):
        return hashlib.sha256(self._key + attachment_id.encode() + ex.encode()).hexdigest()

    def _note(self, request):
        self.requests.append((request.method, request.host.partition(":")[0], request.path))

    def _refusal(self, request):
        self._note(request)
        if not request.headers.get("User-Agent", "").startswith("DiscordBot ("):
            return web.Response(status=403, text="<html>blocked</html>", content_type="text/html")
        if request.headers.get("Authorization") != f"Bot {self.bot_token}":
            return web.json_response({"message": "401: Unauthorized", "code": 0}, status=401)
        return None

    async def _refresh(self, request):
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        if self.refresh_status == 429:
            self.refresh_status = 200
            return web.json_response({"message": "You are being rate limited.", "retry_after": 0.5,
                                      "global": False}, status=429, headers={"Retry-After": "1"})
        if self.refresh_status != 200:
            return web.json_response({"message": "404: Not Found", "code": 0},
                                     status=self.refresh_status)
        urls = (await request.json())["attachment_urls"]
        if len(urls) > 50:
            return web.json_response({"code": 50035}, status=400)
        fresh = []
        for url in urls:
            attachment_id = url.split("/")[5]
            attachment = self.attachments.get(attachment_id)
            fresh.append({"original": url, "refreshed": self.url(attachment_id)
                          if attachment and not attachment.is_deleted else None})
        return web.json_response({"refreshed_urls": fresh})

    async def _message(self, request):
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        found = self.messages.get((request.match_info["channel"], request.match_info["message"]))
        if not found:
            return web.json_response({"message": "Unknown Message", "code": 10008}, status=404)
        fresh = [a | {"url": self.url(a["id"])} for a in found["attachments"]]
        return web.json_response(found | {"attachments": fresh})

    async def _download(self, request):
        self._note(request)
        if "Authorization" in request.headers:
            self.leaks.append(request.path)
        attachment_id, ex = request.match_info["id"], request.query.get("ex", "0")
        attachment = self.attachments.get(attachment_id)
        if attachment and attachment.faults:
            return web.Response(status=attachment.faults.pop(0))
        if (attachment is None or attachment.is_deleted or int(ex, 16) < time.time()
                or request.query.get("hm") != self._mac(attachment_id, ex)):
            return web.Response(status=404, text=GONE)
        return web.Response(body=attachment.content, content_type=attachment.mime_type)
