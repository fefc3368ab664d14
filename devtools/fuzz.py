"""Builds t/fuzz with clang and libFuzzer into build/fuzz and runs every target for a while.

Each starts from its kept inputs in t/fuzz/corpus/TARGET; what it finds stays in build/fuzz/corpus.
MEDIA_FUZZ_SECONDS (default 10) is how long one runs. `devtools/fuzz.py merge [TARGET...]` then makes
the kept corpora the fewest inputs that reach what all of them reach.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
BUILD = SOURCE / "build" / "fuzz"
KEPT = SOURCE / "t" / "fuzz" / "corpus"
SECONDS = int(os.environ.get("MEDIA_FUZZ_SECONDS", "10"))
LIMITS = ["-timeout=5", "-rss_limit_mb=512", "-max_len=8192"]
# Freed memory that the address sanitizer holds back counts as resident.
ENVIRONMENT = os.environ | {"ASAN_OPTIONS": "quarantine_size_mb=64",
                            "ASAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-19"}


def build():
    flags = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined"
    if not (BUILD / "build.ninja").exists():
        subprocess.run(
            ["cmake", "-S", SOURCE, "-B", BUILD, "-G", "Ninja", "-DMEDIA_FUZZ=ON",
             "-DMEDIA_INDEXER=OFF", "-DMEDIA_TESTS=OFF", "-DCMAKE_BUILD_TYPE=Debug",
             "-DCMAKE_C_COMPILER=clang-19", "-DCMAKE_CXX_COMPILER=clang++-19",
             f"-DCMAKE_CXX_FLAGS={flags}"], check=True, stdout=sys.stderr)
    subprocess.run(["cmake", "--build", BUILD, "--target", "fuzzers", "--", "--quiet"],
                   check=True, stdout=sys.stderr)


def targets():
    return sorted(path.stem.removesuffix("_fuzz") for path in SOURCE.glob("t/fuzz/*_fuzz.cpp"))


def fuzz(target):
    """(target, whether it survived, what to tell)."""
    found, artifacts = BUILD / "corpus" / target, BUILD / "artifacts" / target
    shutil.rmtree(artifacts, ignore_errors=True)
    for directory in (found, artifacts):
        directory.mkdir(parents=True, exist_ok=True)
    if not any((KEPT / target).iterdir()):
        return target, False, "no kept inputs"
    done = subprocess.run(
        [program(target), f"-max_total_time={SECONDS}", *LIMITS, f"-artifact_prefix={artifacts}/",
         found, KEPT / target],
        capture_output=True, text=True, env=ENVIRONMENT)
    lines = done.stderr.splitlines()
    if done.returncode == 0:
        return target, True, next(line for line in reversed(lines) if "DONE" in line)
    artifact = next(artifacts.iterdir(), None)
    return target, False, "\n".join([*lines[-60:], describe(artifact)])


def describe(artifact):
    if artifact is None:
        return "no artifact was left"
    dump = subprocess.run(["xxd", "-l", "1024", artifact], capture_output=True, text=True).stdout
    return f"the input, {artifact}:\n{dump}"


def program(target):
    return BUILD / "t" / "fuzz" / f"{target}_fuzz"


def merge(target):
    """Rewrites the kept inputs: kept and found ones, without those that reach nothing more."""
    small = BUILD / "merged" / target
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir(parents=True)
    # Without counters: an input that only takes more turns of a loop is not worth keeping.
    subprocess.run([program(target), "-set_cover_merge=1", "-use_counters=0", *LIMITS, small,
                    KEPT / target, BUILD / "corpus" / target], check=True, capture_output=True)
    shutil.rmtree(KEPT / target)
    shutil.copytree(small, KEPT / target)
    print(f"{target}: {len(list(small.iterdir()))} inputs")


def main(arguments):
    build()
    if arguments[:1] == ["merge"]:
        for target in arguments[1:] or targets():
            merge(target)
        return 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(fuzz, targets()))
    for target, survived, message in results:
        print(f"{target}: {'passed' if survived else 'FAILED'}: {message}")
    failed = sum(not survived for _, survived, _ in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
