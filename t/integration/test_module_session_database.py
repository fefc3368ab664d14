"""media_session database: opaque tokens, by our schema or by the tables that a site already has."""

import hashlib
import time

import pytest

from guarded_under_test import Guarded, Seen, guarded, insert_media
from site_under_test import Site
from stack.process import wait_until

# Workers prepare the wrong statements again whenever they connect.
pytestmark = [pytest.mark.module,
              pytest.mark.log_noise("postgres", "no_such_table|permission denied for table sessions")]

# Sessions as frameworks keep them; the role of nginx may read no more than these views and tables.
TABLES = """
CREATE SCHEMA site;
GRANT USAGE ON SCHEMA site TO media_nginx;

-- Laravel, SESSION_DRIVER=database
CREATE TABLE site.laravel (id varchar(255) PRIMARY KEY, user_id bigint, last_activity integer NOT NULL);
CREATE TABLE site.team_user (user_id bigint, team_id integer, role varchar(20));

-- Rails: has_secure_token, memberships
CREATE TABLE site.rails (token varchar, user_id uuid, expires_at timestamp without time zone);
CREATE TABLE site.memberships (user_id uuid, account_id bigint);

-- PHP with a session handler of its own
CREATE TABLE site.php (sid char(32), uid integer, company smallint, expires timestamptz);

-- By digest, as ours
CREATE TABLE site.hashed (digest bytea, login text, tenants text[]);
GRANT SELECT ON ALL TABLES IN SCHEMA site TO media_nginx;
"""
QUERIES = {
    "/laravel": "token=plain", "/rails": "token=plain", "/php": "token=plain", "/hashed": "token=sha256"}
SQL = {
    "/laravel": "SELECT s.user_id, array_agg(t.team_id) AS companies, min(t.role) AS role, "
                "s.last_activity + 7200 AS expires_at FROM site.laravel s "
                "JOIN site.team_user t USING (user_id) WHERE s.id = $1 "
                "GROUP BY s.user_id, s.last_activity",
    "/rails": "SELECT user_id, ARRAY(SELECT account_id FROM site.memberships m "
              "WHERE m.user_id = s.user_id ORDER BY 1) AS companies, expires_at "
              "FROM site.rails s WHERE token = $1 AND expires_at > now()",
    "/php": "SELECT uid AS user_id, company AS companies, expires AS expires_at, 7 AS extra "
            "FROM site.php WHERE sid = $1",
    "/hashed": "SELECT login AS user_id, tenants AS companies, NULL::text AS role "
               "FROM site.hashed WHERE digest = $1",
    "/typo": "SELECT user_id, companies FROM site.no_such_table WHERE token = $1",
    "/denied": "SELECT user_id, company_id AS companies FROM media.sessions WHERE token_sha256 = $1",
    "/half": "SELECT 'ann' AS user_id WHERE $1::bytea IS NOT NULL",
}

MEDIA = """
location ~ ^/own-media/(.+)$ { media_session database; media $1; }
"""


def locations():
    text = [guarded("/own", "media_session database"),
            guarded("/plain-own", 'media_session database token=plain '
                    '"query=SELECT * FROM media.lookup_session(sha256($1::text::bytea))"')]
    text += [guarded(path, f'media_session database {QUERIES.get(path, "")} "query={sql}"')
             for path, sql in SQL.items()]
    return "".join(text)


@pytest.fixture(scope="module")
def site(stacks, quick_settings):
    stack = stacks.start("database", quick_settings)
    stack.postgres.psql(TABLES)
    with_sessions = GuardedSite(stack)
    with_sessions.configure(locations() + MEDIA)
    # What can't be prepared is complained of when workers start.
    stacks.watches["database"].mark()
    yield with_sessions
    stacks.stop("database")


class GuardedSite(Guarded):
    def __init__(self, stack):
        super().__init__(stack)
        self.owner = Site(stack)
        self.company = self.owner.company

    def psql(self, sql):
        return self.stack.postgres.psql(sql)

    def open_session(self, user, *options):
        return self.stack.command("session", "open", "--user", user, "--company", self.company,
                                  *options)

    def logged(self, text):
        return text in (self.stack.logs / "nginx-error.log").read_text()

    def ends(self, path, token):
        """How long until every worker refuses what every worker had accepted."""
        begin = time.monotonic()
        wait_until(lambda: self.statuses(path, token) == {401}, 5, "the session's end")
        return time.monotonic() - begin

    def is_cached(self, path, token):
        """On each worker."""
        self.statuses(path, token)
        return {self.get(path, token).headers.get("X-Source") for _ in range(10)} == {"cache"}

    def warm(self, path, token):
        assert self.statuses(path, token) == {200}
        wait_until(lambda: self.is_cached(path, token), 10, "the session to be cached")


class TestOwnSchema:
    def test_a_session_is_its_user(self, site):
        user = site.owner.add_user("Reader", role="manager")
        token = site.open_session(user)
        assert site.seen("/own", token) == Seen(200, user, site.company, "manager")
        assert site.seen("/own", cookies={"media_token": token}).user == user
        assert site.seen("/plain-own", token).user == user

    def test_opened_by_the_site_itself(self, site):
        user = site.owner.add_user("Direct")
        site.psql(f"SELECT media.open_session(sha256('my token'), '{site.company}', '{user}', 60)")
        assert site.seen("/own", cookies={"media_token": "my token"}).user == user
        assert site.status("/own", "my-token") == 401

    def test_a_session_sees_the_media_of_its_company(self, site):
        token = site.open_session(site.owner.user)
        assert site.status(f"/own-media/{insert_media(site.owner)}", token) == 200
        assert site.status(f"/own-media/{insert_media(Site(site.stack))}", token) == 404

    @pytest.mark.parametrize("end", ["revoke", "revoke_user", "leave", "shorten"])
    def test_the_end_is_heard_by_every_worker_within_a_second(self, site, end):
        user = site.owner.add_user(f"Leaver {end}")
        token = site.open_session(user)
        site.warm("/own", token)
        if end == "revoke":
            site.stack.command("session", "revoke", token)
        elif end == "revoke_user":
            site.stack.command("session", "revoke", "--user", user)
        elif end == "leave":
            site.psql(f"DELETE FROM media.company_members WHERE user_id = '{user}'")
        else:
            site.psql(f"UPDATE media.sessions SET expires_at = now() WHERE user_id = '{user}'")
        assert site.ends("/own", token) < 1

    def test_another_role_is_heard_of(self, site):
        user = site.owner.add_user("Promoted")
        token = site.open_session(user)
        site.warm("/own", token)
        site.psql(f"UPDATE media.company_members SET role = 'admin' WHERE user_id = '{user}'")
        wait_until(lambda: site.seen("/own", token).role == "admin", 1, "the new role")

    def test_it_expires_though_cached(self, site):
        token = site.open_session(site.owner.user, "--ttl", "3s")
        assert site.statuses("/own", token) == {200}
        wait_until(lambda: site.statuses("/own", token) == {401}, 6, "the session's end")
        answer = site.get("/own", token)
        assert "invalid_token" in answer.headers["WWW-Authenticate"]

    def test_an_unknown_token_may_become_known(self, site):
        token = f"later-{time.time()}"
        assert site.statuses("/own", token) == {401}
        site.psql(f"SELECT media.open_session(sha256('{token}'), '{site.company}', "
                  f"'{site.owner.user}', 60)")
        wait_until(lambda: site.statuses("/own", token) == {200}, 8, "the new session")


class TestOwnTables:
    def test_laravel(self, site):
        now = int(time.time())
        site.psql("INSERT INTO site.team_user VALUES (42, 3, 'owner'), (42, 9, 'owner'); "
                  f"INSERT INTO site.laravel VALUES ('fresh', 42, {now}), ('old', 42, {now - 7200})")
        assert site.seen("/laravel", "fresh") == Seen(200, "42", "3,9", "owner")
        assert site.seen("/laravel", "old").status == 401
        assert site.seen("/laravel", "none").status == 401

    def test_rails(self, site):
        user = "0b0f3c7e-4f52-4c4b-9d0e-6a1c2a6a7f10"
        site.psql(f"INSERT INTO site.memberships VALUES ('{user}', 9007199254740993), ('{user}', 5); "
                  f"INSERT INTO site.rails VALUES ('here', '{user}', now() + '1h'), "
                  f"('gone', '{user}', now() - interval '1s')")
        assert site.seen("/rails", "here") == Seen(200, user, "5,9007199254740993")
        assert site.seen("/rails", "gone").status == 401

    def test_php(self, site):
        sid = "0" * 32
        site.psql(f"INSERT INTO site.php VALUES ('{sid}', 7, 12, now() + '2s'), "
                  f"('{'1' * 32}', -1, 12, 'infinity'), ('{'2' * 32}', 1, 12, '-infinity')")
        assert site.seen("/php", sid) == Seen(200, "7", "12")
        assert site.seen("/php", "1" * 32) == Seen(200, "-1", "12")
        assert site.seen("/php", "2" * 32).status == 401
        wait_until(lambda: site.statuses("/php", sid) == {401}, 5, "the session's end")

    def test_by_digest(self, site):
        site.psql("INSERT INTO site.hashed VALUES (sha256('tok'), 'ann', '{b,a}')")
        assert site.seen("/hashed", "tok") == Seen(200, "ann", "b,a")
        # The digest itself is no token.
        assert site.status("/hashed", hashlib.sha256(b"tok").hexdigest()) == 401

    def test_a_change_is_heard_when_the_site_tells(self, site):
        site.psql("INSERT INTO site.hashed VALUES (sha256('left'), 'bob', '{b}')")
        site.warm("/hashed", "left")
        site.psql("DELETE FROM site.hashed WHERE login = 'bob'; "
                  "SELECT pg_notify('media_session_changed', 'user:bob')")
        assert site.ends("/hashed", "left") < 1

    @pytest.mark.parametrize("tenants", ["NULL", "'{}'"])
    def test_a_user_without_a_company_is_refused(self, site, tenants):
        token = f"lonely-{tenants}"
        site.psql(f"INSERT INTO site.hashed VALUES (sha256($${token}$$), 'eve', {tenants})")
        assert site.status("/hashed", token) == 401

    @pytest.mark.parametrize("login, tenants", [
        ("''", "'{a}'"), ("NULL", "'{a}'"), ("E'a\\nb'", "'{a}'"), ("'a'", "'{a,NULL}'"),
        ("'a'", "'{\"a,b\"}'"), ("'a'", "'{{a},{b}}'"), ("'a'", "array_fill('x'::text, ARRAY[65])")])
    def test_a_row_that_is_no_identity_is_an_error(self, site, login, tenants):
        token = f"odd{hash((login, tenants))}"
        site.psql(f"INSERT INTO site.hashed VALUES (sha256('{token}'), {login}, {tenants})")
        assert site.status("/hashed", token) == 503
        assert site.logged("media_session database query: the session lookup returned an unusable")


class TestWrongSql:
    @pytest.mark.parametrize("path, message", [
        ("/typo", "can't be prepared"), ("/denied", "permission denied"),
        ("/half", "returned an unusable companies")])
    def test_is_503_and_harms_no_other(self, site, path, message):
        token = site.open_session(site.owner.user)
        for _ in range(10):
            assert site.status(path, "some-token") == 503
            assert site.status("/own", token) == 200
        assert site.logged(message)
        assert site.status(path) == 401

    def test_put_right_it_works_without_a_reload(self, site):
        assert site.status("/typo", "tok") == 503
        site.psql("CREATE TABLE site.no_such_table AS SELECT sha256('tok') AS token, 'ann' AS user_id, "
                  "'x' AS companies; GRANT SELECT ON site.no_such_table TO media_nginx")
        wait_until(lambda: site.seen("/typo", "tok") == Seen(200, "ann", "x"), 10, "the statement")


class TestOddTokens:
    """They match nothing, and no error gets to the database (the log is looked at after each test)."""

    @pytest.mark.parametrize("token", ["a%00b", "a\xff", "\xc3(", "\xed\xa0\x80", "x" * 1025, "\\x00",
                                       "' OR true --", "{}"], ids=lambda token: ascii(token[:8]))
    @pytest.mark.parametrize("path", ["/own", "/laravel", "/hashed", "/php"])
    def test_are_refused(self, site, path, token):
        header = b"Bearer " + token.encode("latin-1")
        assert site.status(path, headers={"Authorization": header}) == 401
        cookie = b"media_token=" + token.encode("latin-1")
        assert site.status(path, headers={"Cookie": cookie}) == 401
