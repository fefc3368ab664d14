"""clang-tidy on every translation unit of the product, in parallel; tests are left to the compiler.

A unit that passed is not looked at again until it, a header of the project that it includes, its
compile command or the configuration changes: build/tidy/ keeps a stamp for each.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCE = Path(os.environ["MEDIA_SOURCE"])
BUILD = Path(os.environ["MEDIA_BUILD"])
STAMPS = BUILD / "tidy"
CLANG_TIDY = "clang-tidy-19"
INCLUDE = re.compile(rb'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def units():
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    return [entry for entry in commands
            if Path(entry["file"]).is_relative_to(SOURCE)
            and not Path(entry["file"]).is_relative_to(BUILD)
            and not Path(entry["file"]).is_relative_to(SOURCE / "t")]


def closure(path, found):
    """The file and what it includes from the project, recursively."""
    if path in found or not path.is_file():
        return
    content = path.read_bytes()
    found[path] = content
    for name in INCLUDE.findall(content):
        closure(SOURCE / os.fsdecode(name), found)


def stamp_of(entry, base):
    files = {}
    closure(Path(entry["file"]), files)
    digest = hashlib.sha256(base)
    digest.update(entry["command"].encode())
    for path in sorted(files):
        digest.update(hashlib.sha256(files[path]).digest())
    return STAMPS / digest.hexdigest()


def check(entry, stamp):
    """The complaints about one unit; an empty text when there is none."""
    done = subprocess.run(
        [CLANG_TIDY, "-p", str(BUILD), "--quiet", "--use-color=0", "--warnings-as-errors=*",
         # Flags that only gcc knows are no complaint.
         "--extra-arg=-Wno-unknown-warning-option", entry["file"]],
        capture_output=True, text=True, cwd=SOURCE)
    if done.returncode == 0:
        stamp.touch()
        return ""
    return done.stdout + done.stderr


def main():
    STAMPS.mkdir(parents=True, exist_ok=True)
    version = subprocess.run([CLANG_TIDY, "--version"], capture_output=True, check=True).stdout
    base = version + (SOURCE / ".clang-tidy").read_bytes()
    open_units = [(entry, stamp) for entry in units()
                  if not (stamp := stamp_of(entry, base)).exists()]
    print(f"clang-tidy: {len(open_units)} units to check", file=sys.stderr)
    failed = False
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for complaints in pool.map(lambda unit: check(*unit), open_units):
            if complaints:
                failed = True
                print(complaints, flush=True)
    return 1 if failed else 0


sys.exit(main())
