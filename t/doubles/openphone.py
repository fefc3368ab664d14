"""Doubles of OpenPhone and Quo: both kinds of webhook, the storage of media, the API of calls."""

import base64
import hashlib
import hmac
import itertools
import json
import os
import time

import requests
from aiohttp import web

from .background import BackgroundServer
from .standard_webhook import sign as sign_standard_webhook

API_HOST = "openphone-api.localhost"
STORAGE_HOST = "openphone-storage.localhost"
HOSTS = (API_HOST, STORAGE_HOST)

_numbers = itertools.count(int.from_bytes(os.urandom(5), "big"))


def new_id(prefix):
    return f"{prefix}{next(_numbers):032x}"


def now_text():
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


def legacy_event(kind, **members):
    """The envelope of webhooks made in the app (v3)."""
    resource = {"id": new_id("AC"), "object": kind.partition(".")[0], "from": "+15550100777",
                "to": "+15550100200", "direction": "incoming", "media": [], "status": "received",
                "createdAt": now_text(), "userId": "USsample01", "phoneNumberId": "PNsample01",
                "conversationId": "CNsample0001"} | members
    return {"id": new_id("EV"), "object": "event", "apiVersion": "v3", "createdAt": now_text(),
            "type": kind, "data": {"object": resource}}


def quo_event(kind, **members):
    """The envelope of API version 2026-03-30."""
    resource = {"id": new_id("AC"), "direction": "incoming", "createdAt": now_text()} | members
    context = {"orgId": "OR123", "phoneNumberId": "PN123", "conversationId": "CN123",
               "userId": "US123", "senderIdentifier": "+15550100777",
               "recipientIdentifiers": ["+15550100200"]}
    return {"id": new_id("EV"), "apiVersion": "2026-03-30", "createdAt": now_text(), "type": kind,
            "data": {"resource": resource, "context": context, "links": {"quo": None}}}


def compact(payload):
    return payload if isinstance(payload, bytes) else json.dumps(
        payload, separators=(",", ":"), ensure_ascii=False).encode()


class OpenPhoneWebhook:
    def __init__(self, url, signing_key=None, secret=None):
        self.url = url
        self.signing_key = signing_key
        self.secret = secret

    def legacy_signature(self, body, timestamp=None):
        timestamp = str(int((timestamp or time.time()) * 1000))
        mac = hmac.new(base64.b64decode(self.signing_key), f"{timestamp}.".encode() + body,
                       hashlib.sha256)
        return f"hmac;1;{timestamp};" + base64.b64encode(mac.digest()).decode()

    def post(self, payload, headers=None, timestamp=None):
        """Signed as of old."""
        body = compact(payload)
        signed = {"Content-Type": "application/json",
                  "openphone-signature": self.legacy_signature(body, timestamp)}
        return requests.post(self.url, data=body, headers=signed | (headers or {}), timeout=10)

    def post_standard(self, payload, message_id=None, secret=None):
        """Signed as Quo does."""
        body, timestamp = compact(payload), str(int(time.time()))
        message_id = message_id or new_id("msg_")
        return requests.post(self.url, data=body, timeout=10, headers={
            "Content-Type": "application/json", "webhook-id": message_id,
            "webhook-timestamp": timestamp, "webhook-signature": sign_standard_webhook(
                secret or self.secret, message_id, timestamp, body)})


class OpenPhone:
    """Storage without credentials, whose URLs may be over, and the API that knows new ones."""

    def __init__(self, api_key="test-openphone-key", authority=None):
        self.api_key = api_key
        self.files = {}
        self.calls = {}  # what the API answers as `data`, by path
        self.expired = set()
        self.requests = []
        self.leaks = []
        self.scheme = "https" if authority else "http"
        application = web.Application()
        application.router.add_get("/{tail:.*}", self._dispatch)
        self._server = BackgroundServer(
            application, authority.server_context if authority else None)
        self.port = self._server.port

    def close(self):
        self._server.close()

    def settings(self):
        return {key: value for name in ("openphone", "quo") for key, value in {
            f"providers.{name}.api_url": f"{self.scheme}://{API_HOST}:{self.port}",
            f"providers.{name}.media_hosts": [f"{STORAGE_HOST}:{self.port}"]}.items()}

    def add(self, content, mime_type="image/jpeg"):
        """Puts a file into the storage under a name without extension; its URL."""
        path = "/opstatics/" + new_id("")
        self.files[path] = (content, mime_type)
        return f"{self.scheme}://{STORAGE_HOST}:{self.port}{path}"

    def expire(self, url):
        self.expired.add("/" + url.split("/", 3)[3])

    async def _dispatch(self, request):
        host = request.host.partition(":")[0]
        self.requests.append((host, request.path))
        if host == API_HOST:
            return self._api(request)
        if "Authorization" in request.headers:
            self.leaks.append(request.path)
        if request.path in self.expired:
            return web.Response(status=403, text="<?xml version='1.0'?><Error><Code>ExpiredToken"
                                "</Code></Error>", content_type="application/xml")
        content, mime_type = self.files.get(request.path, (None, None))
        if content is None:
            return web.Response(status=404)
        headers = {"Content-Disposition": "attachment"}
        if mime_type:
            headers["Content-Type"] = mime_type
        return web.Response(body=content, headers=headers)

    def _api(self, request):
        if request.headers.get("Authorization") != self.api_key:
            return web.json_response({"message": "Unauthorized", "code": "0200401"}, status=401)
        data = self.calls.get(request.path_qs)
        if data is None:
            return web.json_response({"message": "Not Found"}, status=404)
        return web.json_response({"data": data})
