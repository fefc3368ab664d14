"""Doubles of Twilio: the driver that calls webhooks, the API that has the media, and its CDN.

The API redirects to the CDN with a signed URL; the CDN answers 400 to who brings a credential
along, as S3 and CloudFront do.
"""

import base64
import hashlib
import hmac
import itertools
import os
import random
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

import requests
from aiohttp import web

from .background import BackgroundServer

API_HOST = "twilio-api.localhost"
CDN_HOST = "mms-cdn.localhost"
FOREIGN_HOST = "elsewhere.localhost"
HOSTS = (API_HOST, CDN_HOST)

_numbers = itertools.count(int.from_bytes(os.urandom(6), "big"))


def new_sid(prefix):
    return f"{prefix}{next(_numbers):032x}"


def sign(auth_token, url, fields=()):
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.digest(auth_token.encode(), text.encode(), hashlib.sha1)).decode()


class TwilioWebhook:
    """Calls a webhook as Twilio does. `public_url` is what was entered at Twilio and is signed."""

    def __init__(self, url, public_url, account_sid, auth_token):
        self.url = url
        self.public_url = public_url
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.texts_sent = []

    def fields(self, media=(), channel="", **more):
        sid = new_sid("MM" if media else "SM")
        fields = {"MessageSid": sid, "SmsSid": sid, "SmsMessageSid": sid,
                  "AccountSid": self.account_sid, "From": channel + "+14017122661",
                  "To": channel + "+15558675310", "Body": "", "NumMedia": str(len(media)),
                  "NumSegments": "1", "SmsStatus": "received", "ApiVersion": "2010-04-01",
                  "FromCity": "SAN FRANCISCO", "ToState": ""}
        for index, (url, mime_type) in enumerate(media):
            fields[f"MediaUrl{index}"] = url
            fields[f"MediaContentType{index}"] = mime_type
        return fields | more

    def post(self, fields, query="", headers=None, signed_url=None):
        pairs = list(fields.items()) if isinstance(fields, dict) else list(fields)
        random.shuffle(pairs)
        signature = sign(self.auth_token, signed_url or self.public_url + query, pairs)
        answer = requests.post(
            self.url + query, data=urlencode(pairs), timeout=15, headers={
                "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
                "X-Twilio-Signature": signature, "I-Twilio-Idempotency-Token": secrets.token_hex(8),
                "User-Agent": "TwilioProxy/1.1"} | (headers or {}))
        if answer.headers.get("Content-Type", "").startswith("text/plain"):
            self.texts_sent.append(answer.text)
        return answer

    def get(self, fields, headers=None):
        """Of a number that is configured for HTTP GET."""
        query = "?" + urlencode(list(fields.items()))
        signature = sign(self.auth_token, self.public_url + query)
        return requests.get(self.url + query, timeout=15,
                            headers={"X-Twilio-Signature": signature} | (headers or {}))

    def post_json(self, body):
        query = "?bodySHA256=" + hashlib.sha256(body).hexdigest()
        return requests.post(self.url + query, data=body, timeout=15, headers={
            "Content-Type": "application/json",
            "X-Twilio-Signature": sign(self.auth_token, self.public_url + query)})


@dataclass
class Media:
    content: bytes
    mime_type: str
    account_sid: str
    redirect_status: int = 302
    faults: list = field(default_factory=list)  # of the API, in order: a status or a mode
    cdn_faults: list = field(default_factory=list)  # of the CDN: a status


class TwilioApi:
    """`GET /2010-04-01/Accounts/AC/Messages/MM/Media/ME` and the CDN behind it.

    Modes beside statuses: "direct" (bytes without a redirect), "loop", "foreign", "loopback",
    "nowhere" (no Location).
    """

    def __init__(self, authority=None, link_lifetime=4 * 3600):
        self.tokens = {}  # auth token by AccountSid
        self.media = {}
        self.requests = []
        self.leaks = []
        self.deleted = []
        self.link_lifetime = link_lifetime
        self._links = {}
        self.scheme = "https" if authority else "http"
        application = web.Application()
        application.router.add_route("*", "/{tail:.*}", self._dispatch)
        self._server = BackgroundServer(
            application, authority.server_context if authority else None)
        self.port = self._server.port

    def close(self):
        self._server.close()

    def settings(self):
        return {"providers.twilio.api_url": f"{self.scheme}://{API_HOST}:{self.port}",
                "providers.twilio.media_hosts": [f"{API_HOST}:{self.port}"],
                "providers.twilio.redirect_hosts": [f"{CDN_HOST}:{self.port}"]}

    def add_media(self, account_sid, content, mime_type="image/jpeg", **options):
        """The URL and type that a webhook announces."""
        path = (f"/2010-04-01/Accounts/{account_sid}/Messages/{new_sid('MM')}"
                f"/Media/{new_sid('ME')}")
        self.media[path] = Media(content, mime_type, account_sid, **options)
        return f"{self.scheme}://{API_HOST}:{self.port}{path}", mime_type

    def requests_for(self, url, host=API_HOST):
        return [entry for entry in self.requests if url.endswith(entry[2]) and entry[1] == host]

    async def _dispatch(self, request):
        host = request.host.partition(":")[0]
        self.requests.append((request.method, host, request.path, dict(request.headers)))
        if host == CDN_HOST:
            return self._cdn(request)
        if host == API_HOST:
            return self._api(request)
        if "Authorization" in request.headers:
            self.leaks.append((host, request.path))
        return web.Response(status=404)

    def _api(self, request):
        path = request.path.removesuffix(".json")
        media = self.media.get(path)
        account_sid = path.split("/")[3] if path.count("/") >= 3 else ""
        expected = f"{account_sid}:{self.tokens.get(account_sid)}".encode()
        if request.headers.get("Authorization") != "Basic " + base64.b64encode(expected).decode():
            return rest_error(401, 20003, "Authenticate", {
                "WWW-Authenticate": 'Basic realm="Twilio API"'})
        if media is None:
            return rest_error(404, 20404, f"The requested resource {path} was not found")
        if request.method == "DELETE":
            del self.media[path]
            self.deleted.append(path)
            return web.Response(status=204)
        fault = media.faults.pop(0) if media.faults else None
        if isinstance(fault, int):
            headers = {"Retry-After": "1"} if fault in (429, 503) else {}
            return rest_error(fault, 20000 + fault, "as ordered", headers)
        if fault == "direct":
            return web.Response(body=media.content, content_type=media.mime_type)
        token = secrets.token_hex(16)
        self._links[token] = (media, time.time() + self.link_lifetime)
        target = (f"{self.scheme}://{CDN_HOST}:{self.port}/{account_sid}/{token}"
                  f"?Expires={int(time.time() + self.link_lifetime)}&Signature=s&Key-Pair-Id=K")
        target = {"loop": str(request.url), "nowhere": None,
                  "foreign": target.replace(CDN_HOST, FOREIGN_HOST),
                  "loopback": target.replace(CDN_HOST, "127.0.0.1")}.get(fault, target)
        return web.Response(status=media.redirect_status,
                            headers={"Location": target} if target else {})

    def _cdn(self, request):
        if "Authorization" in request.headers:
            self.leaks.append((CDN_HOST, request.path))
            return xml(400, "<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism "
                            "allowed</Message></Error>")
        media, until = self._links.get(request.path.rpartition("/")[2], (None, 0))
        if media is None or until < time.time():
            return xml(403, "<Error><Code>AccessDenied</Code><Message>Request has expired"
                            "</Message></Error>")
        if media.cdn_faults:
            return xml(media.cdn_faults.pop(0), "<Error><Code>AccessDenied</Code></Error>")
        return web.Response(body=media.content, content_type=media.mime_type, headers={
            "ETag": '"abc"', "Content-Disposition": 'inline; filename="picture"'})


def xml(status, text, headers=None):
    return web.Response(status=status, text="<?xml version='1.0' encoding='UTF-8'?>\n" + text,
                        content_type="application/xml", headers=headers)


def rest_error(status, code, message, headers=None):
    return xml(status, f"<TwilioResponse><RestException><Code>{code}</Code><Message>{message}"
                       f"</Message><Status>{status}</Status></RestException></TwilioResponse>",
               headers)
