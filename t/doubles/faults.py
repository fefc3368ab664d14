"""What a provider's media API can do instead of its duty.

A `Script` holds, for one media id, the behaviours of the coming requests: each
is played as often as it was scheduled, then things are well again.
"""

from collections import deque
from dataclasses import dataclass, field

ALWAYS = -1

# GET /v24.0/{media id}
RESOLVE_MODES = {
    "token_expired": "401 with code 190",
    "token_expired_400": "400 with code 190: the status is not to be relied on",
    "not_found": "400 with code 100, subcode 33",
    "rate_limited": "429 with code 80007 and Retry-After: 1",
    "rate_limited_400": "400 with code 80007",
    "app_limited": "400 with code 4",
    "server_error": "500 with code 131000",
    "unavailable": "503 with code 2",
    "html": "200 with an HTML page",
    "broken_json": "200 with half a document",
    "no_url": "200 without the member url",
    "size_as_text": "file_size is a string",
    "no_size": "no file_size",
    "no_digest": "no sha256",
    "base64_digest": "sha256 in base64",
    "wrong_digest": "sha256 of something else",
    "wrong_size": "file_size is one byte too many",
    "huge_size": "file_size far over every limit",
    "foreign_host": "url on a host that is not the provider's",
    "plain_http": "url without TLS",
    "file_url": "url with the scheme file:",
    "loopback_address": "url on 127.0.0.1",
    "already_expired": "url whose ext is in the past, which then answers 404",
}

# GET /whatsapp_business/attachments/
DOWNLOAD_MODES = {
    "expired": "404 as for an URL past its time",
    "not_found_then": "404 for a URL that will work later",
    "gone": "410",
    "forbidden": "403",
    "unauthorized": "401 with a small HTML body",
    "html": "200 with a login page",
    "html_as_media": "200 with a login page that calls itself media",
    "json": "200 with an error in JSON",
    "xml": "200 with an error in XML",
    "server_error": "500",
    "unavailable": "503 with Retry-After: 1",
    "rate_limited": "429 with Retry-After: 1",
    "redirect": "302 to the CDN, which must not see the credential",
    "redirect_relative": "302 with a relative Location on the same host",
    "redirect_foreign": "302 to a host that is not the provider's",
    "redirect_loopback": "302 to 127.0.0.1",
    "redirect_http": "302 to http:",
    "redirect_file": "302 to file:///etc/passwd",
    "redirect_ftp": "302 to ftp: on the CDN",
    "redirect_gopher": "302 to gopher: on the CDN",
    "redirect_user": "302 to the CDN with a user name in the URL",
    "redirect_decimal": "302 to 127.0.0.1, written as one number",
    "redirect_loop": "302 to itself, for ever",
    "redirect_nowhere": "302 without Location",
    "truncated": "connection closed before Content-Length is reached",
    "short": "a complete answer that is shorter than file_size",
    "wrong_content": "other bytes of the same length",
    "empty": "200 without a body",
    "octet_stream": "Content-Type: application/octet-stream",
    "no_type": "no Content-Type",
    "chunked": "no Content-Length",
    "broken_chunk": "a chunk whose length is no number",
    "gzip": "Content-Encoding: gzip whatever was asked",
    "deflate": "Content-Encoding: deflate whatever was asked",
    "br": "Content-Encoding: br whatever was asked",
    "reset": "connection reset in the middle",
    "stall": "half of the body, then silence",
    "drip": "a few bytes at a time",
    "crawl": "a few bytes at a time, for a minute",
    "endless": "a chunked body without end",
    "lying_length": "Content-Length of one gigabyte for a small file",
}


@dataclass
class Script:
    """Behaviours of one media id, in order."""

    resolve: deque = field(default_factory=deque)
    download: deque = field(default_factory=deque)

    def schedule(self, step, mode, times=1):
        modes = {"resolve": RESOLVE_MODES, "download": DOWNLOAD_MODES}[step]
        if mode not in modes:
            raise ValueError(f"no such {step} mode: {mode}")
        getattr(self, step).append([mode, times])

    def clear(self):
        """From now on everything is well."""
        self.resolve.clear()
        self.download.clear()

    def next(self, step):
        """The mode that the coming request meets, or None."""
        queue = getattr(self, step)
        if not queue:
            return None
        mode, left = queue[0]
        if left != ALWAYS:
            queue[0][1] = left - 1
            if left == 1:
                queue.popleft()
        return mode
