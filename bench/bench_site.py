"""A stack with one company and one WhatsApp account at the cheap provider double."""

import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from doubles.standard_webhook import make_secret
from stack import Stack

from .provider import TOKEN, FastProvider
from .sender import APP_SECRET, NUMBER


class BenchSite:
    def __init__(self, place, stack, provider):
        self.place = place
        self.stack = stack
        self.provider = provider
        self.company = stack.command("company", "add", "Bench")
        stack.command("user", "add", "--company", self.company, "Grace")
        stack.command("account", "add", "--company", self.company, "--provider", "whatsapp",
                      "--external-id", NUMBER, "--secret", f"app_secret={APP_SECRET}",
                      "--secret", f"access_token={TOKEN}", "--secret", "verify_token=bench")
        self.token = stack.command(
            "token", "--user", "Grace", "--company", self.company, "--ttl", "8h")

    def add_crowd(self):
        """Another company, which gets media by URL; (webhook's path, its secret)."""
        company = self.stack.command("company", "add", "Crowd")
        secret = make_secret()
        url = self.stack.command("account", "add", "--company", company, "--provider", "generic",
                                 "--external-id", "crowd", "--secret", f"secret={secret}")
        return urlsplit(url).path, secret

    def completed(self):
        return int(self.stack.postgres.psql(
            "SELECT count(*) FROM media.media_files WHERE download_status = 'completed'"))

    def wait_for(self, count, seconds):
        deadline = time.monotonic() + seconds
        while (done := self.completed()) < count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"only {done} of {count} media are completed")
            time.sleep(0.05)


def nginx_user():
    """The files belong to whoever runs the benchmark, so the workers must be the same user."""
    return "user root;" if os.getuid() == 0 else ""


@contextmanager
def bench_site(postgres_settings=None, overrides=None):
    """Everything of a benchmark runs below `site.place`: that is how its CPU time is counted."""
    place = Path(tempfile.mkdtemp(prefix="ngx_media-bench.", dir="/var/tmp"))
    provider = FastProvider(place / "provider", nginx_user())
    stack = Stack(place / "stack", workers=1, postgres_settings=postgres_settings)
    try:
        provider.start()
        stack.up(overrides=provider.settings() | (overrides or {}))
        yield BenchSite(place, stack, provider)
    finally:
        if (stack.dir / "stack.json").exists():
            stack.down()
        provider.stop()
        shutil.rmtree(place)
