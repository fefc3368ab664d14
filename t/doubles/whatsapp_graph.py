"""Double of WhatsApp's Graph API and of the host that hands out the media.

Step 1 `GET /v24.0/{media id}` on the Graph host answers a short-lived URL; step 2 fetches that URL
on the media host with the same Bearer token. Tests add media and schedule faults (see faults.py) on
a `WhatsAppGraph`; as a program it takes the same through POST /_double/media and /_double/fault.
"""

import asyncio
import base64
import gzip
import hashlib
import itertools
import secrets
import socket
import struct
import time
import zlib
from dataclasses import dataclass

from aiohttp import web

from .background import BackgroundServer
from .faults import ALWAYS, Script

GRAPH_HOST = "graph.localhost"
MEDIA_HOST = "lookaside.localhost"
CDN_HOST = "cdn.localhost"
FOREIGN_HOST = "elsewhere.localhost"
HOSTS = (GRAPH_HOST, MEDIA_HOST, CDN_HOST, FOREIGN_HOST, "localhost")

LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Log in</title></head><body>Log in</body></html>"
JSON_ERROR = b'{"error":{"message":"An unknown error has occurred","code":1}}'
XML_ERROR = (b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code>'
             b'<Message>Access Denied</Message></Error>')
ATTACHMENTS = "/whatsapp_business/attachments/"


@dataclass
class Media:
    content: bytes
    mime_type: str
    phone_number_id: str
    sha256: str
    script: Script


@dataclass
class Seen:
    """One request as it arrived."""

    at: float
    host: str
    path: str
    authorized: bool
    user_agent: str
    accept_encoding: str
    query: dict


class WhatsAppGraph:
    def __init__(self, access_token="test-access-token", authority=None, port=0, url_lifetime=300):
        self.access_token = access_token
        self.url_lifetime = url_lifetime
        self.scheme = "https" if authority else "http"
        self.media = {}
        self.requests = []
        self.leaks = []
        self.refused_agents = {"", "node", "undici"}
        self._issued = {}
        self._ids = itertools.count(900_000_000_000_001)
        self._server = BackgroundServer(
            self._application(), authority.server_context if authority else None, port)
        self.port = self._server.port

    def close(self):
        self._server.close()

    def url(self, host, path=""):
        return f"{self.scheme}://{host}:{self.port}{path}"

    def settings(self):
        """What indexer.toml says to use this double as WhatsApp."""
        return {
            "providers.whatsapp.graph_url": self.url(GRAPH_HOST, "/v24.0"),
            "providers.whatsapp.media_hosts": [f"{MEDIA_HOST}:{self.port}"],
            "providers.whatsapp.redirect_hosts": [f"{CDN_HOST}:{self.port}"],
            "fetch.allow_private_addresses": True,
            "fetch.allow_plain_http": self.scheme == "http",
        }

    def add_media(self, content, mime_type="image/jpeg", phone_number_id=""):
        media_id = str(next(self._ids))
        self.media[media_id] = Media(content, mime_type, phone_number_id,
                                     hashlib.sha256(content).hexdigest(), Script())
        return media_id

    def fault(self, media_id, step, mode, times=1):
        """The next `times` requests of `step` (resolve, download) for this media misbehave."""
        self.media[media_id].script.schedule(step, mode, times)

    def requests_for(self, media_id, host=None):
        return [seen for seen in self.requests
                if (media_id in seen.path or seen.query.get("mid") == media_id)
                and host in (None, seen.host)]

    # The application.

    def _application(self):
        application = web.Application(client_max_size=256 << 20)
        application.router.add_post("/_double/media", self._control_media)
        application.router.add_post("/_double/fault", self._control_fault)
        application.router.add_get("/_double/requests", self._control_requests)
        application.router.add_route("*", "/{path:.*}", self._route)
        return application

    async def _route(self, request):
        host = request.host.partition(":")[0]
        authorization = request.headers.get("Authorization", "")
        self.requests.append(Seen(
            time.monotonic(), host, request.path, authorization == f"Bearer {self.access_token}",
            request.headers.get("User-Agent", ""), request.headers.get("Accept-Encoding", ""),
            dict(request.query)))
        if host not in (GRAPH_HOST, MEDIA_HOST) and authorization:
            self.leaks.append((host, request.path))
        if host == GRAPH_HOST and request.path.startswith("/v24.0/"):
            return self._resolve(request, request.path.removeprefix("/v24.0/"))
        if host == MEDIA_HOST and request.path == ATTACHMENTS:
            return await self._attachment(request)
        if request.path.startswith("/cdn/"):
            return await self._cdn(request)
        return web.Response(status=404, text="nothing here")

    # Step 1: media id to URL.

    def _resolve(self, request, media_id):
        if request.headers.get("Authorization") != f"Bearer {self.access_token}":
            return graph_error(401, 190, "Invalid OAuth access token", subcode=467)
        media = self.media.get(media_id)
        if not media:
            return graph_error(400, 100, f"Unsupported get request. Object with ID '{media_id}' "
                                         "does not exist", subcode=33)
        number = request.query.get("phone_number_id")
        if number and media.phone_number_id and number != media.phone_number_id:
            return graph_error(400, 100, "Invalid parameter")
        mode = media.script.next("resolve")
        failure = self._resolve_failure(mode)
        if failure is not None:
            return failure
        return web.json_response(self._description(media_id, media, mode))

    def _resolve_failure(self, mode):
        match mode:
            case "token_expired":
                return graph_error(401, 190, "Error validating access token", subcode=463)
            case "token_expired_400":
                return graph_error(400, 190, "Error validating access token", subcode=463)
            case "not_found":
                return graph_error(400, 100, "Unsupported get request", subcode=33)
            case "rate_limited":
                return graph_error(429, 80007, "Rate limit issues", retry_after="1")
            case "rate_limited_400":
                return graph_error(400, 80007, "Rate limit issues")
            case "app_limited":
                return graph_error(400, 4, "Application request limit reached")
            case "server_error":
                return graph_error(500, 131000, "Something went wrong")
            case "unavailable":
                return graph_error(503, 2, "Service temporarily unavailable", transient=True)
            case "html":
                return web.Response(body=LOGIN_PAGE, content_type="text/html")
            case "broken_json":
                return web.Response(text='{"messaging_product":"whatsapp","url":"https:',
                                    content_type="application/json")

    def _description(self, media_id, media, mode):
        lifetime = -10 if mode == "already_expired" else self.url_lifetime
        answer = {
            "messaging_product": "whatsapp",
            "url": self.issue_url(media_id, lifetime),
            "mime_type": media.mime_type,
            "sha256": media.sha256,
            "file_size": len(media.content),
            "id": media_id,
        }
        match mode:
            case "no_url" | "no_size" | "no_digest":
                del answer[{"no_url": "url", "no_size": "file_size", "no_digest": "sha256"}[mode]]
            case "size_as_text":
                answer["file_size"] = str(len(media.content))
            case "wrong_size":
                answer["file_size"] += 1
            case "huge_size":
                answer["file_size"] = 10 << 30
            case "base64_digest":
                answer["sha256"] = base64.b64encode(bytes.fromhex(media.sha256)).decode()
            case "wrong_digest":
                answer["sha256"] = hashlib.sha256(b"something else").hexdigest()
            case "foreign_host":
                answer["url"] = answer["url"].replace(MEDIA_HOST, FOREIGN_HOST)
            case "loopback_address":
                answer["url"] = answer["url"].replace(MEDIA_HOST, "127.0.0.1")
            case "plain_http":
                answer["url"] = answer["url"].replace("https://", "http://")
            case "file_url":
                answer["url"] = "file:///etc/passwd"
        return answer

    def issue_url(self, media_id, lifetime=None):
        """A new URL every time; older ones stay valid until their own `ext`."""
        token = secrets.token_urlsafe(24)
        expires = int(time.time()) + (self.url_lifetime if lifetime is None else lifetime)
        self._issued[token] = (media_id, expires)
        return self.url(MEDIA_HOST, f"{ATTACHMENTS}?mid={media_id}&ext={expires}&hash={token}")

    # Step 2: URL to bytes.

    async def _attachment(self, request):
        if request.headers.get("User-Agent", "") in self.refused_agents:
            return web.Response(body=LOGIN_PAGE, content_type="text/html")
        if request.headers.get("Authorization") != f"Bearer {self.access_token}":
            return web.Response(status=401, body=LOGIN_PAGE, content_type="text/html")
        media_id, expires = self._issued.get(request.query.get("hash"), (None, 0))
        if media_id != request.query.get("mid") or expires <= time.time():
            return web.Response(status=404)
        media = self.media[media_id]
        return await self._download(request, media_id, media, media.script.next("download"))

    async def _download(self, request, media_id, media, mode):
        statuses = {"expired": 404, "not_found_then": 404, "gone": 410, "forbidden": 403,
                    "unauthorized": 401, "server_error": 500, "unavailable": 503,
                    "rate_limited": 429}
        if mode in statuses:
            headers = {"Retry-After": "1"} if mode in ("unavailable", "rate_limited") else {}
            return web.Response(status=statuses[mode], body=LOGIN_PAGE, content_type="text/html",
                                headers=headers)
        if mode and mode.startswith("redirect"):
            return self._redirect(media_id, mode)
        return await self._send(request, media, mode)

    def _redirect(self, media_id, mode):
        target = {
            "redirect": self.url(CDN_HOST, f"/cdn/{media_id}"),
            "redirect_relative": f"/cdn/{media_id}",
            "redirect_foreign": self.url(FOREIGN_HOST, f"/cdn/{media_id}"),
            "redirect_loopback": self.url("127.0.0.1", f"/cdn/{media_id}"),
            "redirect_http": f"http://{CDN_HOST}:{self.port}/cdn/{media_id}",
            "redirect_file": "file:///etc/passwd",
            "redirect_ftp": f"ftp://{CDN_HOST}:{self.port}/cdn/{media_id}",
            "redirect_gopher": f"gopher://{CDN_HOST}:{self.port}/cdn/{media_id}",
            "redirect_user": self.url(f"user:password@{CDN_HOST}", f"/cdn/{media_id}"),
            "redirect_decimal": self.url("2130706433", f"/cdn/{media_id}"),
            "redirect_loop": self.url(CDN_HOST, f"/cdn/{media_id}/again"),
        }.get(mode)
        return web.Response(status=302, headers={"Location": target} if target else {})

    async def _cdn(self, request):
        media_id, _, rest = request.path.removeprefix("/cdn/").partition("/")
        if rest:
            return web.Response(status=302, headers={"Location": request.path})
        media = self.media.get(media_id)
        return await self._send(request, media, None) if media else web.Response(status=404)

    async def _send(self, request, media, mode):
        content = media.content
        headers = {"Content-Type": media.mime_type,
                   "Content-Disposition": "inline;filename=File.jpg"}
        match mode:
            case "html":
                content, headers["Content-Type"] = LOGIN_PAGE, "text/html; charset=utf-8"
            case "html_as_media":
                content = LOGIN_PAGE
            case "json":
                content, headers["Content-Type"] = JSON_ERROR, "application/json"
            case "xml":
                content, headers["Content-Type"] = XML_ERROR, "application/xml"
            case "short":
                content = content[:-1]
            case "wrong_content":
                content = content[:-1] + bytes([content[-1] ^ 1])
            case "empty":
                content = b""
            case "octet_stream":
                headers["Content-Type"] = "application/octet-stream"
            case "gzip":
                content, headers["Content-Encoding"] = gzip.compress(content), "gzip"
            case "deflate":
                content, headers["Content-Encoding"] = zlib.compress(content), "deflate"
            case "br":
                headers["Content-Encoding"] = "br"
        answer = web.StreamResponse(headers=headers)
        if mode == "no_type":
            answer.headers["Content-Type"] = ""
        if mode in ("chunked", "endless", "broken_chunk"):
            answer.enable_chunked_encoding()
        else:
            answer.content_length = 1 << 30 if mode == "lying_length" else len(content)
        await answer.prepare(request)
        try:
            await self._write_body(request, answer, content, mode)
        except ConnectionResetError:
            pass  # the client has seen enough
        return answer

    async def _write_body(self, request, answer, content, mode):
        half = content[:len(content) // 2]
        match mode:
            case "truncated" | "lying_length":
                await answer.write(half)
                request.transport.close()
            case "broken_chunk":
                await answer.write(half)
                request.transport.write(b"no number\r\n")
                request.transport.close()
            case "reset":
                await answer.write(half)
                reset(request.transport)
            case "stall":
                await answer.write(half)
                await wait_for_disconnect(request, 60)
            case "drip" | "crawl":
                pieces, pause = (20, 0.05) if mode == "drip" else (600, 0.1)
                step = max(1, len(content) // pieces)
                for start in range(0, len(content), step):
                    await answer.write(content[start:start + step])
                    await asyncio.sleep(pause)
            case "endless":
                while request.transport and not request.transport.is_closing():
                    await answer.write(content)
                    # A write to a lost TLS connection returns at once: let the loss be noticed.
                    await asyncio.sleep(0)
            case _:
                for start in range(0, len(content), 1 << 18):
                    await answer.write(content[start:start + (1 << 18)])

    # Control of the double when it runs as a program.

    async def _control_media(self, request):
        media_id = self.add_media(await request.read(), request.content_type,
                                  request.query.get("phone_number_id", ""))
        return web.json_response({"id": media_id})

    async def _control_fault(self, request):
        order = await request.json()
        try:
            self.fault(order["id"], order["step"], order["mode"], order.get("times", ALWAYS))
        except (KeyError, ValueError) as error:
            return web.Response(status=400, text=repr(error))
        return web.json_response({})

    async def _control_requests(self, request):
        return web.json_response({"requests": [vars(seen) for seen in self.requests],
                                  "leaks": self.leaks})


def graph_error(status, code, message, subcode=None, transient=None, retry_after=None):
    error = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code,
             "fbtrace_id": "A" + secrets.token_hex(8)}
    if subcode:
        error["error_subcode"] = subcode
    if transient is not None:
        error["is_transient"] = transient
    headers = {"Retry-After": retry_after} if retry_after else {}
    return web.json_response({"error": error}, status=status, headers=headers)


def reset(transport):
    """Closes with RST instead of FIN."""
    raw = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def wait_for_disconnect(request, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if request.transport is None or request.transport.is_closing():
            return
        await asyncio.sleep(0.05)
