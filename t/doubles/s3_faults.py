"""Between a client and an object store: passes everything on, and does what the store does not.

A test schedules faults with `fault(name, ...)`; each is played as often as it was scheduled, by the requests
that it is meant for, in the order of scheduling. `requests` tells what was asked.
"""

import asyncio
import re
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from urllib.parse import unquote

import aiohttp
from aiohttp import web
from yarl import URL

from .background import BackgroundServer

ALWAYS = -1

FAULTS = {
    # Answers that the store does not give; it never sees the request.
    "slow_down": "503 SlowDown with Retry-After: `seconds`",
    "unavailable": "503 ServiceUnavailable with Retry-After: `seconds`",
    "bare_unavailable": "503 of a load balancer: HTML, no Retry-After",
    "too_many": "429 TooManyRequests with Retry-After: `seconds`",
    "server_error": "500 InternalError",
    "timeout": "400 RequestTimeout",
    "error_in_200": "200, white space, and then <Error> InternalError",
    "cut_200": "200, white space, and half of a document",
    "clock_skew": "403 RequestTimeTooSkewed from a clock that is `seconds` ahead",
    "other_region": "301 PermanentRedirect without Location, naming `region`",
    "wrong_region": "400 AuthorizationHeaderMalformed, naming `region`",
    "expired_token": "400 ExpiredToken",
    "access_denied": "403 AccessDenied",
    "no_such_bucket": "404 NoSuchBucket",
    "no_such_upload": "404 NoSuchUpload",
    "not_implemented": "501 NotImplemented",
    "reset": "the connection is reset before anything is read",
    "reset_upload": "the connection is reset in the middle of the request's body",
    "silence": "no answer until the client goes",
    # What may happen to the store's own answer.
    "lost_answer": "the store does the work; then the connection is reset",
    "late": "the store does the work; its answer comes `seconds` later",
    "late_error": "the store does the work; the answer is 500 InternalError",
    "late_error_in_200": "the store does the work; the answer is 200 with <Error>",
    "cut_body": "the connection is closed in the middle of the answer's body",
    "stall_body": "half of the answer's body, then silence",
    "corrupt_body": "one bit of the answer's body is wrong",
    "short_size": "Content-Length of an answer to HEAD is one byte too small",
}

ERRORS = {
    "slow_down": (503, "SlowDown"),
    "unavailable": (503, "ServiceUnavailable"),
    "too_many": (429, "TooManyRequests"),
    "server_error": (500, "InternalError"),
    "late_error": (500, "InternalError"),
    "timeout": (400, "RequestTimeout"),
    "error_in_200": (200, "InternalError"),
    "late_error_in_200": (200, "InternalError"),
    "clock_skew": (403, "RequestTimeTooSkewed"),
    "other_region": (301, "PermanentRedirect"),
    "wrong_region": (400, "AuthorizationHeaderMalformed"),
    "expired_token": (400, "ExpiredToken"),
    "access_denied": (403, "AccessDenied"),
    "no_such_bucket": (404, "NoSuchBucket"),
    "no_such_upload": (404, "NoSuchUpload"),
    "not_implemented": (501, "NotImplemented"),
}
WITH_RETRY_AFTER = ("slow_down", "unavailable", "too_many")
NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "expect"}
AUTOMATIC = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


@dataclass
class Request:
    """One that came; times by the monotonic clock. `status` is None where no answer was given."""

    method: str
    path: str
    query: dict
    headers: dict
    began: float
    ended: float = None
    status: int = None
    fault: str = None

    @property
    def key(self):
        """Of path style requests: what follows the bucket."""
        return unquote(self.path).partition("/")[2].partition("/")[2]


@dataclass
class Fault:
    name: str
    times: int
    method: str = None
    path: str = None
    query: str = None
    after: int = 0
    seconds: float = 1
    region: str = "elsewhere-1"
    hit: int = field(default=0, init=False)

    def is_meant_for(self, request):
        """Counts what matches: the first `after` of them are spared."""
        if self.times == 0 or self.method not in (None, request.method):
            return False
        if self.path is not None and not re.search(self.path, unquote(request.path)):
            return False
        if self.query is not None and self.query not in request.query:
            return False
        self.hit += 1
        if self.hit <= self.after:
            return False
        if self.times != ALWAYS:
            self.times -= 1
        return True


class S3Faults:
    """In front of the store at `upstream`; clients use `endpoint` with path style URLs."""

    def __init__(self, upstream):
        self._upstream = upstream
        self._session = None
        self._in_flight = 0
        self.clear()
        application = web.Application(client_max_size=1 << 40)
        application.router.add_route("*", "/{any:.*}", self._handle)
        application.on_cleanup.append(self._close_session)
        self._server = BackgroundServer(application)
        self.endpoint = f"http://127.0.0.1:{self._server.port}"

    def close(self):
        self._server.close()

    # What tests say and ask.

    def fault(self, name, times=1, **options):
        """Only for requests of `method`, whose decoded path matches the pattern `path`, which have
        the parameter `query`, and which are not among the first `after` of these."""
        if name not in FAULTS:
            raise ValueError(f"no such fault: {name}")
        fault = Fault(name, times, **options)
        self._faults.append(fault)
        return fault

    def clear(self):
        """From now on everything is well, and nothing was asked."""
        self._faults = []
        self.requests = []
        self.busiest = 0

    def asked(self, method=None, query=None):
        """The requests of that method with that parameter, in the order in which they came."""
        return [request for request in self.requests
                if method in (None, request.method) and (query is None or query in request.query)]

    # Serving.

    async def _handle(self, raw):
        request = Request(raw.method, raw.raw_path.partition("?")[0], dict(raw.rel_url.query),
                          {name.lower(): value for name, value in raw.headers.items()},
                          time.monotonic())
        self.requests.append(request)
        fault = next((each for each in self._faults if each.is_meant_for(request)), None)
        request.fault = fault and fault.name
        self._in_flight += 1
        self.busiest = max(self.busiest, self._in_flight)
        try:
            answer = await self._answer(raw, fault)
            request.status = answer.status
            return answer
        finally:
            self._in_flight -= 1
            request.ended = time.monotonic()

    async def _answer(self, raw, fault):
        name = fault and fault.name
        if name in ("reset", "reset_upload", "silence"):
            return await self._say_nothing(raw, name)
        if name == "bare_unavailable":
            return await self._refuse(raw, web.Response(
                status=503, text="<html>Service Unavailable</html>", content_type="text/html"))
        if name == "cut_200":
            return await self._refuse(raw, web.Response(
                text='\n  <?xml version="1.0"?><CompleteMultipartUploadResult><Locat',
                content_type="application/xml"))
        if name in ERRORS and not name.startswith("late"):
            return await self._refuse(raw, error_answer(fault, raw))
        return await self._pass_on(raw, fault)

    async def _say_nothing(self, raw, name):
        if name == "silence":
            while raw.transport and not raw.transport.is_closing():
                await asyncio.sleep(0.02)
        elif name == "reset_upload":
            await raw.content.readexactly(int(raw.headers.get("Content-Length", 0)) // 2)
        abort(raw)

    async def _refuse(self, raw, answer):
        """Reads all first, as servers do that want to be heard."""
        async for _ in raw.content.iter_any():
            pass
        return answer

    async def _pass_on(self, raw, fault):
        if self._session is None:
            self._session = aiohttp.ClientSession(
                auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None),
                connector=aiohttp.TCPConnector(limit=0))
        headers = [(name, value) for name, value in raw.headers.items()
                   if name.lower() not in NOT_PASSED_ON]
        body = raw.content if raw.body_exists else None
        # As it came: any other spelling would not fit the signature.
        url = URL(self._upstream + raw.raw_path, encoded=True)
        try:
            async with self._session.request(raw.method, url, headers=headers, data=body,
                                             skip_auto_headers=AUTOMATIC,
                                             allow_redirects=False) as answer:
                return await self._pass_back(raw, answer, fault)
        except aiohttp.ClientError:
            # Where the store is away, so are we.
            abort(raw)

    async def _pass_back(self, raw, answer, fault):
        name = fault and fault.name
        if name in ("lost_answer", "late_error", "late_error_in_200", "late", "corrupt_body"):
            await answer.read()
        if name == "lost_answer":
            abort(raw)
        if name in ERRORS:
            return error_answer(fault, raw)
        if name == "late":
            await asyncio.sleep(fault.seconds)
        return await self._copy(raw, answer, name)

    async def _copy(self, raw, answer, name):
        size = int(answer.headers.get("Content-Length", 0))
        headers = [(key, value) for key, value in answer.headers.items()
                   if key.lower() not in NOT_PASSED_ON]
        if name == "short_size":
            headers = [(key, str(size - 1) if key.lower() == "content-length" else value)
                       for key, value in headers]
        copy = web.StreamResponse(status=answer.status, reason=answer.reason)
        copy.headers.extend(headers)
        await copy.prepare(raw)
        if raw.method != "HEAD" and name in ("cut_body", "stall_body"):
            await copy.write(await answer.content.readexactly(size // 2))
            if name == "stall_body":
                return await self._say_nothing(raw, "silence")
            raw.transport.close()
            raise asyncio.CancelledError
        if name == "corrupt_body":
            body = bytearray(await answer.read())
            if body:
                body[len(body) // 2] ^= 1
            await copy.write(body)
        elif raw.method != "HEAD":
            async for chunk in answer.content.iter_chunked(1 << 16):
                await copy.write(chunk)
        await copy.write_eof()
        return copy

    async def _close_session(self, _application):
        if self._session:
            await self._session.close()


def abort(raw):
    if raw.transport:
        raw.transport.abort()
    raise asyncio.CancelledError


def error_answer(fault, raw):
    status, code = ERRORS[fault.name]
    headers = {"x-amz-request-id": "tx000000000000000000001"}
    if fault.name in WITH_RETRY_AFTER:
        headers["Retry-After"] = f"{fault.seconds:g}"
    if fault.name == "clock_skew":
        ahead = datetime.now(timezone.utc) + timedelta(seconds=fault.seconds)
        headers["Date"] = format_datetime(ahead, usegmt=True)
    region = ""
    if status == 301 or fault.name == "wrong_region":
        headers["x-amz-bucket-region"] = fault.region
        region = f"<Region>{fault.region}</Region>"
    # White space keeps a connection open while the real server works.
    text = (("\n   " if status == 200 else "") + '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{code}</Code><Message>As the test wants it.</Message>{region}"
            "<RequestId>tx000000000000000000001</RequestId></Error>")
    body = None if raw.method == "HEAD" else text.encode()
    return web.Response(status=status, body=body, headers=headers, content_type="application/xml")
