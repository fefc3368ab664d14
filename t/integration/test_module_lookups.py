"""Lookups: what is asked of the database, how often, over which connections, and whose answer it is."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
import requests

from doubles.postgres_proxy import PostgresProxy
from faults_under_test import FrozenDatabase, abandoned_queries, with_restart_noise
from guarded_under_test import Guarded, insert_media
from site_under_test import Site
from stack.process import wait_until

pytestmark = pytest.mark.module

CACHE = "media_cache zone=lookups:2m valid=5m negative=1s stale=10m;"

# A site's own table, with a word on whoever asks.
TABLES = """
CREATE SCHEMA site;
CREATE TABLE site.files (id text, kind text, company_id text, storage_key text, size bigint);
CREATE TABLE site.asked (id text, pid int DEFAULT pg_backend_pid());
CREATE FUNCTION site.find(p_id text, p_kind text DEFAULT 'file')
RETURNS TABLE (company_id text, status text, store text, storage_key text, size bigint)
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO site.asked VALUES (p_id);
    PERFORM pg_sleep(0.2) WHERE p_id LIKE 'slow%';
    RETURN QUERY SELECT f.company_id, 'completed', 'local', f.storage_key, f.size
                 FROM site.files AS f WHERE f.id = p_id AND f.kind = p_kind;
END $$;
GRANT USAGE ON SCHEMA site TO media_nginx;
"""
LOCATIONS = """
location ~ ^/own/(.+)$ {
    media_lookup_query "SELECT * FROM site.find($1)";
    media $1;
    add_header X-Source $media_source always;
}
location ~ ^/nobodys/(.+)$ {
    media_lookup_query "SELECT '00000000-0000-4000-8000-000000000000' AS company_id, status, store, storage_key, size FROM site.find($1)";
    media $1;
}
location ~ ^/two/(.+)/(.+)$ { media_lookup_query "SELECT * FROM site.find($1, $2)"; media $1 $2; }
location ~ ^/number/(.+)$ {
    media_lookup_query "SELECT * FROM site.find((($1::bigint) + 1)::text)";
    media $1;
}
location ~ ^/broken/(.+)$ {
    media_lookup_query "SELECT company_id, status, store, 1 AS storage_key, size FROM site.find($1)";
    media $1;
}
location ~ ^/key/(.+)$ { media_key $1; add_header X-Source $media_source always; }
location ~ ^/pictures/(?<media_id>[^/_]+)_(?<kind>[^/]+)$ {
    media $media_id $kind;
    add_header X-Source $media_source always;
}
location ~ ^/id/(.+)$ { media $1; add_header X-Source $media_source always; }
location = /status { media_status json; }
"""


class LookupSite(Guarded):
    """Of one worker: what one is asked, it finds under way or cached."""

    def __init__(self, stack):
        super().__init__(stack)
        self.owner = Site(stack)
        self.token = self.owner.token

    def psql(self, sql):
        return self.stack.postgres.psql(sql)

    def get(self, path, token=None, **options):
        return super().get(path, token or self.token, **options)

    def insert(self, name, kind="file", content=b"a file of the site"):
        key = f"{self.owner.company}/{uuid.uuid4()}.bin"
        path = self.stack.root / key
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        self.psql(f"INSERT INTO site.files VALUES ('{name}', '{kind}', '{self.owner.company}', '{key}', "
                  f"{len(content)})")
        return name

    def insert_rendition(self, media, kind, content=b"a small picture", company=None):
        key = f"{self.owner.company}/{uuid.uuid4()}.jpg"
        (self.stack.root / key).write_bytes(content)
        self.psql(f"""
            INSERT INTO media.renditions (company_id, blob_id, kind, storage_key, size, mime_type, sha256)
            SELECT m.company_id, m.blob_id, '{kind}', '{key}', {len(content)}, 'image/jpeg',
                   sha256('\\x{content.hex()}') FROM media.media_files AS m WHERE m.id = '{media}'""")
        return key

    def asked(self, name):
        return int(self.psql(f"SELECT count(*) FROM site.asked WHERE id = '{name}'"))

    def at_once(self, paths):
        with ThreadPoolExecutor(len(paths)) as pool:
            return [answer.status_code for answer in pool.map(self.get, paths)]

    def key_of(self, media):
        return self.psql("SELECT b.storage_key FROM media.media_files AS m JOIN media.blobs AS b "
                         f"ON b.id = m.blob_id WHERE m.id = '{media}'")

    def warm(self, path):
        wait_until(lambda: self.get(path).headers.get("X-Source") == "cache", 10, f"{path} in the cache")


class Question:
    """A request on a connection that is there before it is sent."""

    def __init__(self, site, media):
        url = urlsplit(site.stack.url)
        self._connection = HTTPConnection(url.hostname, url.port, timeout=30)
        self._connection.connect()
        self._path = f"/id/{media}"
        self._headers = {"Authorization": f"Bearer {site.token}"}

    def send(self):
        self._connection.request("GET", self._path, headers=self._headers)

    def receive(self):
        self.status = self._connection.getresponse().status
        self._connection.close()


class WaitingQuestions:
    """Holds the database until all that was asked about has reached the worker; both connections
    are busy before that. Within the second in which the cache is vouched for: after it, sessions
    would be asked about as well."""

    def __init__(self, site, proxy):
        self.site = site
        self.proxy = proxy
        self.asked = []

    def __enter__(self):
        self._busy = [Question(self.site, uuid.uuid4()) for _ in range(2)]
        return self

    def ask(self, media):
        self.asked.append(Question(self.site, media))
        return self.asked[-1]

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        self._ask_all()
        for question in [*self._busy, *self.asked]:
            question.receive()

    def _ask_all(self):
        self._before = len(self.proxy.asked)
        with FrozenDatabase(self.site.stack):
            for busy, question in enumerate(self._busy, 1):
                question.send()
                wait_until(lambda: self.questions() == busy, 5, f"{busy} busy connections")
            for question in self.asked:
                question.send()
            wait_until(lambda: self._under_way() >= 2 + len(self.asked), 15, "all questions")

    def _under_way(self):
        return self.site.get("/status").json()["lookups_under_way"]

    def questions(self):
        return len(self.proxy.asked) - self._before


@pytest.fixture
def proxy(site, tmp_path_factory):
    """Between the module and the database."""
    proxy = PostgresProxy(tmp_path_factory.mktemp("pg"), site.stack.postgres.socket_dir)
    drop_in = site.stack.dir / "nginx" / "ngx_media.conf"
    kept = drop_in.read_text()
    conninfo = site.stack.postgres.conninfo("media_nginx")
    assert "timeout=2s" in kept
    drop_in.write_text(kept.replace("timeout=2s", "timeout=20s").replace(
        conninfo, conninfo.replace(str(site.stack.postgres.socket_name), str(proxy.directory))))
    try:
        site.configure(LOCATIONS)
        site.warm(f"/id/{insert_media(site.owner)}")
        yield proxy
    finally:
        drop_in.write_text(kept)
        site.configure(LOCATIONS)
        proxy.close()


@pytest.fixture(scope="module")
def site(stacks, quick_settings):
    stack = stacks.start("lookups", quick_settings, workers=1)
    stack.postgres.psql(TABLES)
    site = LookupSite(stack)
    drop_in = stack.dir / "nginx" / "ngx_media.conf"
    text = drop_in.read_text()
    begin = text.index("media_cache ")
    drop_in.write_text(text[:begin] + CACHE + text[text.index(";", begin) + 1:])
    site.configure(LOCATIONS)
    wait_until(lambda: site.get("/status").json()["cache"]["vouched"], 10, "a listener")
    yield site
    stacks.stop("lookups")


class TestHowOften:
    @pytest.mark.parametrize("is_there", [True, False])
    def test_many_who_ask_the_same_at_once_are_one_question(self, site, is_there):
        name = f"slow-{uuid.uuid4()}"
        if is_there:
            site.insert(name)
        assert site.at_once([f"/own/{name}"] * 30) == [200 if is_there else 404] * 30
        assert site.asked(name) == 1

    def test_a_known_one_is_not_asked_about(self, site):
        name = site.insert(uuid.uuid4())
        for _ in range(20):
            assert site.get(f"/own/{name}").content == b"a file of the site"
        assert site.asked(name) == 1

    def test_an_absent_one_is_asked_about_when_its_time_is_over(self, site):
        name = uuid.uuid4()
        begin = time.monotonic()
        while time.monotonic() < begin + 0.8:
            assert site.status(f"/own/{name}") == 404
        assert site.asked(name) == 1
        site.insert(name)  # and nobody is told
        wait_until(lambda: site.status(f"/own/{name}") == 200, 3, "the file")
        assert 1 <= time.monotonic() - begin
        assert site.asked(name) == 2

    def test_when_told_of_a_change_it_is_asked_again_at_once(self, site):
        absent = uuid.uuid4()
        assert site.status(f"/own/{absent}") == 404
        site.insert(absent)
        site.psql(f"SELECT pg_notify('media_changed', '{absent}')")
        wait_until(lambda: site.status(f"/own/{absent}") == 200, 0.8, "the file")
        site.psql(f"DELETE FROM site.files WHERE id = '{absent}'; "
                  f"SELECT pg_notify('media_changed', '{absent}')")
        wait_until(lambda: site.status(f"/own/{absent}") == 404, 0.8, "its end")

    def test_a_flood_of_unknown_ids_fills_only_its_own_part(self, site):
        """Which holds about a thousand of them, in a zone of two megabytes."""
        names = [site.insert(f"hot-{i}-{uuid.uuid4()}") for i in range(20)]
        for name in names:
            site.warm(f"/own/{name}")
        first = uuid.uuid4()
        assert site.status(f"/own/{first}") == 404

        def flood(_):
            session = requests.Session()
            session.headers["Authorization"] = f"Bearer {site.token}"
            for _ in range(800):
                url = f"{site.stack.url}/id/{uuid.uuid4()}"
                assert session.get(url, timeout=10).status_code == 404
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(flood, range(4)))
        for name in names:
            assert site.get(f"/own/{name}").headers["X-Source"] == "cache"
            assert site.asked(name) == 1


class TestConnections:
    def test_two_connections_are_kept(self, site):
        names = [f"slow-{uuid.uuid4()}" for _ in range(12)]
        assert site.at_once([f"/own/{name}" for name in names]) == [404] * 12
        pids = site.psql(f"SELECT DISTINCT pid FROM site.asked WHERE id IN ('{names[0]}', "
                         + ", ".join(f"'{name}'" for name in names) + ")").split()
        assert len(pids) == 2

    @abandoned_queries
    def test_questions_do_not_wait_for_the_answers_to_others(self, site, proxy):
        names = [f"absent-{uuid.uuid4()}" for _ in range(24)]
        with ThreadPoolExecutor(len(names)) as pool, FrozenDatabase(site.stack):
            before = len(proxy.asked)
            answers = [pool.submit(site.status, f"/own/{name}") for name in names]
            wait_until(lambda: len(proxy.asked) == before + len(names), 1.5, "24 questions")
            assert not any(answer.done() for answer in answers)
            per_connection = [proxy.asked[before:].count(each) for each in set(proxy.asked)]
        assert {answer.result() for answer in answers} == {404}
        assert len([count for count in per_connection if count]) == 2


class TestManyAtOnce:
    """Media that are asked about while the connections are busy are one question."""

    @abandoned_queries
    def test_each_gets_its_own_answer(self, site, proxy):
        with WaitingQuestions(site, proxy) as waiting:
            ours = [waiting.ask(insert_media(site.owner)) for _ in range(10)]
            absent = [waiting.ask(uuid.uuid4()) for _ in range(10)]
            foreign = [waiting.ask(insert_media(Site(site.stack))) for _ in range(2)]
            deleted = insert_media(site.owner)
            site.psql(f"UPDATE media.media_files SET is_active = FALSE WHERE id = '{deleted}'")
            gone = waiting.ask(deleted)
        assert [answer.status for answer in ours] == [200] * 10
        assert {answer.status for answer in [*absent, *foreign, gone]} == {404}
        assert waiting.questions() <= 2 + 2

    @abandoned_queries
    def test_more_than_one_statement_takes(self, site, proxy):
        with WaitingQuestions(site, proxy) as waiting:
            answers = [waiting.ask(uuid.uuid4()) for _ in range(150)]
        assert {answer.status for answer in answers} == {404}
        assert waiting.questions() <= 2 + 4

    @abandoned_queries
    @pytest.mark.log_noise("nginx", r"lookup_media_many\(\) failed")
    @pytest.mark.log_noise("postgres", "lookup_media_many|STATEMENT")
    def test_when_they_fail_each_is_asked_about_alone(self, site, proxy):
        site.psql("ALTER FUNCTION media.lookup_media_many(uuid[]) RENAME TO kept")
        try:
            with WaitingQuestions(site, proxy) as waiting:
                ours = [waiting.ask(insert_media(site.owner)) for _ in range(4)]
                absent = [waiting.ask(uuid.uuid4()) for _ in range(4)]
            assert [answer.status for answer in ours] == [200] * 4
            assert [answer.status for answer in absent] == [404] * 4
            assert waiting.questions() >= 2 + 1 + 8
        finally:
            site.psql("ALTER FUNCTION media.kept(uuid[]) RENAME TO lookup_media_many")


class TestOwnQueries:
    def test_of_two_parameters(self, site):
        name = uuid.uuid4()
        site.insert(name, "large", b"large")
        site.insert(name, "small", b"small")
        for _ in range(2):
            assert site.get(f"/two/{name}/large").content == b"large"
            assert site.get(f"/two/{name}/small").content == b"small"
            assert site.status(f"/two/{name}/none") == 404
        # The two are not one text.
        assert site.status(f"/two/{name}/l/arge") == 404

    @pytest.mark.log_noise("postgres", "type bigint")
    def test_of_numbers(self, site):
        site.insert("1001")
        assert site.status("/number/1000") == 200
        # What is no number matches nothing, as it does in a table of numbers.
        for odd in ("x", "1e3", "9999999999999999999", "%ff", "'; DROP TABLE site.files; --"):
            assert site.status(f"/number/{odd}") == 404

    def test_answers_hold_only_for_the_query_that_gave_them(self, site):
        name = site.insert(uuid.uuid4())
        for _ in range(3):
            assert site.status(f"/own/{name}") == 200
            assert site.status(f"/nobodys/{name}") == 404
            assert site.status(f"/id/{name}") == 404

    @pytest.mark.log_noise("nginx", "unusable")
    def test_a_row_that_is_no_record_is_an_error(self, site):
        name = site.insert(uuid.uuid4())
        assert site.status(f"/broken/{name}") == 500
        assert "media_lookup_query: the lookup returned an unusable storage_key" in (
            site.stack.logs / "nginx-error.log").read_text()


class TestKeys:
    """URLs that name the stored object: /key/COMPANY/2026/11/photo.jpg."""

    def test_find_the_media(self, site):
        media = insert_media(site.owner, b"by its key")
        answer = site.get(f"/key/{site.key_of(media)}")
        assert answer.status_code == 200 and answer.content == b"by its key"
        assert answer.headers["Content-Type"] == "image/jpeg"

    def test_and_their_thumbnails(self, site):
        media = insert_media(site.owner)
        key = site.insert_rendition(media, "thumb", b"small, by its key")
        assert site.get(f"/key/{key}").content == b"small, by its key"

    def test_show_no_other_company(self, site):
        stranger = Site(site.stack)
        media = insert_media(stranger)
        assert site.status(f"/key/{site.key_of(media)}") == 404

    @pytest.mark.parametrize("odd", ["x", "../../etc/passwd", "%2e%2e/x", "a%00b", "%ff", "a" * 2000,
                                     "media.jpg?x=/etc/passwd"], ids=lambda odd: odd[:8])
    def test_what_is_no_key(self, site, odd):
        assert site.status(f"/key/{odd}") in (400, 404)

    def test_a_change_of_the_media_is_heard_of(self, site):
        media = insert_media(site.owner)
        path = f"/key/{site.key_of(media)}"
        site.warm(path)
        site.psql(f"UPDATE media.media_files SET is_active = false WHERE id = '{media}'")
        wait_until(lambda: site.status(path) == 404, 1, "the deletion")


class TestRenditions:
    """Thumbnails by a suffix of the URL: /pictures/ID_thumb."""

    def test_are_found_by_kind(self, site):
        media = insert_media(site.owner, b"the large one")
        for kind in ("thumb", "poster-2"):
            site.insert_rendition(media, kind, kind.encode())
        for _ in range(2):
            assert site.get(f"/pictures/{media}_thumb").content == b"thumb"
            assert site.get(f"/pictures/{media}_poster-2").content == b"poster-2"
            assert site.get(f"/id/{media}").content == b"the large one"
            for kind in ("none", "Thumb", "thumb%20", "%ff"):
                assert site.status(f"/pictures/{media}_{kind}") == 404

    def test_show_no_other_company(self, site):
        media = insert_media(Site(site.stack))
        site.insert_rendition(media, "thumb")
        assert site.status(f"/pictures/{media}_thumb") == 404

    def test_one_made_later_is_seen_within_a_second(self, site):
        media = insert_media(site.owner)
        path = f"/pictures/{media}_thumb"
        assert site.status(path) == 404
        site.insert_rendition(media, "thumb")
        wait_until(lambda: site.status(path) == 200, 0.9, "the thumbnail")

    def test_end_with_the_media(self, site):
        media = insert_media(site.owner)
        site.insert_rendition(media, "thumb")
        path = f"/pictures/{media}_thumb"
        site.warm(path)
        site.psql(f"UPDATE media.media_files SET is_active = false WHERE id = '{media}'")
        wait_until(lambda: site.status(path) == 404, 1, "the deletion")


@with_restart_noise
def test_an_outage_is_outlived_by_every_kind_of_lookup(site):
    media = insert_media(site.owner)
    known = [f"/own/{site.insert(uuid.uuid4())}", f"/key/{site.key_of(media)}",
             f"/pictures/{media}_thumb", f"/id/{media}"]
    site.insert_rendition(media, "thumb")
    for path in known:
        site.warm(path)
    site.stack.postgres.stop()
    try:
        for path in known:
            wait_until(lambda: site.get(path).headers.get("X-Source") == "stale", 10, "a stale answer")
            assert site.status(path) == 200
            unknown = site.get(path.rsplit("/", 1)[0] + f"/{uuid.uuid4()}_thumb")
            assert unknown.status_code in (404, 503)
            assert unknown.status_code == 503 or path.startswith("/id/")
    finally:
        site.stack.postgres.start()
    for path in known:
        wait_until(lambda: site.get(path).headers.get("X-Source") == "cache", 15, "service again")
