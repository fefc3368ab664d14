"""Requests of every kind for a pair of twins: systematic products, and random mixtures of a seed."""

import itertools
import random

from twins import Request, request

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "MKCOL",
           "PROPFIND", "LOCK", "BREW", "get", "Get", "G", "GET_", "GET-", "X" * 40]
CONNECTIONS = [[], [("Connection", "close")], [("Connection", "keep-alive")],
               [("Connection", "Upgrade"), ("Upgrade", "h2c")]]
BODIES = [([], b""),
          ([("Content-Length", "0")], b""),
          ([("Content-Length", "5")], b"hello"),
          ([("Content-Length", "70000")], b"x" * 70000),
          ([("Transfer-Encoding", "chunked")], b"5\r\nhello\r\n0\r\n\r\n"),
          ([("Transfer-Encoding", "chunked")], b"5;a=b\r\nhello\r\n1\r\n \r\n0\r\nTrailer: x\r\n\r\n"),
          ([("Transfer-Encoding", "chunked")], b"zz\r\n"),
          ([("Transfer-Encoding", "identity")], b""),
          ([("Content-Length", "5"), ("Transfer-Encoding", "chunked")], b"0\r\n\r\n"),
          ([("Content-Length", "5"), ("Content-Length", "5")], b"hello"),
          ([("Content-Length", "-1")], b""),
          ([("Content-Length", "99999999999999999999")], b"")]
# nginx resets a connection after 412; what is still on its way then takes the answer with it.
SMALL_BODIES = [(headers, body) for headers, body in BODIES if len(body) < 1000]

LONG_AGO = "Thu, 01 Jan 1970 00:00:00 GMT"
FAR_AHEAD = "Fri, 01 Jan 2100 00:00:00 GMT"
DATES = [None, "@DATE@", LONG_AGO, FAR_AHEAD, "Sunday, 06-Nov-94 08:49:37 GMT",
         "Sun Nov  6 08:49:37 1994", "yesterday", ""]
TAGS = [None, "@ETAG@", "W/@ETAG@", '"other"', '"other", @ETAG@', 'W/"other" , W/@ETAG@,', "*", "",
        "@ETAG@@ETAG@", "unquoted", '"', ","]
IF_RANGES = [None, "@ETAG@", "W/@ETAG@", '"other"', "@DATE@", LONG_AGO, FAR_AHEAD, "nonsense", "",
             '"', '"@ETAG@"']
ENCODINGS = [None, "gzip", "gzip, deflate, br", "gzip;q=0", "gzip;q=0.5", "identity", "*", "br",
             "deflate", ""]

HUGE = ["9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616",
        "9" * 40]


def ranges(size):
    """Values of Range for a file of this size."""
    last = size - 1
    single = ["0-0", "0-", "-1", "1-2", "5-1", "-0", f"-{size}", f"-{size + 1}", "-99999999",
              f"{last}-", f"{last}-{last}", f"{size}-", f"{size}-{size}", f"0-{last}", f"0-{size}",
              "0-99999999", f"{size // 2}-", f"{size // 2}-{size // 2 + 99}", "00-0007", "100-199"]
    single += [form.format(number) for number in HUGE for form in ("{}-", "0-{}", "-{}")]
    several = ["0-0,2-2", "0-9,10-19,20-29", "0-9, 5-14", "-5,0-4", "0-0,99999999-",
               "99999999-,99999998-", "1-0,0-0", "0-0,1-0", "0-,0-", "-1,-1", "0-0 , 2-2", "0-0,,2-2",
               f"0-{last},0-0", f"{last}-,0-0", "0-0,-0", "0-1,2-", "4-5,2-3,0-1",
               ",".join(f"{i}-{i}" for i in range(0, 60, 2)), ",".join(["0-"] * 10),
               ",".join(["0-0"] * 200), ",".join(["-1"] * 50)]
    malformed = ["", "-", ",", "0-0,", ",0-0", "a-b", "0-a", "0", "0-0-0", "--1", "-1-", " 0-0",
                 "0 - 0", "0- 0 ", "0-0 x", "0x0-0x1", "+0-0", "-+1", "0-0;1-1", "1.5-2", "0-\t0"]
    units = ["BYTES=0-0", "Bytes=0-0", "items=0-0", "bytes 0-0", "bytes:0-0", "bytes", "=0-0", "0-0",
             "none", "bytes =0-0", "byte=0-0", "bytesx=0-0", "bytes=bytes=0-0"]
    return [f"bytes={value}" for value in single + several + malformed] + units


def of_methods():
    """Every method with every kind of body, under both versions."""
    for method, (headers, body), version in itertools.product(METHODS, BODIES, ("1.1", "1.0")):
        yield request(method, headers, body, version)


def of_connections():
    for method, connection, version in itertools.product(
            ("GET", "HEAD", "POST", "BREW"), CONNECTIONS, ("1.1", "1.0")):
        yield request(method, connection, version=version)


def of_ranges(size):
    """Every range, alone and under every If-Range."""
    for method, value, condition in itertools.product(("GET", "HEAD"), ranges(size), IF_RANGES):
        if method == "HEAD" and condition not in IF_RANGES[:2]:
            continue
        yield request(method, [("Range", value)] + named("If-Range", condition))


def of_conditions():
    """All combinations of tags and dates, without the rarest of them."""
    for match, none_match, unmodified, modified in itertools.product(
            TAGS[:8], TAGS[:8], DATES[:4], DATES[:4]):
        yield request("GET", conditions(match, none_match, unmodified, modified))


def of_rare_conditions():
    names = {"If-Match": TAGS, "If-None-Match": TAGS, "If-Unmodified-Since": DATES,
             "If-Modified-Since": DATES}
    for name, values in names.items():
        for method, value in itertools.product(("GET", "HEAD", "POST"), values):
            yield request(method, named(name, value))


def named(name, value):
    return [] if value is None else [(name, value)]


def conditions(match, none_match, unmodified, modified):
    return (named("If-Match", match) + named("If-None-Match", none_match) +
            named("If-Unmodified-Since", unmodified) + named("If-Modified-Since", modified))


ODD_HEADERS = [
    ("Range", "bytes=0-0"), ("range", "bytes=1-1"), ("RANGE", "bytes=0-0,2-2"),
    ("If-None-Match", "@ETAG@"), ("if-none-match", '"other"'), ("If-Range", "@ETAG@"),
    ("If-Modified-Since", "@DATE@"), ("Accept", "text/html"), ("Accept", ""),
    ("X-Empty", ""), ("X-Long", "y" * 900), ("X-Longer", "y" * 7000), ("Too-Long", "y" * 9000),
    ("X_Underscore", "1"), ("X-Nul", "a\0b"), ("X-Bytes", "\xff\xfe"), ("X Space", "1"), ("", "none"),
    ("Via", "1.1 proxy"), ("Accept-Encoding", "gzip"), ("Expect", "100-continue"),
    ("Expect", "nonsense"), ("Cache-Control", "no-cache"), ("Pragma", "no-cache"),
    ("Cookie", "a=b; c"), ("Cookie", "x=" + "1" * 3000), ("Host", "another"), ("TE", "trailers"),
    ("Transfer-Encoding", "gzip, chunked"), ("Upgrade", "websocket"), ("X-Forwarded-For", "1.2.3.4"),
    ("User-Agent", "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)"), ("Keep-Alive", "timeout=5"),
    ("X-HTTP-Method-Override", "DELETE"), ("Depth", "1"), ("If", "(<token>)"), ("Want-Digest", "sha-256")]

TARGETS = ["@TARGET@", "@TARGET@?", "@TARGET@?a=b&c", "@TARGET@?" + "q" * 2000, "@TARGET@#fragment",
           "http://localhost@TARGET@", "http://another:81@TARGET@?x", "HTTP://localhost@TARGET@",
           "/.@TARGET@", "/x/..@TARGET@", "/@TARGET@", "//x/..@TARGET@", "/%2e%2e/..@TARGET@"]


def of_odd_headers():
    for method, header in itertools.product(("GET", "HEAD", "POST"), ODD_HEADERS):
        yield request(method, [header])
    for first, second in itertools.product(ODD_HEADERS[:12], repeat=2):
        yield request("GET", [first, second])


def of_targets():
    for method, target, version in itertools.product(("GET", "HEAD", "PUT"), TARGETS, ("1.1", "1.0")):
        yield request(method, target=target, version=version)


OWN_HEADERS = b"Host: localhost\r\nAuthorization: Bearer @TOKEN@\r\n"


def of_odd_lines():
    """What only bytes can say: versions, ends of lines, folding, control characters."""
    for line in (b"GET @TARGET@ HTTP/1.2", b"GET @TARGET@ HTTP/2.0", b"GET @TARGET@ HTTP/1.10",
                 b"GET @TARGET@ HTTP/01.1", b"GET @TARGET@ http/1.1", b"GET @TARGET@ HTTP/1.",
                 b"GET  @TARGET@  HTTP/1.1", b"GET @TARGET@ HTTP/1.1 ", b"GET\t@TARGET@ HTTP/1.1",
                 b" GET @TARGET@ HTTP/1.1", b"\r\nGET @TARGET@ HTTP/1.1", b"\n\nHEAD @TARGET@ HTTP/1.1",
                 b"GET @TARGET@\0 HTTP/1.1", b"GET @TARGET@ x HTTP/1.1", b"GET @TARGET@ FTP/1.1",
                 b"GET x@TARGET@ HTTP/1.1", b"GET @TARGET@%00 HTTP/1.1", b"GET @TARGET@%zz HTTP/1.1",
                 b"GET @TARGET@\x7f HTTP/1.1", b"GET @TARGET@?\x01 HTTP/1.1"):
        method = "HEAD" if b"HEAD" in line else "GET"
        yield Request(method, line + b"\r\n" + OWN_HEADERS + b"\r\n")
        yield Request(method, line + b"\n" + OWN_HEADERS.replace(b"\r", b"") + b"\n")
    for header in (b"Range: bytes=0-0\r\n ,2-2\r\n", b" Range: bytes=0-0\r\n", b"Range : bytes=0-0\r\n",
                   b"Range:bytes=0-0\r\n", b"Range:\tbytes=0-0\t\r\n", b"Range:   bytes=0-0   \r\n",
                   b"Range: bytes=0-0\n", b"Range: bytes=0-0\r\r\n", b"Range\r\n", b":\r\n", b"\0: a\r\n",
                   b"Range: bytes=0-0\0\r\n", b"Host: again\r\n", b"X-Many: y\r\n" * 300,
                   b"Connection: close, keep-alive\r\n", b"Connection: CLOSE\r\n"):
        yield Request("GET", b"GET @TARGET@ HTTP/1.1\r\n" + OWN_HEADERS + header + b"\r\n")
    yield Request("GET", b"GET @TARGET@ HTTP/1.1\r\nAuthorization: Bearer @TOKEN@\r\n\r\n")
    yield Request("GET", b"GET @TARGET@ HTTP/1.0\r\nAuthorization: Bearer @TOKEN@\r\n\r\n")


def mixture(chance, size):
    """One request of anything, mostly sane, as `chance` has it."""
    pick = chance.choice
    rarely = [None] * 4
    headers = (named("Range", pick(rarely + ranges(size))) +
               named("If-Range", pick(rarely + IF_RANGES)) +
               conditions(*(pick([None] * 12 + values) for values in (TAGS, TAGS, DATES, DATES))) +
               named("Accept-Encoding", pick(ENCODINGS)) +
               pick(CONNECTIONS[:1] * 8 + CONNECTIONS))
    if chance.random() < 0.2:
        headers.append(pick(ODD_HEADERS))
    more, body = pick(BODIES[:1] * 6 + SMALL_BODIES)
    chance.shuffle(headers)
    return request(pick(["GET"] * 12 + ["HEAD"] * 4 + METHODS), headers + more, body,
                   pick(["1.1"] * 5 + ["1.0"]), pick(["@TARGET@"] * 6 + TARGETS))


def mixtures(seed, count, size):
    chance = random.Random(seed)
    return [mixture(chance, size) for _ in range(count)]


def of_pipelines(seed, count, size):
    """Requests after which the connection is kept."""
    chance = random.Random(seed)
    tags = [value for value in TAGS if value]
    for _ in range(count):
        headers = (named("Range", chance.choice([None, *ranges(size)])) +
                   named("If-None-Match", chance.choice([None, None, *tags])) +
                   named("Accept-Encoding", chance.choice(ENCODINGS)))
        more, body = chance.choice(BODIES[:3] + BODIES[4:6])
        yield request(chance.choice(["GET", "GET", "HEAD", "POST", "BREW"]), headers + more, body)


def of_http2(seed, count, size, may_fail=True):
    """(method, headers, body) without what HTTP/2 has no place for, and without 412 if they may not
    fail."""
    chance = random.Random(seed)
    pick = chance.choice
    rarely = [None] * 3
    for _ in range(count):
        headers = (named("Range", pick(rarely + ranges(size))) +
                   named("If-Range", pick(rarely + IF_RANGES)) +
                   conditions(*(pick([None] * 9 + values) for values in
                                (TAGS * may_fail, TAGS, DATES * may_fail, DATES))) +
                   named("Accept-Encoding", pick(ENCODINGS)))
        yield (pick(["GET"] * 8 + ["HEAD"] * 3 + ["POST", "PUT", "BREW", "OPTIONS"]),
               [(name, value.strip()) for name, value in headers], pick([b"", b"", b"hello"]))
