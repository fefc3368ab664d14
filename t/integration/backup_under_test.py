"""Backups of a stack, looked at from outside, and an empty stack to restore them to."""

import copy
import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path


class Backups:
    """The backups of a stack in one directory."""

    def __init__(self, stack, directory):
        self.stack = stack
        self.directory = Path(directory)

    def command(self, *arguments):
        return [str(self.stack.programs.indexer), "backup", "--to", str(self.directory), *arguments,
                "--conninfo", self.stack.postgres.conninfo(), "--config", str(self.stack.indexer.config)]

    def run(self, *arguments):
        return subprocess.run(self.command("--json", *arguments), capture_output=True, text=True, timeout=120)

    def take(self, *arguments):
        """The report of a backup with nothing to complain of."""
        done = self.run(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        report = json.loads(done.stdout)
        assert adds_up(report), report
        return report

    def snapshots(self):
        """With a manifest."""
        return sorted(path.parent.name for path in self.directory.glob("snapshots/*/manifest.json"))

    def blobs(self):
        """{SHA-256 by name: path}"""
        return {path.name: path for path in self.directory.glob("blobs/??/??/*")}

    def named(self, snapshot):
        """[(sha256, size, store, key)] of the list."""
        lines = (self.directory / "snapshots" / snapshot / "blobs.tsv").read_text().splitlines()
        return [tuple(line.split("\t")[:4]) for line in lines]


def adds_up(report):
    parts = [report[name]["files"] for name in ("written", "present")]
    parts += [report[name] for name in ("deleted", "missing", "corrupt")]
    return sum(parts) == report["contents"]["files"]


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def damage(path):
    """Turns one bit of the file, and of no other name of it."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)


def empty(stack):
    """As a machine where nothing but the programs and their settings are."""
    stack.indexer.stop()
    stack.postgres.psql("DROP SCHEMA IF EXISTS media CASCADE; DROP SCHEMA IF EXISTS sqitch CASCADE")
    for path in stack.root.iterdir():
        if path.is_dir():
            shutil.rmtree(path)


def restore(stack, source, *arguments):
    return subprocess.run(
        [str(stack.programs.indexer), "restore", "--from", str(source), "--json", *arguments,
         "--conninfo", stack.postgres.conninfo(), "--config", str(stack.indexer.config)],
        capture_output=True, text=True, timeout=120)


def restored(stack, source, *arguments):
    """The report of a restore that went well."""
    done = restore(stack, source, *arguments)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    parts = [report[name]["files"] for name in ("written", "present", "absent")]
    assert sum(parts) == report["named"]["files"], report
    return report


def site_on(stack, site):
    """The site as it is on another stack, where providers send to from now on."""
    other = copy.copy(site)
    other.stack = stack
    other.webhook = copy.copy(site.webhook)
    other.webhook.url = site.webhook.url.replace(site.stack.url, stack.url)
    other.token = other.token_for(site.user)
    return other


def other_file_system():
    """A new directory where nothing of a stack can be linked to."""
    return Path(tempfile.mkdtemp(prefix="ngx_media-", dir="/dev/shm"))
