"""A small file system of its own for a store, which can be full, read-only or away. Needs root."""

import contextlib
import os
import subprocess


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)


class SmallDisk:
    """A tmpfs over the store of a stack, whose indexer is started anew on it."""

    def __init__(self, stack, size, directory):
        self.root = stack.root
        self.read_only_view = directory / "read-only"
        self.nothing = directory / "nothing"
        for path in (self.read_only_view, self.nothing):
            path.mkdir()
        stack.indexer.stop()
        mount("-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", self.root)
        stack.command("init")
        stack.indexer.start()
        # Made read-only while nobody has a file open through it.
        mount("--bind", self.root, self.read_only_view)
        mount("-o", "remount,bind,ro", self.read_only_view)

    def remove(self):
        for path in (self.read_only_view, self.root):
            subprocess.run(["umount", path], check=True)

    @contextlib.contextmanager
    def _covered(self, by):
        mount("--bind", by, self.root)
        try:
            yield
        finally:
            # Somebody may still hold a file of it.
            subprocess.run(["umount", "--lazy", self.root], check=True)

    def read_only(self):
        return self._covered(self.read_only_view)

    def missing(self):
        return self._covered(self.nothing)

    @contextlib.contextmanager
    def full(self):
        filler = self.root / ".filler"
        try:
            with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(1 << 16))
            yield
        finally:
            os.unlink(filler)
