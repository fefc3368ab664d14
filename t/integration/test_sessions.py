"""Sessions from the command line: what nginx finds in the database, and what it is told."""

import base64
import hashlib
import json
import re
import time
import uuid
from datetime import datetime, timezone

import psycopg
import pytest

from site_under_test import Site
from stack.errors import StackError
from stack.process import wait_until


def digest(token):
    """Of an opaque token, or of what is signed of a JSON Web Token."""
    signed = token.rpartition(".")[0] if token.count(".") == 2 else token
    return hashlib.sha256(signed.encode()).digest()


class DatabaseOfNginx:
    """Asks what the module asks, in the module's role, and hears what it hears."""

    def __init__(self, connection):
        self.connection = connection
        self.notices = []
        connection.add_notify_handler(lambda notice: self.notices.append(notice.payload))
        connection.execute("LISTEN media_session_changed")

    def session(self, token):
        return self.connection.execute("SELECT * FROM media.lookup_session(%s)",
                                       [digest(token)]).fetchone()

    def is_revoked(self, token, user="nobody", issued_at=0):
        return self.connection.execute("SELECT * FROM media.lookup_revocation(%s, %s, %s)",
                                       [digest(token), user, issued_at]).fetchone()[0]

    def hears(self, payload):
        def heard():
            self.connection.execute("SELECT 1")
            return payload in self.notices
        wait_until(heard, 5, f"word of {payload}")


@pytest.fixture
def nginx(stack):
    with psycopg.connect(stack.postgres.conninfo(user="media_nginx"), autocommit=True) as connection:
        yield DatabaseOfNginx(connection)


@pytest.fixture
def open_session(site):
    def open_for(user, *options):
        return site.stack.command("session", "open", "--user", user, "--company", site.company,
                                  *options)
    return open_for


def sessions_of(site, user):
    return json.loads(site.stack.command("session", "list", "--user", user, "--json"))


def claims_of(jwt):
    payload = jwt.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def test_an_opened_session_is_found_by_the_hash_of_its_token(site, nginx, open_session):
    user = site.add_user("Opener", role="manager")
    before = time.time()
    token = open_session("Opener", "--ttl", "90s")
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{42}", token)
    user_id, companies, role, expires_at = nginx.session(token)
    assert (user_id, companies, role) == (user, [site.company], "manager")
    assert before + 90 <= expires_at <= time.time() + 92
    assert nginx.session(token + "x") is None


def test_the_token_itself_is_stored_nowhere(site, open_session):
    token = open_session(site.user)
    table = site.stack.postgres.psql("TABLE media.sessions")
    assert token not in table and digest(token).hex() in table
    assert token not in json.dumps(sessions_of(site, site.user))
    for log in site.stack.logs.iterdir():
        assert token not in log.read_text(errors="replace")


def test_a_session_lasts_half_a_day_unless_told_otherwise(site, open_session):
    user = site.add_user("Lasting")
    open_session(user)
    session, = sessions_of(site, user)
    begin, end = (datetime.strptime(session[name], "%Y-%m-%dT%H:%M:%SZ").replace(
        tzinfo=timezone.utc) for name in ("created_at", "expires_at"))
    assert 0 <= (end - begin).total_seconds() - 12 * 3600 <= 1


def test_a_revoked_session_ends_at_once_and_nginx_hears_of_it(site, nginx, open_session):
    user = site.add_user("Leaver")
    token, other = open_session(user), open_session(user)
    site.stack.command("session", "revoke", token)
    assert nginx.session(token) is None and nginx.session(other)
    nginx.hears(f"token:{digest(token).hex()}")
    assert [session["state"] for session in sessions_of(site, user)] == ["revoked", "active"]


def test_a_json_web_token_is_refused_once_it_is_revoked(site, nginx):
    token = site.token_for(site.user)
    assert not nginx.is_revoked(token)
    site.stack.command("session", "revoke", token)
    assert nginx.is_revoked(token)
    assert not nginx.is_revoked(site.token_for(site.user, ttl="2h"))
    nginx.hears(f"token:{digest(token).hex()}")
    kept = site.stack.postgres.psql(
        "SELECT extract(EPOCH FROM expires_at)::bigint FROM media.revocations "
        f"WHERE token_sha256 = '\\x{digest(token).hex()}'")
    assert int(kept) == claims_of(token)["exp"]


def test_a_revoked_user_loses_sessions_and_json_web_tokens(site, nginx, open_session):
    user = site.add_user("Dismissed")
    sessions = [open_session(user), open_session(user)]
    issued_at = claims_of(site.token_for(user))["iat"]
    site.stack.command("session", "revoke", "--user", "Dismissed")
    assert [nginx.session(token) for token in sessions] == [None, None]
    assert nginx.is_revoked("any", user, issued_at)
    assert not nginx.is_revoked("any", user, issued_at + 3600)
    assert not nginx.is_revoked("any", site.user, issued_at)
    nginx.hears(f"user:{user}")


def test_a_user_that_only_tokens_know_can_be_revoked(site, nginx):
    user = f"auth0|{uuid.uuid4()}"
    site.stack.command("session", "revoke", "--user", user)
    assert nginx.is_revoked("any", user, int(time.time()) - 1)
    nginx.hears(f"user:{user}")


def test_who_leaves_the_company_loses_the_session(site, nginx, open_session):
    user = site.add_user("Former")
    token = open_session(user)
    site.stack.postgres.psql(f"DELETE FROM media.company_members WHERE user_id = '{user}'")
    assert nginx.session(token) is None
    nginx.hears(f"user:{user}")
    nginx.hears(f"token:{digest(token).hex()}")


def test_a_name_that_several_users_have_is_refused(site, stack):
    name = f"Twin {uuid.uuid4()}"
    twin = site.add_user(name)
    Site(stack).add_user(name)
    for arguments in (["list"], ["revoke"]):
        with pytest.raises(StackError, match="2 users .* id"):
            stack.command("session", *arguments, "--user", name)
    assert sessions_of(site, twin) == []


def test_the_list_is_readable(site, open_session):
    user = site.add_user("Reader")
    assert site.stack.command("session", "list", "--user", user) == ""
    open_session(user)
    line = site.stack.command("session", "list", "--user", user)
    assert re.fullmatch(r"active +from \S+Z to \S+Z for company .*", line)


def test_what_is_over_is_cleaned_up_by_the_daemon(own_stack):
    site = Site(own_stack())
    token = site.stack.command("session", "open", "--user", site.user, "--company", site.company)
    site.stack.postgres.psql(
        "INSERT INTO media.sessions (company_id, user_id, token_sha256, expires_at) "
        f"SELECT '{site.company}', '{site.user}', sha256(i::text::bytea), now() "
        "FROM generate_series(1, 2500) AS i")
    site.stack.postgres.psql(
        "SELECT media.revoke_token(sha256('old'), 1), media.revoke_token(sha256('new'), NULL)")
    site.stack.indexer.stop()
    site.stack.indexer.start()
    wait_until(lambda: site.count("sessions") == 1, 10, "expired sessions to go")
    left = "SELECT encode(token_sha256, 'hex') FROM media."
    assert site.stack.postgres.psql(left + "sessions") == digest(token).hex()
    wait_until(lambda: site.stack.postgres.psql(left + "revocations") == digest("new").hex(), 10,
               "expired revocations to go")
