"""media_session jwt: which tokens count, under which keys, and keys that change."""

import base64
import hmac
import json
import time

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from guarded_under_test import Guarded, Seen, guarded, insert_media, make_key
from site_under_test import FIXTURES, Site
from stack.process import wait_until
from tokens import encode, make_token
from watch import LogMark

pytestmark = pytest.mark.module

SECRET = b"0123456789abcdef" * 4
HMACS = ("HS256", "HS384", "HS512")
# How openssl makes a key for each algorithm.
GENPKEY = {
    "RS256": ("-algorithm", "RSA"),
    "PS256": ("-algorithm", "RSA"),
    "ES256": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "ES384": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
    "ES512": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"),
    "EdDSA": ("-algorithm", "ED25519"),
}
VECTORS = json.loads((FIXTURES / "jwt" / "algorithms.json").read_text())
VECTOR_KEYS = {each["jwk"]["kid"]: each["jwk"] for each in VECTORS}


def claims(**changes):
    made = {"sub": "ann", "company": "acme", "exp": int(time.time()) + 600} | changes
    return {name: value for name, value in made.items() if value is not None}


def sign(key=SECRET, algorithm="HS256", kid=None, **changes):
    return jwt.encode(claims(**changes), key, algorithm, headers={"kid": kid} if kid else None)


def sign_by_hand(header, payload, secret):
    """A token as no library would make it."""
    return make_token(None, payload, header, secret.decode())


def jwk_set(*keys):
    return json.dumps({"keys": list(keys)})


def oct_jwk(secret, kid, alg="HS256"):
    return {"kty": "oct", "k": encode(secret), "alg": alg, "kid": kid}


class Keys:
    """Key files in a directory, and the private keys to them."""

    def __init__(self, directory):
        self.directory = directory
        self.private = {}
        self.public = {}
        (directory / "secret").write_bytes(SECRET + b"\n")
        for algorithm, arguments in GENPKEY.items():
            self.private[algorithm], self.public[algorithm] = make_key(
                directory / f"{algorithm}.pem", *arguments)
        # Those that JWK sets can't be made from here are the fixture's.
        (directory / "vectors.json").write_text(jwk_set(*VECTOR_KEYS.values()))
        (directory / "two.json").write_text(
            jwk_set(oct_jwk(b"1" * 32, "one"), oct_jwk(b"2" * 32, "two")))

    def sign(self, algorithm, **changes):
        key = SECRET if algorithm in HMACS else self.private[algorithm]
        return sign(key, algorithm, **changes)


def locations(keys):
    secret = f"key_file={keys.directory}/secret"

    def session(path, options):
        return guarded(path, f"media_session jwt {options}")
    text = [session(f"/{name}", f"{secret} alg={name}") for name in HMACS]
    text += [session(f"/{name}", f"key_file={keys.directory}/{name}.pem alg={name}")
             for name in GENPKEY]
    text += [session(path, options) for path, options in {
        "/rsa": f"key_file={keys.directory}/RS256.pem",
        "/hmacs": f"{secret} alg=HS256,HS512",
        "/default": secret,
        # The fixture's tokens have long expired.
        "/vectors": f"jwks_file={keys.directory}/vectors.json leeway=100y",
        "/two": f"jwks_file={keys.directory}/two.json",
        "/kid": f"{secret} kid=mine",
        "/audience": f"{secret} audience=shop",
        "/issuer": f"{secret} issuer=https://id.example",
        "/both": f"{secret} audience=shop issuer=https://id.example",
        "/leeway": f"{secret} leeway=30s",
        "/mapped": f"{secret} user_claim=user_id company_claim=org_ids role_claim=https://x/role",
        "/elsewhere": f"key_file={keys.directory}/ES256.pem",
    }.items()]
    return "".join(text)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def site(stacks, quick_settings, keys):
    stack = stacks.start("jwt", quick_settings, LONG_HEADERS + locations(keys) +
                         MEDIA % {"keys": keys.directory})
    yield Guarded(stack)
    stacks.stop("jwt")


# A token of 8 KiB does not fit into what nginx takes by default.
LONG_HEADERS = "large_client_header_buffers 4 32k;"
MEDIA = """
location ~ ^/several/(.+)$ {
    media_session jwt key_file=%(keys)s/secret;
    media $1;
    add_header X-Company $media_company always;
    add_header X-Companies $media_companies always;
}
"""
ANN = Seen(200, "ann", "acme")


class TestAlgorithms:
    @pytest.mark.parametrize("algorithm", [*HMACS, *GENPKEY])
    def test_each_is_accepted_where_it_is_named(self, site, keys, algorithm):
        assert site.seen(f"/{algorithm}", keys.sign(algorithm)) == ANN
        assert site.seen(f"/{algorithm}", keys.sign(algorithm, role="chief")) == \
            Seen(200, "ann", "acme", "chief")

    @pytest.mark.parametrize("algorithm", [*HMACS, *GENPKEY])
    def test_a_changed_payload_is_refused(self, site, keys, algorithm):
        header, payload, signature = keys.sign(algorithm).split(".")
        forged = encode(claims(sub="root"))
        assert site.status(f"/{algorithm}", ".".join([header, forged, signature])) == 401

    @pytest.mark.parametrize("location, algorithm", [
        ("PS256", "RS256"), ("RS256", "PS256"), ("HS512", "HS256"), ("HS256", "HS384"),
        ("default", "HS512"), ("hmacs", "HS384"), ("ES256", "ES384")])
    def test_another_algorithm_than_the_pinned_one_is_refused(self, site, keys, location, algorithm):
        key = keys.private["RS256" if location == "PS256" else location] \
            if algorithm in ("RS256", "PS256") else None
        token = sign(keys.private[location], algorithm) if key else keys.sign(algorithm)
        assert site.status(f"/{location}", token) == 401

    def test_without_alg_an_rsa_key_takes_rsa_and_a_secret_hs256(self, site, keys):
        for algorithm in ("RS256", "RS512", "PS384"):
            assert site.seen("/rsa", sign(keys.private["RS256"], algorithm)) == ANN
        assert site.seen("/default", sign()) == ANN
        assert site.seen("/hmacs", sign(algorithm="HS512")) == ANN

    def test_a_public_key_is_no_secret(self, site, keys):
        for path in ("/RS256", "/rsa", "/elsewhere"):
            name = "ES256" if path == "/elsewhere" else "RS256"
            for secret in (keys.public[name], keys.public[name].rstrip()):
                token = sign_by_hand({"alg": "HS256", "typ": "JWT"}, claims(), secret)
                assert site.status(path, token) == 401

    @pytest.mark.parametrize("alg", ["none", "None", "nOnE", "", None, "HS1", ["HS256"]])
    def test_no_signature_is_no_algorithm(self, site, alg):
        header, payload = ({"alg": alg, "typ": "JWT"}, claims())
        text = ".".join(encode(part) for part in (header, payload))
        for path in ("/default", "/rsa", "/vectors"):
            assert site.status(path, text + ".") == 401
            assert site.status(path, sign_by_hand(header, payload, SECRET)) == 401

    def test_critical_headers_are_not_ignored(self, site):
        token = sign_by_hand({"alg": "HS256", "crit": ["b64"], "b64": True}, claims(), SECRET)
        assert site.status("/default", token) == 401


class TestConfusedKeys:
    """A public key, or one that the token brings along, must not become the key that counts."""

    def public_jwk(self, keys):
        return json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(
            jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).prepare_key(
                keys.public["RS256"])))

    def spellings(self, pem):
        """What a library might take for the secret when it is told HS256."""
        body = "".join(pem.decode().splitlines()[1:-1])
        return [pem, pem.rstrip(), pem.replace(b"\n", b"\r\n"), body.encode(), base64.b64decode(body)]

    @pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
    def test_a_public_key_is_no_secret_in_any_spelling(self, site, keys, digest):
        for path, name in (("/RS256", "RS256"), ("/PS256", "PS256"), ("/rsa", "RS256"),
                           ("/ES256", "ES256"), ("/elsewhere", "ES256"), ("/EdDSA", "EdDSA")):
            header = {"alg": "HS" + digest[3:], "typ": "JWT"}
            text = f"{encode(header)}.{encode(claims())}"
            for secret in self.spellings(keys.public[name]):
                token = f"{text}.{encode(hmac.digest(secret, text.encode(), digest))}"
                assert site.status(path, token) == 401

    def test_nor_are_the_numbers_of_a_key_set(self, site):
        for jwk in VECTOR_KEYS.values():
            for member in {"n", "x", "y"} & set(jwk):
                for secret in (jwk[member].encode(), jwt.utils.base64url_decode(jwk[member])):
                    for kid in (jwk["kid"], None):
                        header = {"alg": "HS256"} | ({"kid": kid} if kid else {})
                        text = f"{encode(header)}.{encode(claims())}"
                        token = f"{text}.{encode(hmac.digest(secret, text.encode(), 'sha256'))}"
                        assert site.status("/vectors", token) == 401

    def test_a_key_that_the_token_brings_along_is_none(self, site, keys):
        """Signed with a key of the attacker's, of the right kind."""
        jwk = self.public_jwk(keys)
        der = encode(base64.b64decode("".join(keys.public["RS256"].decode().splitlines()[1:-1])))
        for header in ({"jwk": jwk}, {"jwk": json.dumps(jwk)}, {"jwk": jwk, "kid": "a"},
                       {"jku": f"{site.stack.url}/keys.json"}, {"x5u": f"{site.stack.url}/cert.pem"},
                       {"x5c": [der]}, {"x5c": [keys.public["RS256"].decode()]}, {"x5t": encode(b"x" * 20)},
                       {"x5t#S256": encode(b"x" * 32)}):
            token = jwt.encode(claims(), keys.private["RS256"], "RS256", headers=header)
            assert site.status("/vectors", token) == 401
            # Where that key is the site's own, the header does not matter.
            assert site.status("/RS256", token) == 200

    @pytest.mark.parametrize("kid", [
        "../../../../dev/null", "/dev/null", "/proc/self/environ", "file:///etc/passwd", "| id", "$(id)",
        "' OR 1=1 --", "x' UNION SELECT 'AAAA", "a\0b", "\0", "%00", "one\0", " one", "one ", "ONE", "",
        "k" * 4000], ids=lambda kid: ascii(kid[:12]))
    def test_a_key_id_is_nothing_but_a_name(self, site, kid):
        for secret in (b"", b"\0", b"A" * 32, b"AAAA"):
            header = {"alg": "HS256", "typ": "JWT", "kid": kid}
            text = f"{encode(header)}.{encode(claims())}"
            token = f"{text}.{encode(hmac.digest(secret, text.encode(), 'sha256'))}"
            for path in ("/two", "/kid", "/default"):
                assert site.status(path, token) == 401
        if kid:
            # Nor does it choose a key whose name only looks like it.
            assert site.status("/two", jwt.encode(claims(), b"1" * 32, headers={"kid": kid})) == 401

    @pytest.mark.parametrize("kid", [1, None, True, ["one"], {"one": 1}], ids=str)
    def test_a_key_id_that_is_no_text_chooses_none(self, site, kid):
        header = {"alg": "HS256", "typ": "JWT", "kid": kid}
        assert site.status("/two", sign_by_hand(header, claims(), b"3" * 32)) == 401

    def test_a_signature_of_zeros_proves_nothing(self, site, keys):
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        numbers = [n.to_bytes(32, "big") for n in (0, 1, order - 1, order, order + 1, 2**256 - 1)]
        text = f"{encode({'alg': 'ES256'})}.{encode(claims())}"
        signatures = [r + s for r in numbers for s in numbers] + [b"", b"\0", b"\0" * 63, b"\0" * 65]
        for signature in signatures:
            assert site.status("/ES256", f"{text}.{encode(signature)}") == 401
        for path, alg in (("/RS256", "RS256"), ("/PS256", "PS256"), ("/EdDSA", "EdDSA")):
            text = f"{encode({'alg': alg})}.{encode(claims())}"
            for signature in (b"", b"\0" * 64, b"\0" * 256, b"\xff" * 256, b"\0" * 255 + b"\1"):
                assert site.status(path, f"{text}.{encode(signature)}") == 401

    def test_der_is_no_signature_of_jose(self, site, keys):
        token = keys.sign("ES256")
        text, _, signature = token.rpartition(".")
        raw = jwt.utils.base64url_decode(signature)
        der = jwt.utils.raw_to_der_signature(raw, load_pem_private_key(keys.private["ES256"], None).curve)
        assert site.status("/ES256", token) == 200
        assert site.status("/ES256", f"{text}.{encode(der)}") == 401

    def test_other_forms_of_a_signed_text_are_none(self, site):
        header, payload, signature = sign().split(".")
        flat = {"protected": header, "payload": payload, "signature": signature}
        general = {"payload": payload, "signatures": [{"protected": header, "signature": signature}]}
        for form in (json.dumps(flat), json.dumps(general), f"{header}..{signature}",
                     f"{header}.{payload}.{signature}.", f".{header}.{payload}.{signature}",
                     f"{header}.{payload}.{signature}.{header}.{payload}", f"{header}.{payload}"):
            assert site.status("/default", headers={"Authorization": f"Bearer {form}"}) == 401

    @pytest.mark.parametrize("header", [
        {"alg": "HS256", "b64": False}, {"alg": "HS256", "b64": False, "crit": ["b64"]},
        {"alg": "HS256", "crit": "b64"}, {"alg": "HS256", "crit": None}], ids=str)
    def test_a_payload_that_is_not_encoded_is_refused(self, site, header):
        payload = json.dumps(claims())
        text = f"{encode(header)}.{payload}"
        token = f"{text}.{encode(hmac.digest(SECRET, text.encode(), 'sha256'))}"
        assert site.status("/default", token) == 401


class TestKeySets:
    @pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["alg"])
    def test_tokens_of_another_library_verify(self, site, vector):
        assert site.seen("/vectors", vector["token"]) == Seen(200, "u", "c")

    def test_the_key_id_chooses_the_key(self, site):
        one, two = b"1" * 32, b"2" * 32
        assert site.seen("/two", sign(one, kid="one")) == ANN
        assert site.seen("/two", sign(two, kid="two")) == ANN
        assert site.status("/two", sign(one, kid="two")) == 401
        assert site.status("/two", sign(one, kid="three")) == 401
        # Without one, any may have signed.
        assert site.seen("/two", sign(two)) == ANN

    def test_a_key_file_may_have_a_key_id_too(self, site):
        assert site.seen("/kid", sign(kid="mine")) == ANN
        assert site.seen("/kid", sign()) == ANN
        assert site.status("/kid", sign(kid="yours")) == 401


class TestClaims:
    @pytest.mark.parametrize("aud, status", [
        ("shop", 200), (["other", "shop"], 200), ("other", 401), (["other"], 401), (None, 401),
        ([], 401), ("shop2", 401), ({"shop": 1}, 401)], ids=str)
    def test_audience(self, site, aud, status):
        assert site.status("/audience", sign_by_hand({"alg": "HS256"}, claims(aud=aud), SECRET)) == \
            status

    @pytest.mark.parametrize("iss, status", [
        ("https://id.example", 200), ("https://id.example/", 401), (None, 401)])
    def test_issuer(self, site, iss, status):
        assert site.status("/issuer", sign(iss=iss)) == status

    def test_both(self, site):
        assert site.status("/both", sign(iss="https://id.example", aud="shop")) == 200
        assert site.status("/both", sign(iss="https://id.example")) == 401
        assert site.status("/both", sign(aud="shop")) == 401

    def test_leeway(self, site):
        now = int(time.time())
        for change in ({"exp": now - 10}, {"nbf": now + 10}, {"iat": now + 10}):
            assert site.status("/default", sign(**change)) == 401
            # Twice: the second time it is cached, if it may be.
            assert [site.status("/leeway", sign(**change)) for _ in range(2)] == [200, 200]
        for change in ({"exp": now - 40}, {"nbf": now + 40}, {"iat": now + 40}):
            assert site.status("/leeway", sign(**change)) == 401

    def test_an_expired_token_says_so(self, site):
        answer = site.get("/default", sign(exp=int(time.time()) - 1))
        assert "expired" in answer.headers["WWW-Authenticate"]

    def test_a_cached_token_ends_on_time(self, site):
        end = int(time.time()) + 2
        token = sign(exp=end)
        assert site.statuses("/default", token) <= {200, 401}
        wait_until(lambda: time.time() >= end, 5, "the token's end")
        assert site.statuses("/default", token) == {401}

    def test_without_expiry_it_is_refused(self, site):
        assert site.status("/default", sign(exp=None)) == 401

    def test_claims_can_have_other_names(self, site):
        token = sign(sub=None, company=None, user_id="bob", org_ids=["b", "a"], **{"https://x/role": "r"})
        assert site.seen("/mapped", token) == Seen(200, "bob", "b,a", "r")
        assert site.get("/mapped", token).headers["X-Company"] == "b"
        assert site.status("/mapped", sign(role="r")) == 401

    @pytest.mark.parametrize("change", [
        {"sub": ""}, {"sub": None}, {"sub": 7}, {"sub": "a\nb"}, {"company": ""}, {"company": None},
        {"company": []}, {"company": ["a", 1]}, {"company": ["a,b"]}, {"company": "a\0"},
        {"company": [f"c{i}" for i in range(65)]}, {"role": 3}, {"sub": "x" * 256}], ids=str)
    def test_unusable_claims_are_refused(self, site, change):
        assert site.seen("/default", sign(**change)).status == 401

    def test_a_token_that_is_too_long_is_refused(self, site):
        assert site.status("/default", sign(pad="x" * 5000)) == 200
        assert site.status("/default", sign(pad="x" * 6100)) == 401


class TestSeveralCompanies:
    def test_media_of_each_are_seen_and_name_theirs(self, site):
        first, second, stranger = (Site(site.stack) for _ in range(3))
        media = {owner: insert_media(owner) for owner in (first, second, stranger)}
        token = sign(company=[first.company.upper(), second.company])
        for owner in (first, second):
            answer = site.get(f"/several/{media[owner]}", token)
            assert answer.status_code == 200
            assert answer.headers["X-Company"] == owner.company
            assert answer.headers["X-Companies"] == f"{first.company},{second.company}"
        assert site.status(f"/several/{media[stranger]}", token) == 404


class TestIsolation:
    """What one location found out is no use in another with other rules."""

    def test_a_cached_token_counts_only_under_its_own_audience(self, site):
        token = sign(aud="other")
        assert site.statuses("/default", token) == {200}
        assert site.statuses("/audience", token) == {401}
        assert site.statuses("/issuer", token) == {401}

    def test_a_cached_token_counts_only_under_its_own_key(self, site, keys):
        token = sign(keys.private["RS256"], "RS256")
        assert site.statuses("/rsa", token) == {200}
        for path in ("/PS256", "/default", "/ES256", "/vectors"):
            assert site.statuses(path, token) == {401}

    def test_a_cached_token_means_what_the_location_s_claims_say(self, site):
        token = sign(user_id="bob", org_ids=["b"])
        for _ in range(2):
            assert site.seen("/default", token) == ANN
            assert site.seen("/mapped", token) == Seen(200, "bob", "b")


class TestRotation:
    @pytest.fixture
    def rotating(self, site, tmp_path):
        """A location with key files of its own."""
        (tmp_path / "secret").write_bytes(b"a" * 32)
        (tmp_path / "set.json").write_text(jwk_set(oct_jwk(b"a" * 32, "a")))
        before = site.locations()
        site.configure(guarded("/rotating", f"media_session jwt key_file={tmp_path}/secret") +
                       guarded("/set", f"media_session jwt jwks_file={tmp_path}/set.json"))
        yield tmp_path
        site.configure(before)

    @staticmethod
    def replace(path, content):
        """As those do who know how: by renaming."""
        draft = path.with_suffix(".new")
        draft.write_bytes(content)
        draft.rename(path)

    def changed(self, site, path, token, statuses):
        begin = time.monotonic()
        wait_until(lambda: site.statuses(path, token) == statuses, 5, f"{statuses} from {path}")
        return time.monotonic() - begin

    def test_a_new_key_is_taken_and_the_old_one_s_tokens_end(self, site, rotating):
        old, new, late = sign(b"a" * 32), sign(b"b" * 32), sign(b"a" * 32, jti="late")
        assert site.statuses("/rotating", old) == {200}
        assert site.statuses("/rotating", new) == {401}
        self.replace(rotating / "secret", b"b" * 32)
        assert self.changed(site, "/rotating", new, {200}) < 2.5
        assert site.statuses("/rotating", old) == {401}
        assert site.statuses("/rotating", late) == {401}
        # And back again: what was remembered under the first key is true again.
        self.replace(rotating / "secret", b"a" * 32)
        self.changed(site, "/rotating", old, {200})
        assert site.statuses("/rotating", new) == {401}

    def test_a_set_is_extended_and_cut(self, site, rotating):
        a, b = sign(b"a" * 32, kid="a"), sign(b"b" * 32, kid="b")
        both = jwk_set(oct_jwk(b"a" * 32, "a"), oct_jwk(b"b" * 32, "b"))
        assert site.statuses("/set", a) == {200}
        # Written in place, as those do who don't know how.
        (rotating / "set.json").write_text(both)
        self.changed(site, "/set", b, {200})
        assert site.statuses("/set", a) == {200}
        self.replace(rotating / "set.json", jwk_set(oct_jwk(b"b" * 32, "b")).encode())
        self.changed(site, "/set", a, {401})
        assert site.statuses("/set", b) == {200}

    @pytest.mark.parametrize("broken", [b"{", None], ids=repr)
    def test_a_broken_file_leaves_the_old_key_and_is_told_once(self, site, rotating, broken):
        log = LogMark(site.stack.logs / "nginx-error.log")
        token = sign(b"a" * 32, kid="a")
        (rotating / "set.json").unlink()
        if broken is not None:
            (rotating / "set.json").write_bytes(broken)
        message = f"keys stay as they were: key file \"{rotating}/set.json\""
        wait_until(lambda: log.text().count(message) >= site.stack.workers, 5, "the error")
        assert site.statuses("/set", token) == {200}
        # Another file changes, and so every worker has looked at all of them again.
        self.replace(rotating / "secret", b"b" * 32)
        self.changed(site, "/rotating", sign(b"b" * 32), {200})
        assert log.text().count(message) == site.stack.workers
        self.replace(rotating / "set.json", jwk_set(oct_jwk(b"b" * 32, "b")).encode())
        self.changed(site, "/set", sign(b"b" * 32, kid="b"), {200})
        assert site.statuses("/set", token) == {401}


def test_tokens_are_found_in_cookies_and_arguments_in_order(site):
    assert site.seen("/default", cookies={"media_token": sign()}) == ANN
    assert requests.get(f"{site.stack.url}/default?token={sign()}", timeout=10).status_code == 200
    # The first that holds one decides.
    assert site.status("/default", "bad", cookies={"media_token": sign()}) == 401
