"""media_status: what it counts, in which forms, and who may read it."""

import math
import os
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from faults_under_test import FrozenDatabase, abandoned_queries, with_restart_noise
from guarded_under_test import Guarded, guarded, insert_media, reload
from site_under_test import Site
from stack.process import free_port, wait_until

pytestmark = pytest.mark.module

LOCATIONS = """
location = /metrics { media_status; }
location = /metrics.prom { media_status prometheus; }
location = /status { media_status json; }
location = /status-for-admins { media_status json; auth_basic status; auth_basic_user_file %(dir)s/users; }
location = /status-for-nobody { media_status; deny all; }
location = /status-for-callers { media_status json; media_authorize on; }
location ~ ^/linked/(.+)$ { media $1; media_require link; media_link_key stack %(dir)s/keys/link.key; }
location = /who { proxy_pass http://127.0.0.1:%(app)s; }
""" + guarded("/asked", "media_session request /who key=$arg_sid") + guarded(
    "/rotating", "media_session jwt key_file=%(dir)s/rotating")

# The application, which knows everybody.
APP = """
server {
    listen 127.0.0.1:%(app)s;
    location / { add_header X-Media-User ann; add_header X-Media-Companies acme; return 200; }
}
"""


class StatusSite(Guarded):
    def __init__(self, stack):
        super().__init__(stack)
        self.owner = Site(stack)
        self.token = self.owner.token

    def media(self, media, token=None):
        return self.get(f"/media/{media}", token or self.token)

    def json(self):
        return self.get("/status").json()

    def families(self, path="/metrics"):
        return {family.name: family
                for family in text_string_to_metric_families(self.get(path).text)}

    def metric(self, name, **labels):
        """The value of a sample of /metrics."""
        values = [sample.value for family in self.families().values() for sample in family.samples
                  if sample.name == f"ngx_media_{name}" and labels.items() <= sample.labels.items()]
        assert len(values) == 1, (name, labels)
        return values[0]

    def decision(self, name):
        return self.metric("decisions_total", decision=name)

    def hits(self):
        return self.metric("local_hits_total") + self.metric("shared_hits_total")


@pytest.fixture(scope="module")
def site(stacks, quick_settings):
    directory = stacks.directory / "status"
    directory.mkdir()
    (directory / "users").write_text("root:{PLAIN}open\n")
    (directory / "rotating").write_text("0" * 64)
    values = {"dir": directory, "app": free_port()}
    yield StatusSite(stacks.start("status", quick_settings, LOCATIONS % values, APP % values))
    stacks.stop("status")


class TestForms:
    def test_prometheus_reads_it(self, site):
        answer = site.get("/metrics")
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4"
        assert answer.headers["Cache-Control"] == "no-store"
        families = list(text_string_to_metric_families(answer.text))
        assert len({family.name for family in families}) == len(families) > 10
        samples = [(sample.name, tuple(sample.labels.items()))
                   for family in families for sample in family.samples]
        assert len(set(samples)) == len(samples)
        for family in families:
            assert family.name.startswith("ngx_media_") and family.documentation
            assert family.type in ("counter", "gauge", "histogram") and family.samples
            assert all(sample.value >= 0 for sample in family.samples)
        assert site.get("/metrics.prom").headers["Content-Type"] == "text/plain; version=0.0.4"
        assert {family.name for family in families} == set(site.families("/metrics.prom"))

    def test_the_histogram_adds_up(self, site):
        for _ in range(5):
            site.media(uuid.uuid4())
        samples = site.families()["ngx_media_lookup_seconds"].samples
        buckets = [(float(sample.labels["le"]), sample.value) for sample in samples
                   if sample.name.endswith("_bucket")]
        assert buckets == sorted(buckets) and buckets[-1][0] == math.inf
        assert [count for _, count in buckets] == sorted(count for _, count in buckets)
        assert buckets[-1][1] == site.metric("lookup_seconds_count") >= 5
        assert site.metric("lookup_seconds_sum") >= 0

    def test_json_says_the_same(self, site):
        site.media(uuid.uuid4())
        told = site.json()
        assert site.get("/status").headers["Content-Type"] == "application/json"
        for name in ("lookups", "cache_misses", "joined", "tokens_verified", "key_reloads"):
            assert told[name] == site.metric(f"{name}_total")
        for name, count in told["decisions"].items():
            assert count == site.decision(name)
        for name in ("invalidations", "flushes", "repairs"):
            assert told["cache"][name] == site.metric(f"cache_{name}_total")
        assert told["cache"]["vouched"] is bool(site.metric("cache_vouched"))

    def test_a_head_has_no_body(self, site):
        answer = requests.head(site.stack.url + "/metrics", timeout=10)
        assert answer.status_code == 200 and answer.content == b""
        assert int(answer.headers["Content-Length"]) > 1000


class TestDecisions:
    """Each request is counted once, as what was decided about it."""

    def counts(self, site, name, ask):
        before = site.json()["decisions"]
        ask()
        after = site.json()["decisions"]
        assert {each: after[each] - before[each] for each in after if after[each] != before[each]} \
            == {name: 1}

    @pytest.mark.parametrize("name, path, token", [
        ("absent", "/media/00000000-0000-4000-8000-000000000000", True),
        ("bad_id", "/media/x", True),
        ("no_token", "/media/x", None),
        ("bad_token", "/media/x", "a.b.c"),
        ("granted", "/api/v1/media?limit=1", True),
        ("no_link", "/linked/x", None),
        ("bad_link", "/linked/x?key=stack&expires=4000000000&signature=x", None)])
    def test_by_path(self, site, name, path, token):
        self.counts(site, name, lambda: site.get(path, site.token if token is True else token))

    def test_of_media(self, site):
        media, foreign, failed, pending = (
            insert_media(owner) for owner in (site.owner, Site(site.stack), site.owner, site.owner))
        site.stack.postgres.psql(f"""
            SET session_replication_role = replica;
            UPDATE media.media_files SET blob_id = NULL, download_status =
                CASE WHEN id = '{failed}' THEN 'failed' ELSE 'pending' END::text::media.download_status
            WHERE id IN ('{failed}', '{pending}')""")
        for name, each in (("granted", media), ("other_company", foreign), ("failed", failed),
                           ("pending", pending)):
            self.counts(site, name, lambda each=each: site.media(each))
        self.counts(site, "bad_method", lambda: requests.delete(
            f"{site.stack.url}/media/{media}", headers={"Authorization": f"Bearer {site.token}"},
            timeout=10))


class TestCache:
    def test_a_cold_id_is_a_miss_and_a_warm_one_a_hit(self, site):
        media = insert_media(site.owner)
        site.media(uuid.uuid4())  # the caller is known from now on, to one worker at least
        before = site.json()
        site.media(media)
        after = site.json()
        assert after["lookups"] - before["lookups"] >= 1
        assert after["cache_misses"] - before["cache_misses"] >= 1
        for _ in range(4):
            site.media(media)
        hits = site.hits()
        lookups = site.metric("lookups_total")
        for _ in range(10):
            site.media(media)
        assert site.hits() - hits >= 10
        assert site.metric("lookups_total") == lookups

    def test_absence_is_remembered_as_well(self, site):
        absent = uuid.uuid4()
        for _ in range(8):
            site.media(absent)
        assert site.json()["decisions"]["absent"] >= 8
        before = site.json()
        for _ in range(5):
            assert site.media(absent).status_code == 404
        assert site.json()["lookups"] == before["lookups"]

    def test_a_change_is_an_invalidation(self, site):
        before = site.json()["cache"]
        site.stack.postgres.psql(f"SELECT pg_notify('media_changed', '{uuid.uuid4()}')")
        wait_until(lambda: site.json()["cache"]["invalidations"] == before["invalidations"] + 1, 5,
                   "the invalidation")
        assert site.json()["cache"]["flushes"] == before["flushes"]
        site.stack.postgres.psql("SELECT pg_notify('media_changed', '*')")
        wait_until(lambda: site.json()["cache"]["flushes"] == before["flushes"] + 1, 5, "the flush")


class TestCallers:
    def test_a_token_is_verified_once_a_worker_at_most(self, site):
        token = site.owner.token_for(site.owner.add_user("Verified"))
        before = site.metric("tokens_verified_total")
        for _ in range(20):
            site.get("/api/v1/media?limit=1", token)
        assert 1 <= site.metric("tokens_verified_total") - before <= site.stack.workers

    def test_the_application_is_asked_once(self, site):
        before = site.metric("subrequests_total")
        sid = uuid.uuid4()
        for _ in range(20):
            assert site.status(f"/asked?sid={sid}") == 200
        assert 1 <= site.metric("subrequests_total") - before <= site.stack.workers

    def test_a_new_key_is_read_by_each_worker(self, site):
        before = site.metric("key_reloads_total")
        draft = site.stack.dir / "rotating.new"
        draft.write_text("1" * 64)
        draft.rename(site.stack.dir / "rotating")
        wait_until(lambda: site.metric("key_reloads_total") == before + site.stack.workers, 5,
                   "the new key")


class TestDatabase:
    def test_connections(self, site):
        assert site.metric("database_connections") == 2 * site.stack.workers
        assert site.metric("lookups_under_way") == 0

    @abandoned_queries
    def test_a_silent_one(self, site):
        site.media(uuid.uuid4())
        before = site.json()
        with ThreadPoolExecutor(10) as pool, FrozenDatabase(site.stack):
            answers = [pool.submit(site.media, uuid.uuid4()) for _ in range(10)]
            wait_until(lambda: site.metric("lookups_under_way") > 0, 2.5, "questions under way")
            assert {answer.result().status_code for answer in answers} == {503}
        after = site.json()
        assert after["decisions"]["unavailable"] - before["decisions"]["unavailable"] == 10
        failed = sum(after[name] - before[name] for name in ("failed_lookups", "refused_lookups"))
        assert failed >= 10
        assert site.metric("lookup_seconds_bucket", le="1.000") < site.metric("lookup_seconds_count")
        wait_until(lambda: site.metric("database_connections") == 2 * site.stack.workers, 15,
                   "connections")

    @with_restart_noise
    def test_one_that_is_away(self, site):
        media = insert_media(site.owner)
        wait_until(lambda: site.metric("cache_vouched"), 10, "a listener")
        for _ in range(10):
            assert site.media(media).status_code == 200
        before = site.metric("stale_answers_total")
        site.stack.postgres.stop()
        try:
            wait_until(lambda: site.metric("database_connections") == 0, 5, "the outage")
            wait_until(lambda: not site.metric("cache_vouched"), 5, "the listener's end")
            assert site.media(media).status_code == 200
            assert site.metric("stale_answers_total") > before
            wait_until(lambda: site.media(uuid.uuid4()).status_code == 503 and
                       site.metric("refused_lookups_total") > 0, 10, "refused questions")
        finally:
            site.stack.postgres.start()
        wait_until(lambda: site.metric("database_connections") == 2 * site.stack.workers, 15,
                   "connections")
        wait_until(lambda: site.metric("cache_vouched"), 15, "a listener")


def test_counts_outlive_a_reload(site):
    site.media(uuid.uuid4())
    before = site.json()
    assert before["decisions"]["absent"] > 0
    reload(site.stack)
    after = site.json()
    assert after["decisions"] == before["decisions"]
    assert all(after[name] >= before[name] for name in ("lookups", "local_hits", "tokens_verified"))
    wait_until(lambda: site.metric("database_connections") == 2 * site.stack.workers, 15, "connections")


class TestWhoMayRead:
    def test_what_nginx_allows(self, site):
        assert site.status("/status-for-nobody") == 403
        assert site.status("/status-for-admins") == 401
        assert site.status("/status-for-admins", auth=("root", "open")) == 200

    def test_callers(self, site):
        assert site.status("/status-for-callers") == 401
        assert site.status("/status-for-callers", site.token) == 200

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
    def test_only_to_read(self, site, method):
        answer = requests.request(method, site.stack.url + "/metrics", data=b"x" * 100, timeout=10)
        assert answer.status_code == 405

    def test_nobody_is_named(self, site):
        text = site.get("/metrics").text + site.get("/status").text
        for secret in (site.token, site.owner.user, site.owner.company, str(os.getpid()) + "/"):
            assert secret not in text


def test_without_a_cache_there_are_no_figures_of_one(own_stack):
    site = StatusSite(own_stack(server_config=LOCATIONS.partition("location = /status-for")[0],
                                cache=False))
    assert "cache" not in site.json()
    assert not any(name.startswith("ngx_media_cache_v") for name in site.families())
    for _ in range(3):
        assert site.media(insert_media(site.owner)).status_code == 200
    assert site.metric("local_hits_total") == site.metric("shared_hits_total") == 0


def test_a_database_that_nothing_asks_is_connected_to(own_stack):
    site = Guarded(own_stack(server_config="location = /status { media_status json; }"))
    (site.stack.dir / "nginx" / "ngx_media_server.conf").write_text("")
    drop_in = site.stack.dir / "nginx" / "ngx_media.conf"
    drop_in.write_text(drop_in.read_text().replace("media_session jwt", "# "))
    reload(site.stack)
    wait_until(lambda: site.get("/status").json()["database_connections"] == 2 * site.stack.workers, 5,
               "connections")
