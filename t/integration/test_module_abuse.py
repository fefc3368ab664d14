"""What attackers send: forged tokens, claims that are no claims, other tenants' ids."""

import base64
import hashlib
import hmac
import json
import socket
import statistics
import time
import uuid

import pytest

from raw_http import AnswerReader, exchange, request_bytes
from site_under_test import Site, photo
from stack.process import free_port
from tokens import encode, make_token

pytestmark = pytest.mark.module

# An application behind the module: it answers with what it is told of the caller.
HTTP = """
server {
    listen 127.0.0.1:%(app)s;
    default_type application/json;
    location / {
        return 200 '{"user": "$http_x_media_user", "company": "$http_x_media_company", "role": "$http_x_media_role"}';
    }
}
"""
SERVER = """
large_client_header_buffers 4 128k;
location /app/ {
    media_authorize on;
    proxy_pass http://127.0.0.1:%(app)s;
    proxy_set_header X-Media-User $media_user;
    proxy_set_header X-Media-Company $media_company;
    proxy_set_header X-Media-Role $media_role;
}
location /page/ { add_header X-Who "$media_user|$media_company|$media_role" always; return 200 page; }
"""
SIZE = 5000


@pytest.fixture(scope="module")
def own_site(stacks, quick_settings, graph):
    values = {"app": free_port()}
    stack = stacks.start("abuse", quick_settings, SERVER % values, HTTP % values)
    yield Site(stack, graph)
    stacks.stop("abuse")


@pytest.fixture(scope="module")
def item(own_site):
    return own_site.receive_photo(photo(SIZE))


@pytest.fixture(scope="module")
def stranger(own_site, graph):
    return Site(own_site.stack, graph)


@pytest.fixture
def claims(own_site):
    now = int(time.time())
    return {"sub": own_site.user, "company": own_site.company, "role": "agent", "aud": "ngx_media",
            "iat": now, "nbf": now, "exp": now + 600}


@pytest.fixture
def send(own_site, item):
    """Sends headers with a request for the item, or for another target."""
    def ask(*headers, target=item["file_url"], method="GET"):
        return exchange(own_site.stack.port, request_bytes(method, target, headers))
    return ask


@pytest.fixture
def status_of(send):
    """The status that a token gets, which must be a clean answer."""
    def ask(token):
        answer = send(("Authorization", f"Bearer {token}"))
        assert answer.headers["x-content-type-options"] == ["nosniff"] or answer.status == 400
        return answer.status
    return ask


def signed(stack, header, payload):
    """A token of raw JSON texts, signed with the right key."""
    text = f"{encode(header.encode())}.{encode(payload.encode('utf-8', 'surrogatepass'))}"
    key = stack.jwt_key.read_text().strip().encode()
    return f"{text}.{encode(hmac.new(key, text.encode(), hashlib.sha256).digest())}"


HS256 = '{"alg":"HS256"}'


class TestForgery:
    def test_no_other_algorithm_counts(self, own_site, status_of, claims):
        key = own_site.stack.jwt_key.read_text().strip().encode()
        for alg in ("none", "None", "NONE", "nOnE", "none ", " none", "none\0", "", "null", "HS256\0",
                    "HS256 ", "Hs256", "HS-256", "SHA256", "hmac", "dir", "HS384", "HS512", "RS256", "PS256",
                    "ES256", "ES256K", "EdDSA"):
            text = f"{encode({'alg': alg})}.{encode(claims)}"
            digests = [hmac.new(key, text.encode(), name).digest() for name in
                       (hashlib.sha256, hashlib.sha384, hashlib.sha512)]
            for signature in ["", *map(encode, digests)]:
                assert status_of(f"{text}.{signature}") == 401, alg

    def test_a_key_in_the_header_is_not_believed(self, status_of, claims):
        key = b"attacker" * 4
        jwk = {"kty": "oct", "k": encode(key), "alg": "HS256"}
        for header in ({"jwk": jwk}, {"jku": "http://127.0.0.1:1/keys"}, {"x5u": "file:///etc/passwd"},
                       {"kid": "../../../../dev/null"}, {"kid": "' OR 1=1 --"}, {"x5c": ["AAAA"]}):
            assert status_of(make_token(None, claims, {"alg": "HS256"} | header, key.decode())) == 401

    @pytest.mark.parametrize("key", ["", " ", "\n", "0", "null", "secret", "a" * 64])
    def test_weak_keys_sign_nothing(self, status_of, claims, key):
        assert status_of(make_token(None, claims, key=key)) == 401

    def test_the_key_counts_without_white_space_only(self, own_site, status_of, claims):
        text = own_site.stack.jwt_key.read_text().strip()
        assert status_of(make_token(None, claims, key=text)) == 200
        assert status_of(make_token(None, claims, key=text + "\n")) == 401

    def test_every_bit_of_a_token_counts(self, own_site, send, status_of, claims):
        """But for those of the last character that base64 does not use."""
        token = make_token(own_site.stack, claims)
        assert status_of(token) == 200
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        for at in range(0, len(token) - 1):
            if token[at] == ".":
                continue
            other = alphabet[alphabet.index(token[at]) ^ 32]
            assert status_of(token[:at] + other + token[at + 1:]) == 401, at

    def test_a_token_has_one_spelling(self, own_site, status_of, claims):
        head, body, tail = make_token(own_site.stack, claims).split(".")
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        unused = alphabet[alphabet.index(tail[-1]) ^ 1]
        for token in (f"{head}.{body}.{tail}=", f"{head}.{body}.{tail[:-1]}{unused}", f"{head}.{body}.{tail}A",
                      f"{head}=.{body}.{tail}", f" .{head}.{body}.{tail}", f"{head}..{body}.{tail}",
                      f"{head}.{body}.{tail}.", f".{head}.{body}.{tail}", f"{head}.{body}.{tail}\t.",
                      f"{head}.{body}", f"{head}.{tail}", f"{body}.{head}.{tail}", f"{head}.{body}."):
            assert status_of(token) == 401, token

    def test_a_cut_token_is_no_token(self, own_site, status_of, claims):
        token = make_token(own_site.stack, claims)
        assert {status_of(token[:size]) for size in range(1, len(token), 3)} == {401}

    @pytest.mark.parametrize("alphabet", ["standard", "padded"])
    def test_another_base64_is_refused(self, own_site, status_of, claims, alphabet):
        claims["note"] = "\xff\xfe>>>???" * 4
        encoder = base64.b64encode if alphabet == "standard" else base64.urlsafe_b64encode
        parts = [encoder(json.dumps(part).encode()).decode() for part in ({"alg": "HS256"}, claims)]
        key = own_site.stack.jwt_key.read_text().strip().encode()
        mac = encoder(hmac.new(key, ".".join(parts).encode(), hashlib.sha256).digest()).decode()
        assert status_of(".".join([*parts, mac])) == 401


class TestSizes:
    def sizes(self, own_site, claims):
        """{size of a good token: token}, around 8 KiB."""
        tokens = (make_token(own_site.stack, claims | {"pad": "x" * pad}) for pad in range(5600, 6000))
        return {len(token): token for token in tokens}

    def test_a_token_has_at_most_8_kib(self, own_site, status_of, claims):
        tokens = self.sizes(own_site, claims)
        good = max(size for size in tokens if size <= 8192)
        large = min(size for size in tokens if size > 8192)
        assert (status_of(tokens[good]), status_of(tokens[large])) == (200, 401)

    @pytest.mark.parametrize("name", ["Authorization", "Cookie"])
    def test_a_header_of_100_kib_is_refused(self, own_site, send, claims, name):
        token = make_token(own_site.stack, claims | {"pad": "x" * 75_000})
        assert len(token) > 100_000
        value = {"Authorization": f"Bearer {token}", "Cookie": f"media_token={token}"}[name]
        assert send((name, value)).status == 401

    def test_a_query_of_100_kib_is_refused(self, send, item):
        assert send(target=f"{item['file_url']}?token={'A' * 100_000}").status == 401

    def test_very_many_cookies_hide_no_token(self, own_site, send):
        cookies = "; ".join(f"c{number}={'v' * 20}" for number in range(3000))
        for value, status in ((f"{cookies}; media_token={own_site.token}", 200), (cookies, 401),
                              (f"{cookies}; media_token=a.b.c", 401), (";" * 100_000, 401),
                              ("=" * 100_000, 401), ("media_token" * 9000, 401)):
            assert send(("Cookie", value)).status == status


# (name, payload) with what a good token says in place of <...>.
GOOD = '"sub":"<sub>","company":"<company>","aud":"ngx_media"'
EXP = '"exp":4102444800'
PAYLOADS = [
    ("empty", ""), ("a number", "1"), ("null", "null"), ("an array", "[{" + GOOD + "," + EXP + "}]"),
    ("text", '"' + "x" * 100 + '"'), ("two objects", "{" + GOOD + "," + EXP + "}{}"),
    ("bytes after it", "{" + GOOD + "," + EXP + "} x"), ("NUL after it", "{" + GOOD + "," + EXP + "}\0"),
    ("a comma too many", "{" + GOOD + "," + EXP + ",}"), ("a comment", "{/**/" + GOOD + "," + EXP + "}"),
    ("single quotes", ("{" + GOOD + "," + EXP + "}").replace('"', "'")),
    ("a byte order mark", "\ufeff{" + GOOD + "," + EXP + "}"),
    ("cut off", "{" + GOOD + "," + EXP), ("deep arrays", "[" * 3000), ("deep objects", '{"a":' * 1000),
    ("deep and closed", "{" + GOOD + "," + EXP + ',"a":' + "[" * 2500 + "]" * 2500 + "}"),
    ("exp twice", "{" + GOOD + ',"exp":1,' + EXP + "}"),
    ("exp twice, the good one first", "{" + GOOD + "," + EXP + ',"exp":1}'),
    ("company twice", "{" + GOOD + "," + EXP + ',"company":"<company>"}'),
    ("sub twice, once escaped", "{" + GOOD + "," + EXP + ',"s\\u0075b":"root"}'),
    *((f"exp {value}", "{" + GOOD + ',"exp":' + value + "}") for value in (
        "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "-1", "-9223372036854775808",
        "-9223372036854775809", "9223372036854775808", "18446744073709551616", "9" * 400, "1e-5", "0",
        "-0", "0x7fffffff", "017777777777", "+4102444800", "4102444800.", ".5", "true", "null", "[]",
        "{}", '"4102444800"', '""', "[4102444800]")),
    *((f"nbf {value}", "{" + GOOD + "," + EXP + ',"nbf":' + value + "}") for value in (
        "NaN", "1e400", "9223372036854775807", "9223372036854775808", '"now"', "true", "[]")),
    *((f"aud {value}", ("{" + GOOD + "," + EXP + "}").replace('"ngx_media"', value)) for value in (
        '"ngx_media "', '"NGX_MEDIA"', '"ngx_media\\u0000"', "{}", "1", "true", '[["ngx_media"]]',
        '{"ngx_media":1}')),
    *((f"sub {value!r}", ("{" + GOOD + "," + EXP + "}").replace("<sub>", value)) for value in (
        "a\\r\\nX-Evil: 1", "\\n", "a\\u0000b", "\\u0000", "a\\u001fb", "a\\u007fb", "\x01", "a\nb",
        "\\ud800", "\\udc00\\ud800", "\ud800", "\\x41", "\\u12")),
    *((f"company {value!r}", ("{" + GOOD + "," + EXP + "}").replace("<company>", value)) for value in (
        "<company>\\r\\nX-Evil: 1", "<company>\\n", "\\u0000<company>", "<company>\\u0000")),
]

HEADERS = [
    "", "null", "[]", '"HS256"', '{"alg":"HS256"', '{"alg":"none","alg":"HS256"}', '{"ALG":"HS256"}',
    '{"alg":"HS256","alg":"none"}', '{"alg":"HS256","crit":[]}', '{"alg":"HS256","crit":["exp"],"exp":1}',
    '{"alg":"HS256","b64":false,"crit":["b64"]}', '{"alg":"HS256","enc":"A128GCM","crit":["enc"]}',
    '{"alg":["HS256"]}', '{"alg":{"alg":"HS256"}}', '{"alg":"HS256"} {}', '{"alg":NaN}']


class TestClaims:
    def filled(self, own_site, payload):
        return payload.replace("<sub>", own_site.user).replace("<company>", own_site.company)

    def test_the_frame_of_these_payloads_is_sound(self, own_site, status_of):
        payload = self.filled(own_site, "{" + GOOD + "," + EXP + "}")
        assert status_of(signed(own_site.stack, HS256, payload)) == 200
        assert status_of(signed(own_site.stack, HS256, f" {payload}\n")) == 200

    def test_a_payload_that_is_not_quite_right_is_refused(self, own_site, status_of):
        tokens = {name: signed(own_site.stack, HS256, self.filled(own_site, payload))
                  for name, payload in PAYLOADS}
        assert [name for name, token in tokens.items() if status_of(token) != 401] == []

    def test_a_header_that_is_not_quite_right_is_refused(self, own_site, status_of):
        payload = self.filled(own_site, "{" + GOOD + "," + EXP + "}")
        assert [header for header in HEADERS
                if status_of(signed(own_site.stack, header, payload)) != 401] == []

    def test_a_company_that_is_none_sees_nothing(self, own_site, status_of, claims):
        company = own_site.company
        for other in ("", "*", "%", "null", "0", company + "'", company + " ", " " + company,
                      "{" + company + "}", company + "\u00a0", "' OR '1'='1"):
            token = make_token(own_site.stack, claims | {"company": other})
            assert status_of(token) in (401, 404), other


class TestMethods:
    @pytest.mark.parametrize("target", ["media", "/app/x"])
    def test_none_passes_without_a_token(self, send, item, target):
        target = item["file_url"] if target == "media" else target
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "COPY",
                       "MOVE", "LOCK", "MKCOL", "BREW", "PURGE", "CONNECTION"):
            for headers in ((), (("Authorization", "Bearer a.b.c"),),
                            (("X-HTTP-Method-Override", "GET"), ("Access-Control-Request-Method", "GET"),
                             ("Origin", "http://localhost"), ("Upgrade", "websocket"))):
                answer = send(*headers, target=target, method=method)
                assert answer.status == 401 and b"user" not in answer.body, (method, headers)

    def test_all_reach_an_application_with_one(self, own_site, send):
        token = ("Authorization", f"Bearer {own_site.token}")
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"):
            assert send(token, target="/app/x", method=method).status == 200


TOLD = ("X-Media-User", "X-Media-Company", "X-Media-Role")


class TestUpstream:
    def told(self, send, *headers, target="/app/x"):
        answer = send(*headers, target=target)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def test_what_a_client_says_of_itself_is_replaced(self, own_site, send):
        truth = {"user": own_site.user, "company": own_site.company, "role": "agent"}
        token = ("Authorization", f"Bearer {own_site.token}")
        for forged in ([(name, "root") for name in TOLD], [(name.lower(), "root") for name in TOLD],
                       [(name.upper(), "root") for name in TOLD], [(name, "root") for name in TOLD * 3],
                       [(name.replace("-", "_"), "root") for name in TOLD],
                       [(name + " ", "root") for name in TOLD],
                       [("Connection", ", ".join(TOLD))], [(name, "") for name in TOLD]):
            for headers in ([token, *forged], [*forged, token]):
                answer = send(*headers, target="/app/x")
                assert answer.status == 400 or json.loads(answer.body) == truth, forged

    def test_an_empty_role_is_not_filled_by_the_client(self, own_site, send, claims):
        del claims["role"]
        told = self.told(send, ("Authorization", f"Bearer {make_token(own_site.stack, claims)}"),
                         ("X-Media-Role", "admin"))
        assert told["role"] == ""

    def test_without_a_good_token_nothing_reaches_the_application(self, send):
        for headers in ((), (("Authorization", "Bearer a.b.c"),)):
            answer = send(*headers, *((name, "root") for name in TOLD), target="/app/x")
            assert answer.status == 401 and b"root" not in answer.body

    @pytest.mark.parametrize("member", ["sub", "company", "role"])
    @pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b", "\r\n\r\nGET / HTTP/1.1",
                                       "a\tb", "\x7f", "\x1b[2J"], ids=repr)
    def test_no_claim_ends_a_header(self, own_site, send, claims, member, value):
        """Neither towards the application nor in an answer of nginx's own."""
        token = make_token(own_site.stack, claims | {member: value})
        header = ("Authorization", f"Bearer {token}")
        for target in ("/app/x", "/page/x"):
            answer = send(header, target=target)
            assert "x-evil" not in answer.headers
            assert not any(set(told) & set("\r\n\0\x7f\x1b") for told in answer.headers.get("x-who", []))
        assert send(header, target="/app/x").status == 401

    def test_a_claim_in_any_language_arrives(self, own_site, send, claims):
        claims["sub"] = "Zoë 李 🦊"
        told = self.told(send, ("Authorization", f"Bearer {make_token(own_site.stack, claims)}"))
        assert told["user"] == "Zoë 李 🦊"


class TestSeveralTokens:
    """Header, cookie, query: the first that holds a token decides."""

    @pytest.mark.parametrize("header, cookie, query, status", [
        ("good", "bad", "bad", 200), ("bad", "good", "good", 401), (None, "good", "bad", 200),
        (None, "bad", "good", 401), (None, None, "good", 200), (None, None, "bad", 401),
        ("basic", "good", None, 200), ("empty", "good", None, 200), ("other", "good", None, 404),
        ("good", "other", "other", 200)])
    def test_the_order_is_kept(self, own_site, stranger, item, send, header, cookie, query, status):
        tokens = {"good": own_site.token, "bad": "a.b.c", "other": stranger.token}
        headers = []
        if header:
            value = {"basic": "Basic eDp5", "empty": "Bearer "}.get(header) or f"Bearer {tokens[header]}"
            headers.append(("Authorization", value))
        if cookie:
            headers.append(("Cookie", f"media_token={tokens[cookie]}"))
        target = item["file_url"] + (f"?token={tokens[query]}" if query else "")
        assert send(*headers, target=target).status == status

    def test_two_authorization_headers_are_refused_or_the_first_counts(self, own_site, send):
        """nginx itself refuses the second from 1.23 on."""
        good, bad = f"Bearer {own_site.token}", "Bearer a.b.c"
        assert send(("Authorization", bad), ("Authorization", good)).status in (400, 401)
        assert send(("Authorization", bad), ("authorization", good)).status in (400, 401)
        assert send(("Authorization", f"{bad}, {good}")).status == 401
        assert send(("Authorization", f"{bad},{good}")).status == 401
        assert send(("Authorization", f"Bearer Bearer {own_site.token}")).status == 401

    def test_a_smuggled_header_is_no_header(self, own_site, send):
        for name in ("Authorization ", "Authorization\0", "X-Authorization", "Proxy-Authorization",
                     "Authorisation", "Authorization\t"):
            assert send((name, f"Bearer {own_site.token}")).status in (400, 401)

    def test_of_two_cookies_the_first_counts(self, own_site, send):
        good, bad = f"media_token={own_site.token}", "media_token=a.b.c"
        assert send(("Cookie", f"{good}; {bad}")).status == 200
        assert send(("Cookie", f"{bad}; {good}")).status == 401
        assert send(("Cookie", bad), ("Cookie", good)).status == 401
        assert send(("Cookie", f"not_{good}")).status == send(("Cookie", f"MEDIA_TOKEN{good[11:]}x")).status == 401


class TestOtherTenants:
    @pytest.fixture
    def names(self, item):
        """Ids that a stranger has no business with: another company's, none's, and what is no id."""
        return {"other": item["id"], "absent": str(uuid.uuid4()), "malformed": "z" * 36}

    def without_date(self, answer):
        return answer.status, {**answer.headers, "date": None}, answer.body

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_all_answers_are_alike_to_the_byte(self, stranger, send, names, method):
        token = ("Authorization", f"Bearer {stranger.token}")
        for condition in ((), (("Range", "bytes=0-0"),), (("If-None-Match", "*"),), (("If-Match", "*"),),
                          (("If-Modified-Since", "x"),)):
            answers = [self.without_date(send(token, *condition, target=f"/media/{name}", method=method))
                       for name in names.values()]
            assert answers[0] == answers[1] == answers[2]
            assert answers[0][0] == 404

    def test_without_a_token_all_answers_are_alike(self, send, names):
        answers = [self.without_date(send(target=f"/media/{name}")) for name in names.values()]
        assert answers[0] == answers[1] == answers[2]

    def test_pending_and_failed_media_are_none_either(self, own_site, stranger, send):
        token = ("Authorization", f"Bearer {stranger.token}")
        pending = own_site.send_photo(faults=[("download", "stall", 1)])
        answer = send(token, target=own_site.items(pending)[0]["file_url"])
        absent = send(token, target=f"/media/{uuid.uuid4()}")
        assert self.without_date(answer) == self.without_date(absent)
        own_site.wait_for(pending)

    def test_time_does_not_tell_either(self, own_site, stranger, names):
        """Another company's id takes as long as one that is nobody's. They are asked for in turn, so
        that a busy machine slows down both; a lookup less makes a request three times as fast."""
        del names["malformed"]
        medians = self.medians(own_site.stack.port, stranger.token, names)
        assert 1 / 1.5 < medians["other"] / medians["absent"] < 1.5

    def medians(self, port, token, names, rounds=400):
        requests = {kind: request_bytes("GET", f"/media/{name}", [("Authorization", f"Bearer {token}")])
                    .replace(b"Connection: close", b"X: y") for kind, name in names.items()}
        times = {kind: [] for kind in names}
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = AnswerReader(connection)
            for _ in range(rounds):
                for kind, taken in times.items():
                    begin = time.perf_counter()
                    connection.sendall(requests[kind])
                    assert reader.next("GET").status == 404
                    taken.append(time.perf_counter() - begin)
        return {kind: statistics.median(taken) for kind, taken in times.items()}
