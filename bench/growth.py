"""Latency of a cold lookup through nginx with 10 thousand and with 10 million media rows.

Both sites run side by side and take turns. Takes about ten minutes and 15 GB below /var/tmp.
"""

import random
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from .bench_site import bench_site
from .measure import save
from .rows import add_rows, media_id
from .servers import measured_servers
from .traffic import write_script, wrk

SMALL, LARGE = 10_000, 10_000_000
ASKED = 10_000  # different ids that are asked for, each with a file
ROUNDS = 10
SECONDS = 4
CONNECTIONS = 4
WANTED = 2.0
# The rows can be made again: they need not be safe, only in the order of real ones.
SETTINGS = {"fsync": "off", "max_wal_size": "'8GB'", "work_mem": "'1GB'",
            "maintenance_work_mem": "'1GB'", "autovacuum": "off"}


def fill(site, count):
    """Rows, and files for some of them; returns the ids of those."""
    begin = time.monotonic()
    add_rows(site, count)
    asked = [media_id(i) for i in random.sample(range(1, count + 1), ASKED)]
    directory = site.stack.root / "rows"
    directory.mkdir()
    for each in asked:
        (directory / each).write_bytes(bytes(4096))
    print(f"{count:,} rows in {time.monotonic() - begin:.0f} s", flush=True)
    return asked


def started(running, count, directory):
    """(port, wrk script) of a site with so many rows."""
    site = running.enter_context(bench_site(SETTINGS))
    asked = fill(site, count)
    script = write_script(directory / f"{count}.lua", [f"/media/{each}" for each in asked],
                          site.token)
    servers = running.enter_context(measured_servers(site, ["cold"]))
    return servers["cold"].port, script


def main(counts):
    with ExitStack() as running:
        directory = Path(running.enter_context(tempfile.TemporaryDirectory()))
        sites = {count: started(running, count, directory) for count in counts}
        for port, script in sites.values():
            wrk(port, script, SECONDS, CONNECTIONS)
        rounds = {count: [] for count in sites}
        for _ in range(ROUNDS):
            for count, (port, script) in sites.items():
                rounds[count].append(wrk(port, script, SECONDS, CONNECTIONS).__dict__)
    report(rounds)


def report(rounds):
    median = {f"{name} of {count}": statistics.median(one[name] for one in runs)
              for count, runs in rounds.items() for name in ("p50_us", "p99_us")}
    small, large = min(rounds), max(rounds)
    ratio = {name: round(median[f"{name} of {large}"] / median[f"{name} of {small}"], 2)
             for name in ("p50_us", "p99_us")}
    for count in rounds:
        print(f"{count:12,} rows: p50 {median[f'p50_us of {count}']:.0f} us, "
              f"p99 {median[f'p99_us of {count}']:.0f} us")
    print(f"{'kept' if ratio['p99_us'] <= WANTED else 'NOT KEPT'} "
          f"p99 {ratio['p99_us']}x (p50 {ratio['p50_us']}x), wanted <= {WANTED}")
    save("growth", {"connections": CONNECTIONS, "asked": ASKED, "median": median, "ratio": ratio,
                    "rounds": rounds})


if __name__ == "__main__":
    main([int(count) for count in sys.argv[1:]] or [SMALL, LARGE])
