"""Twins: one file, served by `media` and by nginx's own static handler with the same options.

Both are sent the same requests, and may differ in nothing but what docs/DIRECTIVES.md names.
"""

import re
from dataclasses import dataclass

from raw_http import converse

# Where both handlers are configured alike. The names are part of the URLs.
OPTIONS = {
    "plain": "",
    "open_file_cache": "open_file_cache max=100; open_file_cache_valid 60s;",
    "sendfile": "sendfile on; tcp_nopush on; sendfile_max_chunk 16k;",
    "no_sendfile": "sendfile off; read_ahead 64k;",
    "threads": "sendfile on; aio threads;",
    "threads_copy": "sendfile off; aio threads; output_buffers 2 8k;",
    "directio": "sendfile on; directio 4k; aio threads;",
    "limit_rate": "limit_rate 8m; limit_rate_after 16k;",
    "small_buffers": "sendfile off; output_buffers 3 1k; postpone_output 0;",
    "gzip": "gzip on; gzip_types image/jpeg text/plain; gzip_min_length 1; gzip_vary on; "
            "gzip_proxied any; gunzip on; gzip_static on;",
    "gzip_1_0": "gzip on; gzip_types *; gzip_http_version 1.0; chunked_transfer_encoding off;",
    "no_ranges": "max_ranges 0;",
    "one_range": "max_ranges 1;",
    "modified_before": "if_modified_since before;",
    "no_etag": "etag off;",
    "modified_off": "if_modified_since off;",
    "expires": "expires 5m;",
    "expires_epoch": "expires epoch;",
    "add_header": 'add_header X-Own "$status" always; add_header Cache-Control no-transform; '
                  'add_trailer X-Trailer "$status";',
    "no_keepalive": "keepalive_timeout 0;",
    "few_requests": "keepalive_requests 3;",
    "lingering": "lingering_close always;",
    "small_bodies": "client_max_body_size 4;",
    "limit_except": "limit_except GET { deny all; }",
    "no_symlinks": "disable_symlinks on;",
    "substitution": "sub_filter_types *; sub_filter_once off; sub_filter boat ship;",
    "charset": "charset utf-8; charset_types text/plain;",
    "slice": "slice 4k;",
    "no_tokens": "server_tokens off; msie_padding off;",
    "error_page": "error_page 405 412 416 /twin_page;",
}

# What an answer about a file that the caller may see has, and its twin has not.
SAFE = {"x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; "
                                   "img-src 'self' data:; media-src 'self'; base-uri 'none'; "
                                   "form-action 'none'",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-site",
        "vary": "Authorization, Cookie"}
CACHED = "private, max-age=3600, immutable"


def config(root):
    """The locations of all twins, for a server; /static/ is short for the plain one."""
    lines = ['location = /twin_page { return 200 "another page"; }',
             f"location /static/ {{ alias {root}/; }}"]
    for name, options in OPTIONS.items():
        lines += [f"location ~ ^/twin/{name}/media/(.+)$ {{ {options} media $1; }}",
                  f"location /twin/{name}/static/ {{ {options} alias {root}/; }}"]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Request:
    """Bytes with @TARGET@, @TOKEN@, @ETAG@ and @DATE@ in them, and the method to frame answers by."""

    method: str
    template: bytes

    def filled(self, values):
        return fill(self.template, values)


def fill(template, values):
    return re.sub(rb"@([A-Z]+)@", lambda mark: values[mark.group(1).decode()], template)


def request(method, headers=(), body=b"", version="1.1", target="@TARGET@"):
    lines = [f"{method} {target} HTTP/{version}"]
    lines += [f"{name}: {value}" for name, value in
              [("Host", "localhost"), ("Authorization", "Bearer @TOKEN@"), *headers]]
    return Request(method, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)


# After it, the connection of the request before it is known to be kept.
SENTINEL = Request("GET", b"GET /twin_page HTTP/1.1\r\nHost: localhost\r\n\r\n")


class Twin:
    """One of the two: where it is, and the validators that it announces."""

    def __init__(self, port, target, token):
        self.port = port
        self.values = {"TARGET": target.encode(), "TOKEN": token.encode()}
        answer = self.ask([request("HEAD")])[0]
        assert answer.status == 200, answer
        self.etag = "".join(answer.values("ETag"))
        self.values["ETAG"] = self.etag.encode()
        self.values["DATE"] = "".join(answer.values("Last-Modified")).encode()

    def ask(self, requests, pipelined=False):
        filled = [(one.method, one.filled(self.values)) for one in [*requests, SENTINEL]]
        return converse(self.port, filled, pipelined)[:-1]


class Twins:
    """The media twin and the static twin of one file under one set of options."""

    def __init__(self, site, item, option="plain"):
        port = site.stack.port
        name = item["file_url"].rsplit("/", 1)[1]
        self.media = Twin(port, f"/twin/{option}/media/{name}", site.token)
        self.static = Twin(port, f"/twin/{option}/static/{item['file_key']}", site.token)
        assert self.media.values["DATE"] == self.static.values["DATE"]

    def check(self, requests, pipelined=1):
        """Asserts that both answer alike, with so many requests sent at once; the media answers."""
        requests = list(requests)
        step = pipelined if pipelined > 1 else len(requests)
        answers = []
        for begin in range(0, len(requests), step):
            batch = requests[begin:begin + step]
            answers += self.compare(batch, *(twin.ask(batch, pipelined > 1)
                                             for twin in (self.media, self.static)))
        return answers

    def compare(self, requests, media_answers, static_answers):
        for one, media, static in zip(requests, media_answers, static_answers, strict=True):
            found = differences(one, media, static, self.media.etag, self.static.etag)
            assert not found, self.report(found, one, media, static)
        return media_answers

    def report(self, found, one, media, static):
        parts = ["The twins differ:", *found]
        for name, twin, answer in (("media", self.media, media), ("static", self.static, static)):
            parts += [f"--- {name} was asked", one.filled(twin.values).decode("latin-1"),
                      f"--- {name} answered", shown(answer)]
        return "\n".join(parts)


def shown(answer):
    if answer is None:
        return "(closed the connection)"
    lines = [*answer.interim, answer.status_line,
             *(f"{name}: {value}" for name, value in answer.headers), "",
             f"{len(answer.body)} bytes: {answer.body[:300]!r}",
             f"whole: {answer.is_whole}, closes the connection: {answer.closes}"]
    return "\n".join(lines)


def differences(one, media, static, media_etag, static_etag):
    if media is None or static is None:
        return [] if media is static else ["one of them closed without an answer"]
    problems = own_header_problems(one, media, static)
    left, right = comparable(media, media_etag), comparable(static, static_etag)
    left["headers"] = sorted(without_own(left["headers"]))
    right["headers"] = sorted(right["headers"])
    problems += [f"{part}: {excerpt(left[part], right[part])}"
                 for part in left if left[part] != right[part]]
    return problems


def excerpt(left, right):
    if isinstance(left, list):
        return f"{[x for x in left if x not in right]} against {[x for x in right if x not in left]}"
    return f"{left[:200]!r} against {right[:200]!r}" if isinstance(left, bytes) else f"{left} against {right}"


def comparable(answer, etag):
    """An answer without what chance and time put into it."""
    body = answer.body
    headers = []
    for name, value in answer.headers:
        known = name.lower()
        if known == "date":
            value = "now"
        elif known == "etag" and etag:
            value = value.replace(etag, "own")
        elif known == "content-type" and "boundary=" in value:
            boundary = value.rsplit("=", 1)[1]
            body = body.replace(boundary.encode(), b"BOUNDARY")
            value = value.replace(boundary, f"{len(boundary)} digits")
        elif known == "expires":
            value = re.sub(r"\d\d:\d\d:\d\d", "soon", value)
        headers.append((name, value))
    return {"status line": answer.status_line, "headers": headers, "body": body,
            "trailers": answer.trailers,
            "interim answers": answer.interim, "wholeness": answer.is_whole,
            "closing": answer.closes}


def is_the_modules(one, answer):
    """Whether the answer is the module's: what nginx refuses before has no headers of ours, and its
    filter that answers 412 drops those that are there."""
    return answer.status in (200, 206, 304, 416) or (
        answer.status == 405 and one.method not in ("TRACE", "CONNECT"))


def expected_own(one, media, static):
    """[(name, value)] that must be there, in the media answer only."""
    if not is_the_modules(one, media):
        return []
    own = list(SAFE.items())
    if not any(value.startswith(("max-age", "no-cache")) for value in static.values("Cache-Control")):
        own.append(("cache-control", "no-store" if media.status == 405 else CACHED))
    return own


def own_header_problems(one, media, static):
    problems = [f"'{name}: {value}' is {media.values(name).count(value)} times there"
                for name, value in expected_own(one, media, static)
                if media.values(name).count(value) != 1]
    dispositions = media.values("Content-Disposition")
    if media.status in (200, 206) and one.method in ("GET", "HEAD") and len(dispositions) != 1:
        problems.append(f"Content-Disposition is {dispositions}")
    return problems


def without_own(headers):
    """The headers of a media answer but for those that it has by design."""
    own = SAFE.items() | {("cache-control", CACHED), ("cache-control", "no-store")}
    return [(name, value) for name, value in headers
            if (name.lower(), value) not in own and name.lower() != "content-disposition"]
