"""A sender of Standard Webhooks (standardwebhooks.com), and a plain host of files beside it."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
import uuid

import requests
from aiohttp import web

from .background import BackgroundServer


def make_secret(raw=b"a secret of thirty-two bytes ok!"):
    return "whsec_" + base64.b64encode(raw).decode()


def sign(secret, message_id, timestamp, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def event(media, kind="message.received", **data):
    return {"type": kind, "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "data": {"id": str(uuid.uuid4()), "conversation_id": "conversation-1",
                     "from": "+15550100", "to": "+15550101", "media": media} | data}


class StandardWebhook:
    def __init__(self, url, secret):
        self.url = url
        self.secret = secret

    def post(self, payload, message_id=None, timestamp=None, prefix="webhook", headers=None):
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        message_id = message_id or f"msg_{uuid.uuid4().hex}"
        timestamp = str(int(timestamp if timestamp is not None else time.time()))
        signed = {"Content-Type": "application/json", f"{prefix}-id": message_id,
                  f"{prefix}-timestamp": timestamp,
                  f"{prefix}-signature": sign(self.secret, message_id, timestamp, body)}
        return requests.post(self.url, data=body, headers=signed | (headers or {}), timeout=10)


class FileHost:
    """Serves bytes under /files/NAME, without any credential, and says who asked."""

    def __init__(self, name="files.localhost"):
        self.name = name
        self.files = {}
        self.requests = []
        self.status = 200  # of every answer; but for 200 they are empty
        self.bytes_per_second = None
        application = web.Application()
        application.router.add_get("/files/{name}", self._serve)
        self._server = BackgroundServer(application)
        self.port = self._server.port

    def add(self, name, content, mime_type):
        self.files[name] = (content, mime_type)
        return f"http://{self.name}:{self.port}/files/{name}"

    def close(self):
        self._server.close()

    async def _serve(self, request):
        self.requests.append((request.match_info["name"], dict(request.headers)))
        content, mime_type = self.files.get(request.match_info["name"], (None, None))
        if content is None:
            return web.Response(status=404)
        if self.status != 200:
            return web.Response(status=self.status)
        if self.bytes_per_second:
            return await self._send_slowly(request, content, mime_type)
        return web.Response(body=content, content_type=mime_type)

    async def _send_slowly(self, request, content, mime_type):
        answer = web.StreamResponse(headers={"Content-Length": str(len(content)),
                                             "Content-Type": mime_type})
        await answer.prepare(request)
        piece = max(self.bytes_per_second // 10, 1)
        for at in range(0, len(content), piece):
            await answer.write(content[at:at + piece])
            await asyncio.sleep(0.1)
        return answer
