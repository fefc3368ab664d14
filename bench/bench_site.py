"""A stack with one company and one WhatsApp account at the cheap provider double."""

import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from stack import Stack

from .provider import TOKEN, FastProvider
from .sender import APP_SECRET, NUMBER


class BenchSite:
    def __init__(self, stack, provider):
        self.stack = stack
        self.provider = provider
        self.company = stack.command("company", "add", "Bench")
        stack.command("user", "add", "--company", self.company, "Grace")
        stack.command("account", "add", "--company", self.company, "--provider", "whatsapp",
                      "--external-id", NUMBER, "--secret", f"app_secret={APP_SECRET}",
                      "--secret", f"access_token={TOKEN}", "--secret", "verify_token=bench")
        self.token = stack.command(
            "token", "--user", "Grace", "--company", self.company, "--ttl", "8h")

    def completed(self):
        return int(self.stack.postgres.psql(
            "SELECT count(*) FROM media.media_files WHERE download_status = 'completed'"))

    def wait_for(self, count, seconds):
        deadline = time.monotonic() + seconds
        while (done := self.completed()) < count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"only {done} of {count} media are completed")
            time.sleep(0.05)


@contextmanager
def bench_site(server_config="", overrides=None, workers=1):
    """`server_config` may name {root}, the store's directory."""
    place = Path(tempfile.mkdtemp(prefix="ngx_media-bench.", dir="/var/tmp"))
    user = "user root;" if os.getuid() == 0 else ""
    provider = FastProvider(place / "provider", user)
    stack = Stack(place / "stack", workers=workers)
    try:
        provider.start()
        (stack.dir / "nginx.d").mkdir(parents=True)
        (stack.dir / "nginx.d" / "bench.conf").write_text(
            server_config.replace("{root}", str(stack.root)))
        stack.up(overrides=provider.settings() | (overrides or {}))
        yield BenchSite(stack, provider)
    finally:
        if (stack.dir / "stack.json").exists():
            stack.down()
        provider.stop()
        shutil.rmtree(place)
