"""Lookups through pgbouncer in transaction mode, where each may go to another server connection."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from faults_under_test import Load, abandoned_queries, nginx_signal, with_restart_noise, workers
from guarded_under_test import Guarded, guarded, insert_media
from site_under_test import Site
from stack.pgbouncer import Pooler
from stack.process import wait_until

pytestmark = pytest.mark.module

LOCATIONS = guarded("/opaque", "media_session database") + """
location ~ ^/seen/(.+)$ { media $1; add_header X-Source $media_source always; }
location ~ ^/poison/(.+)$ { media_lookup_query "SELECT 1 / ($1::int - 1)"; media $1; }
location = /status { media_status json; }
"""


class PooledSite(Guarded):
    def __init__(self, stack, pooler):
        super().__init__(stack)
        self.pooler = pooler
        self.owner = Site(stack)
        self.token = self.owner.token

    def seen(self, media):
        return self.get(f"/seen/{media}", self.token)

    def warm(self, media):
        wait_until(lambda: self.seen(media).headers.get("X-Source") == "cache", 10, "a warm cache")

    def counters(self):
        return self.get("/status").json()

    def wait_for_database(self):
        wait_until(lambda: self.counters()["database_connections"] == 2 * self.stack.workers, 15,
                   "every worker to be connected")


@pytest.fixture(scope="module")
def site(stacks, quick_settings):
    stack = stacks.start("pooled", quick_settings)
    pooler = Pooler(stack)
    pooler.start()
    direct = stack.postgres.conninfo("media_nginx")
    drop_in = stack.dir / "nginx" / "ngx_media.conf"
    database = f'"{direct}"\n               connections=2'
    text = drop_in.read_text()
    assert database in text
    drop_in.write_text(text.replace(
        database, f'"{pooler.conninfo()}" prepare=off "listen={direct}" connections=2'))
    site = PooledSite(stack, pooler)
    site.configure(LOCATIONS)
    site.wait_for_database()
    yield site
    stacks.stop("pooled")
    pooler.stop()


def test_questions_go_through_the_pool(site):
    before = int(site.pooler.show("STATS_TOTALS")[0]["xact_count"])
    media = insert_media(site.owner)
    assert site.seen(media).status_code == 200
    wait_until(lambda: int(site.pooler.show("STATS_TOTALS")[0]["xact_count"]) > before, 5, "a question")
    clients = [row for row in site.pooler.show("CLIENTS") if row["database"] == "media"]
    assert len(clients) == 2 * site.stack.workers
    assert len([row for row in site.pooler.show("SERVERS") if row["database"] == "media"]) <= 2


def test_many_at_once_get_their_own_answers(site):
    media = {insert_media(site.owner, uuid.uuid4().bytes): 200 for _ in range(20)}
    asked = [*media, *(uuid.uuid4() for _ in range(300))]
    with ThreadPoolExecutor(32) as pool:
        statuses = list(pool.map(lambda each: site.seen(each).status_code, asked))
    assert statuses == [200] * 20 + [404] * 300


def test_sessions_and_revocations_are_asked_about(site):
    user = site.owner.add_user("Pooled")
    opaque = site.stack.command("session", "open", "--user", user, "--company", site.owner.company)
    token = site.owner.token_for(user)
    media = insert_media(site.owner)
    assert site.statuses("/opaque", opaque) == {200}
    assert site.status(f"/seen/{media}", token) == 200
    site.stack.command("session", "revoke", "--user", user)
    wait_until(lambda: site.statuses("/opaque", opaque) == {401}, 1.5, "the session's end")
    wait_until(lambda: site.status(f"/seen/{media}", token) == 401, 1.5, "the token's end")


def test_a_change_is_heard_of_directly(site):
    media = insert_media(site.owner)
    site.warm(media)
    site.stack.postgres.psql(
        f"UPDATE media.media_files SET is_active = false WHERE id = '{media}'")
    wait_until(lambda: site.seen(media).status_code == 404, 1, "the deletion")


@pytest.mark.log_noise("postgres", "division by zero|invalid input syntax")
def test_a_question_that_fails_harms_no_other(site):
    media = insert_media(site.owner)
    paths = [f"/seen/{uuid.uuid4()}" if i % 3 else f"/poison/{i % 2 or 'x'}" for i in range(200)]
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda path: site.status(path, site.token), paths))
    assert {status for path, status in zip(paths, statuses) if "seen" in path} == {404}
    assert site.seen(media).status_code == 200


@abandoned_queries
def test_reloads_under_load_fail_no_request(site):
    media = insert_media(site.owner, b"x" * 100)
    with Load(site.owner, {"file_url": f"/media/{media}", "file_size": 100}) as load:
        for _ in range(5):
            before = set(workers(site.stack))
            nginx_signal(site.stack, "reload")
            wait_until(lambda: not before & set(workers(site.stack)), 15, "new workers")
    assert load.failures == []
    assert set(load.statuses) == {200}


@with_restart_noise
@pytest.mark.log_noise("postgres", "connection to client lost")
def test_a_pool_that_was_away_is_found_again(site):
    known, unknown = insert_media(site.owner), insert_media(site.owner)
    site.warm(known)
    site.pooler.stop()
    try:
        # Changes are still heard of, so what is cached is good.
        assert site.seen(known).headers["X-Source"] == "cache"
        wait_until(lambda: site.seen(unknown).status_code == 503, 10, "the outage")
    finally:
        site.pooler.start()
    wait_until(lambda: site.seen(unknown).status_code == 200, 15, "service again")
    site.wait_for_database()


@with_restart_noise
def test_a_server_that_was_away_is_found_again(site):
    media = insert_media(site.owner)
    site.warm(media)
    site.stack.postgres.stop()
    try:
        wait_until(lambda: site.seen(media).headers.get("X-Source") == "stale", 20, "a stale answer")
        assert site.seen(uuid.uuid4()).status_code == 503
    finally:
        site.stack.postgres.start()
    wait_until(lambda: site.seen(uuid.uuid4()).status_code == 404, 20, "service again")
    wait_until(lambda: site.seen(media).headers.get("X-Source") == "cache", 15, "a trusted cache")
