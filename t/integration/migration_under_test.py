"""A site with the stores `local` and `s3`, and people who read while its files move."""

import json
import random
import subprocess
import threading

import requests

from fsck_under_test import CheckedSite
from site_under_test import photo

SIZE = 30_000


def two_stores(object_store, bucket, directory):
    """Settings of the indexer and configuration of nginx for a bucket as the store `s3`."""
    key_file = object_store.access.write_key_file(directory / "s3.key")
    access = object_store.access
    store = (f"media_store s3 s3 endpoint={access.endpoint} region={access.region} bucket={bucket}"
             f" key_file={key_file};\n")
    return access.settings(bucket, key_file), store


class MovingSite(CheckedSite):
    """With `migrate` for its company."""

    def __init__(self, stack, graph, object_store, bucket):
        super().__init__(stack, graph)
        self.object_store = object_store
        self.bucket = bucket
        self.contents = {}  # of each media id

    def receive(self, count, size=SIZE):
        """Photos in one webhook; their media ids."""
        contents = [photo(size) for _ in range(count)]
        messages = [self.offer(content) for content in contents]
        self.send(*messages)
        ids = [self.wait_for(message["id"])["id"] for message in messages]
        self.contents |= dict(zip(ids, contents))
        return ids

    def command(self, *arguments, from_store="local", to_store="s3"):
        return [str(self.stack.programs.indexer), "migrate", "--from", from_store, "--to", to_store,
                "--company", self.company, *arguments, "--config", str(self.stack.indexer.config)]

    def run(self, *arguments, **stores):
        return subprocess.run(self.command(*arguments, **stores), capture_output=True, text=True, timeout=120)

    def migrate(self, *arguments, status=0, **stores):
        """What it counted, which adds up."""
        done = self.run("--json", *arguments, **stores)
        assert done.returncode == status, done.stderr
        totals = json.loads(done.stdout)
        for figure in ("files", "bytes"):
            assert totals["found"][figure] == sum(
                totals[name][figure] for name in ("moved", "already_there", "failed", "vanished"))
        return totals

    def files(self, totals):
        return {name: totals[name]["files"] for name in ("found", "moved", "already_there", "failed", "vanished")
                if totals[name]["files"]}

    def psql(self, sql):
        return self.stack.postgres.psql(sql)

    def stores(self):
        """How many of the blobs each store has."""
        rows = self.psql("SELECT store || ' ' || count(*) FROM media.blobs"
                         f" WHERE company_id = '{self.company}' AND state = 'live' GROUP BY store ORDER BY store")
        return {line.split()[0]: int(line.split()[1]) for line in rows.splitlines()}

    def key_of(self, media_id):
        return self.psql(f"SELECT b.storage_key FROM media.blobs AS b JOIN media.media_files AS m ON m.blob_id = b.id"
                         f" WHERE m.id = '{media_id}'")

    def objects(self):
        listing = self.object_store.client.list_objects_v2(Bucket=self.bucket, Prefix=self.company)
        return {entry["Key"] for entry in listing.get("Contents", [])}

    def all_are_served(self):
        for media_id, content in self.contents.items():
            answer = self.get(f"/media/{media_id}")
            assert (answer.status_code, answer.content == content) == (200, True), media_id


class Readers:
    """People who read media all the time, and note what goes wrong."""

    def __init__(self, site, count=3):
        self.site = site
        self.reads = 0
        self.wrong = []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._read, args=(seed,)) for seed in range(count)]

    def _read(self, seed):
        chance = random.Random(seed)
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {self.site.token}"
            while not self.over.is_set():
                media_id = chance.choice(list(self.site.contents))
                try:
                    answer = session.get(f"{self.site.stack.url}/media/{media_id}", timeout=20)
                    if answer.status_code != 200 or answer.content != self.site.contents[media_id]:
                        self.wrong.append((media_id, answer.status_code, answer.url))
                except requests.RequestException as error:
                    self.wrong.append((media_id, repr(error)))
                self.reads += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
