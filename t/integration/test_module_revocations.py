"""Tokens that are good by themselves, until `media-indexer session revoke` says otherwise."""

import time
import uuid
from urllib.parse import urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import (decode_dss_signature,
                                                             encode_dss_signature)

from doubles.next_auth import V4_COOKIE, V5_COOKIE, v4, v5
from faults_under_test import FrozenDatabase, abandoned_queries, with_restart_noise
from guarded_under_test import Guarded, Seen, guarded, insert_media, make_key
from site_under_test import Site
from stack.process import wait_until
from tokens import encode

pytestmark = pytest.mark.module

SECRET = "0123456789abcdef" * 4
# The order of the curve P-256.
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def claims(user, **changes):
    made = {"sub": user, "company": "acme", "iat": int(time.time()), "exp": int(time.time()) + 600,
            "jti": str(uuid.uuid4())} | changes
    return {name: value for name, value in made.items() if value is not None}


def sign(user, key=SECRET, algorithm="HS256", **changes):
    return jwt.encode(claims(user, **changes), key, algorithm)


def new_user():
    return f"auth0|{uuid.uuid4()}"


def locations(directory, link_key):
    hmac = f"media_session jwt key_file={directory}/secret"
    text = guarded("/hmac", hmac) + guarded("/off", f"{hmac} revocable=off")
    text += guarded("/again", f"{hmac} user_claim=sub")
    text += guarded("/es256", f"media_session jwt key_file={directory}/es256.pem alg=ES256")
    text += guarded("/cookie", f"media_session nextauth secret_file={directory}/secret")
    text += guarded("/either", hmac, f"media_session nextauth secret_file={directory}/secret")
    return text + """
    location = /unguarded {
        media_session jwt key_file=%s/secret;
        add_header X-User $media_user always;
        empty_gif;
    }
    media_link_key stack %s;
    location ~ ^/linked-media/(.+)$ {
        media_session jwt key_file=%s/secret;
        media_require link;
        media $1;
        add_header X-User $media_user always;
        add_header X-Source $media_source always;
    }
    location = /linked {
        media_session jwt key_file=%s/secret;
        media_require link;
        media_authorize on;
        set $user_before_access $media_user;
        empty_gif;
    }
    location ~ ^/stack/(?<media_id>.+)$ {
        media $media_id;
        add_header X-Worker $pid always;
    }
    location = /status { media_status json; }
    """ % (directory, link_key, directory, directory)


class RevocableSite(Guarded):
    def __init__(self, stack):
        super().__init__(stack)
        self.owner = Site(stack)

    def revoke(self, *what):
        self.stack.command("session", "revoke", *what)

    def link(self, *arguments):
        url = urlsplit(self.stack.command("link", *arguments))
        return f"{url.path}?{url.query}"

    def counters(self):
        return self.get("/status").json()

    def warm(self, path, token=None, **options):
        """Every worker has it in its cache."""
        assert self.statuses(path, token, **options) == {200}

        def is_warm():
            before = self.counters()
            self.statuses(path, token, **options)
            return self.counters()["tokens_verified"] == before["tokens_verified"]
        wait_until(is_warm, 10, "warm caches")

    def wait_for_database(self):
        wait_until(lambda: self.counters()["database_connections"] == 2 * self.stack.workers, 15,
                   "every worker to be connected")

    def ends(self, path, token=None, **options):
        """How long until every worker refuses it."""
        begin = time.monotonic()
        wait_until(lambda: self.statuses(path, token, **options) == {401}, 5, "the token's end")
        return time.monotonic() - begin


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    directory = tmp_path_factory.mktemp("revocations")
    (directory / "secret").write_text(SECRET)
    make_key(directory / "es256.pem", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    return directory


@pytest.fixture(scope="module")
def site(stacks, quick_settings, keys):
    text = locations(keys, stacks.directory / "revocations" / "keys" / "link.key")
    yield RevocableSite(stacks.start("revocations", quick_settings, text, workers=3))
    stacks.stop("revocations")


class TestRevoked:
    def test_a_token_is_refused_by_every_worker_within_a_second(self, site):
        user = new_user()
        token, other = sign(user), sign(user)
        site.warm("/hmac", token)
        site.revoke(token)
        assert site.ends("/hmac", token) < 1
        assert site.statuses("/hmac", other) == {200}
        challenge = site.get("/hmac", token).headers["WWW-Authenticate"]
        assert 'error="invalid_token"' in challenge

    def test_it_opens_no_media(self, site):
        media = insert_media(site.owner)
        token = site.owner.token_for(site.owner.add_user("Leaver"))
        site.warm(f"/stack/{media}", token)
        site.revoke(token)
        assert site.ends(f"/stack/{media}", token) < 1

    def test_all_tokens_of_a_user_end_within_a_second(self, site):
        user = new_user()
        tokens = [sign(user), sign(user, exp=int(time.time()) + 60), sign(user, iat=None)]
        for token in tokens:
            site.warm("/hmac", token)
        bystander = sign(new_user())
        site.revoke("--user", user)
        assert sum(site.ends("/hmac", token) for token in tokens) < 1
        assert site.statuses("/hmac", bystander) == {200}

    def test_a_token_that_a_user_gets_later_counts(self, site):
        user = new_user()
        site.revoke("--user", user)
        revoked_in = int(time.time())
        assert site.status("/hmac", sign(user, iat=revoked_in - 1)) == 401
        assert site.status("/hmac", sign(user, iat=None)) == 401
        wait_until(lambda: int(time.time()) > revoked_in, 3, "the next second")
        assert site.status("/hmac", sign(user)) == 200

    def test_what_nobody_has_used_yet(self, site):
        token = sign(new_user())
        site.revoke(token)
        assert site.statuses("/hmac", token) == {401}

    def test_in_all_locations(self, site):
        token = sign(new_user())
        site.warm("/hmac", token)
        site.warm("/again", token)
        site.revoke(token)
        assert site.ends("/hmac", token) + site.ends("/again", token) < 1

    def test_with_another_signature_too(self, site, keys):
        """Of an ECDSA signature (r, s), (r, order - s) is good as well."""
        token = sign(new_user(), (keys / "es256.private").read_bytes(), "ES256")
        signed, _, signature = token.rpartition(".")
        raw = jwt.utils.base64url_decode(signature)
        twin_s = P256_ORDER - int.from_bytes(raw[32:], "big")
        assert decode_dss_signature(encode_dss_signature(1, twin_s)) == (1, twin_s)
        twin = f"{signed}.{encode(raw[:32] + twin_s.to_bytes(32, 'big'))}"
        site.warm("/es256", token)
        site.warm("/es256", twin)
        site.revoke(token)
        assert site.ends("/es256", token) + site.ends("/es256", twin) < 1

    @pytest.mark.parametrize("make, name", [(v4, V4_COOKIE), (v5, V5_COOKIE)])
    def test_cookies(self, site, make, name):
        user = new_user()
        by_token, by_user = ({name: make(SECRET, claims(user))} for _ in range(2))
        for cookie in (by_token, by_user):
            site.warm("/cookie", cookies=cookie)
        site.revoke(by_token[name])
        assert site.ends("/cookie", cookies=by_token) < 1
        assert site.statuses("/cookie", cookies=by_user) == {200}
        site.revoke("--user", user)
        assert site.ends("/cookie", cookies=by_user) < 1

    def test_a_revoked_cookie_hides_no_good_one(self, site):
        old, new = v4(SECRET, claims("old")), v5(SECRET, claims("new"))
        site.revoke(old)
        for path in ("/cookie", "/either"):
            for _ in range(4):
                assert site.seen(path, cookies={V4_COOKIE: old, V5_COOKIE: new}).user == "new"
        assert site.status("/cookie", cookies={V4_COOKIE: old}) == 401

    def test_a_link_for_its_user(self, site):
        user = new_user()
        token = sign(user)
        path = site.link("/linked", "--user", user)
        site.revoke(token)
        for _ in range(4):
            assert site.status(path, token) in (401, 403)
            assert site.status(path, sign(user)) == 200

    def test_off_means_that_nobody_is_asked(self, site):
        token = sign(new_user())
        before = site.counters()["lookups"]
        assert site.statuses("/off", token) == {200}
        site.revoke(token)
        assert site.statuses("/hmac", token) == {401}
        assert site.statuses("/off", token) == {200}
        assert site.counters()["lookups"] - before <= site.stack.workers


class TestCost:
    def test_one_question_a_token(self, site):
        token = sign(new_user())
        before = site.counters()
        for _ in range(60):
            assert site.get("/hmac", token).status_code == 200
        after = site.counters()
        # Once more a worker at most: neither knows that another asked while it did.
        assert 1 <= after["lookups"] - before["lookups"] <= site.stack.workers
        assert 1 <= after["tokens_verified"] - before["tokens_verified"] <= site.stack.workers

    def test_forged_tokens_reach_no_database(self, site):
        token = sign(new_user(), "x" * 64)
        before = site.counters()["lookups"]
        assert site.statuses("/hmac", token) == {401}
        assert site.counters()["lookups"] == before

    def test_variables_go_by_the_token_until_the_answer_is_there(self, site):
        user = new_user()
        token = sign(user)
        before = site.counters()

        def named():
            return site.get("/unguarded", token).headers.get("X-User", "")
        for _ in range(60):
            assert named() == user
        after = site.counters()
        assert after["tokens_verified"] - before["tokens_verified"] <= 2 * site.stack.workers
        site.revoke(token)
        # It is asked about again and again, as nobody is kept waiting for the answer.
        wait_until(lambda: [named() for _ in range(10)] == [""] * 10, 5, "the token's end")
        assert site.statuses("/hmac", token) == {401}

    def test_a_variable_says_nothing_of_where_a_decision_came_from(self, site):
        user = new_user()
        token = sign(user)
        site.warm("/hmac", token)
        for _ in range(2 * site.stack.workers):
            headers = site.get(site.link(f"/linked-media/{insert_media(site.owner)}"), token).headers
            assert (headers["X-User"], headers["X-Source"]) == (user, "database")

    def test_variables_are_empty_once_a_guard_has_found_out(self, site):
        token = sign(new_user())
        site.revoke(token)
        assert site.seen("/hmac", token) == Seen(401)


class TestOutages:
    @with_restart_noise
    def test_who_was_let_in_stays_in_and_others_wait(self, site):
        known, revoked, unknown = (sign(new_user()) for _ in range(3))
        site.warm("/hmac", known)
        site.revoke(revoked)
        site.stack.postgres.stop()
        try:
            wait_until(lambda: site.get("/hmac", known).headers.get("X-Source") == "stale", 10,
                       "a stale answer")
            assert site.statuses("/hmac", known) == {200}
            answer = site.get("/hmac", unknown)
            assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1
            assert answer.headers["X-Decision"] == "unavailable"
            assert site.status("/hmac", revoked) == 503
            assert site.status("/hmac", sign(new_user(), "x" * 64)) == 401
            assert site.statuses("/off", unknown) == {200}
        finally:
            site.stack.postgres.start()
        site.wait_for_database()
        assert site.statuses("/hmac", unknown) == {200}
        assert site.statuses("/hmac", revoked) == {401}

    @with_restart_noise
    def test_what_is_revoked_while_nobody_listens_is_refused(self, site):
        token = sign(new_user())
        site.warm("/hmac", token)
        site.stack.postgres.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                 "WHERE usename = 'media_nginx'")
        site.revoke(token)
        wait_until(lambda: site.statuses("/hmac", token) == {401}, 10, "the token's end")
        site.wait_for_database()

    @abandoned_queries
    def test_a_silent_database_blocks_nobody_who_was_let_in(self, site):
        token = sign(new_user())
        site.warm("/hmac", token)
        with FrozenDatabase(site.stack):
            wait_until(lambda: site.get("/hmac", token).headers.get("X-Source") == "stale", 15,
                       "a stale answer")
            assert {site.status("/hmac", token) for _ in range(10)} == {200}
        wait_until(lambda: site.get("/hmac", token).headers.get("X-Source") == "cache", 15,
                   "the cache to be trusted again")

    @pytest.mark.log_noise("postgres", "permission denied")
    def test_without_the_function_nobody_new_is_let_in(self, site):
        psql = site.stack.postgres.psql
        function = "EXECUTE ON FUNCTION media.lookup_revocation(bytea, text, bigint)"
        psql(f"REVOKE {function} FROM media_nginx")
        try:
            assert site.statuses("/hmac", sign(new_user())) == {503}
        finally:
            psql(f"GRANT {function} TO media_nginx")
        wait_until(lambda: site.statuses("/hmac", sign(new_user())) == {200}, 10, "service again")


def test_without_a_cache_each_request_is_asked_about(own_stack, keys):
    text = guarded("/hmac", f"media_session jwt key_file={keys}/secret") + \
        guarded("/cookie", f"media_session nextauth secret_file={keys}/secret")
    site = RevocableSite(own_stack(server_config=text, cache=False))
    token = sign(new_user())
    for _ in range(5):
        assert site.statuses("/hmac", token) == {200}
    site.revoke(token)
    assert site.statuses("/hmac", token) == {401}
    cookie = {V4_COOKIE: v4(SECRET, claims("old")), V5_COOKIE: v5(SECRET, claims("new"))}
    assert site.seen("/cookie", cookies=cookie) == Seen(200, "old", "acme")
    site.revoke(cookie[V4_COOKIE])
    assert site.seen("/cookie", cookies=cookie) == Seen(200, "new", "acme")
