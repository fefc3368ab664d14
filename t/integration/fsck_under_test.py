"""fsck, as an operator runs it, and what was done to the stored files before."""

import json
import os
import subprocess
import time

from site_under_test import Site

ALL = ("missing", "size", "untracked", "corrupt")


class Findings:
    def __init__(self, done):
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.status = done.returncode
        self.errors = done.stderr
        self.faults = [line for line in lines if "finding" in line]
        self.totals = {line["totals"]["store"]: line["totals"] for line in lines if "totals" in line}

    def kinds(self):
        return [(fault["finding"], fault["key"]) for fault in self.faults]


class CheckedSite(Site):
    def run_fsck(self, *arguments):
        stack = self.stack
        return subprocess.run([str(stack.programs.indexer), "fsck", *arguments, "--config",
                               str(stack.indexer.config)], capture_output=True, text=True, timeout=120)

    def fsck(self, *arguments, min_age="0"):
        return Findings(self.run_fsck("--json", "--min-age", min_age, *arguments))

    def repair(self, *kinds):
        return self.fsck("--checksum", "--repair", ",".join(kinds or ALL))

    def file_of(self, item):
        return self.stack.root / item["file_key"]

    def stray(self, name="stray.jpg", age=7200):
        """A file that nobody knows."""
        path = self.stack.root / self.company / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"stray")
        make_older(path, age)
        return path

    def key_of(self, path):
        return str(path.relative_to(self.stack.root))


def make_older(path, seconds=7200):
    then = time.time() - seconds
    os.utime(path, (then, then))


def damage(path):
    """Another byte in its midst."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xff
    path.write_bytes(content)
    make_older(path)
    return bytes(content)
