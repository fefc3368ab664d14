"""Locations that only callers with a session may enter, and that tell whom they took the caller for."""

import os
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests

from faults_under_test import nginx_signal, workers
from stack.process import wait_until


def guarded(path, *directives):
    """A location that answers with what it knows of the caller, in headers."""
    lines = "".join(f"    {directive};\n" for directive in directives)
    return f"""
location = {path} {{
{lines}    media_authorize on;
    add_header X-User $media_user always;
    add_header X-Company $media_company always;
    add_header X-Companies $media_companies always;
    add_header X-Role $media_role always;
    add_header X-Decision $media_decision always;
    add_header X-Source $media_source always;
    add_header X-Worker $pid always;
    empty_gif;
}}
"""


@dataclass(frozen=True)
class Seen:
    """What came back from a guarded location."""

    status: int
    user: str = ""
    companies: str = ""
    role: str = ""


class Guarded:
    """Asks the guarded locations of a stack."""

    def __init__(self, stack):
        self.stack = stack

    def locations(self):
        return (self.stack.dir / "nginx.d" / "test.conf").read_text()

    def configure(self, text):
        """Replaces the server's locations; returns when no worker has the old ones."""
        (self.stack.dir / "nginx.d" / "test.conf").write_text(text)
        reload(self.stack)

    def get(self, path, token=None, **options):
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return requests.get(self.stack.url + path, headers=headers, timeout=20, **options)

    def seen(self, path, token=None, **options):
        answer = self.get(path, token, **options)
        header = answer.headers.get
        return Seen(answer.status_code, header("X-User", ""), header("X-Companies", ""),
                    header("X-Role", ""))

    def status(self, path, token=None, **options):
        return self.get(path, token, **options).status_code

    def on_each_worker(self, path, token=None, **options):
        """{worker: the statuses of its answers}, of every worker."""
        def all_workers():
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda _: self.get(path, token, **options), range(24)))
            found = {}
            for answer in answers:
                found.setdefault(answer.headers["X-Worker"], set()).add(answer.status_code)
            return found if len(found) == self.stack.workers else None
        return wait_until(all_workers, 10, "an answer from every worker")

    def statuses(self, path, token=None, **options):
        """The statuses that workers answer with, whichever is asked."""
        return set().union(*self.on_each_worker(path, token, **options).values())


def reload(stack):
    before = set(workers(stack))
    nginx_signal(stack, "reload")
    wait_until(lambda: len(workers(stack)) == stack.workers and not before & set(workers(stack)),
               15, "new workers")


def make_key(path, *arguments):
    """A private key by openssl genpkey; (private PEM, public PEM)."""
    private = subprocess.run(["openssl", "genpkey", *arguments], check=True,
                             capture_output=True).stdout
    path.with_suffix(".private").write_bytes(private)
    public = subprocess.run(["openssl", "pkey", "-pubout"], input=private, check=True,
                            capture_output=True).stdout
    path.write_bytes(public)
    return private, public


def insert_media(site, content=None):
    """Media of the site's company, written by hand; its id."""
    content = content or os.urandom(100)
    media, blob, account = (str(uuid.uuid4()) for _ in range(3))
    key = f"{site.company}/{blob}.bin"
    path = site.stack.root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    site.stack.postgres.psql(f"""
        SET session_replication_role = replica;
        INSERT INTO media.blobs (id, company_id, bucket, storage_key, sha256, size, mime_type)
        VALUES ('{blob}', '{site.company}', 'images', '{key}', sha256('\\x{content.hex()}'),
                {len(content)}, 'image/jpeg');
        INSERT INTO media.media_files (id, company_id, account_id, conversation_id, message_id,
            item_index, file_type, mime_type, file_size, blob_id, download_status)
        VALUES ('{media}', '{site.company}', '{account}', '{account}', '{account}', 0, 'image',
                'image/jpeg', {len(content)}, '{blob}', 'completed')""")
    return media
