"""Memory of the worker over a million requests for a million different ids, without the module's
cache and with it; and whether the cache holds them all afterwards."""

import tempfile
from pathlib import Path

from .bench_site import bench_site
from .lookups import row_lookups
from .measure import save, status_kib
from .rows import add_rows, media_id
from .sender import Sender, deliveries
from .serve import jpegs
from .servers import measured_servers
from .traffic import start_at, write_script, wrk

RECORDS = 1_000_000
ZONE = "640m"  # docs: 64m for 100,000
SECONDS = 4
CONNECTIONS = 32
WANTED_GROWTH_KIB = 1024  # after the first tenth, when pools and buffers have their size
WANTED_HITS = 0.99


def one_blob(site):
    """The blob that all of the ids stand for: only the ids must be many."""
    [content] = jpegs(1, 4096)
    Sender(site.stack.port).send(deliveries([site.provider.add("900000000000000", [content])]))
    site.wait_for(1, 30)
    return site.stack.postgres.psql("SELECT id FROM media.blobs")


def ask_for_all(site, server, script):
    """[(requests so far, private KiB, shared KiB)] of the worker while every id is asked for."""
    done, samples = 0, []
    while done < RECORDS:
        start_at(script, done, site.token)
        done += wrk(server.port, script, SECONDS, CONNECTIONS).requests
        worker = server.worker()
        samples.append((done, status_kib(worker, "RssAnon"), status_kib(worker, "RssShmem")))
    return samples


def growth_kib(samples):
    settled = next(private for done, private, _ in samples if done >= RECORDS / 10)
    return samples[-1][1] - settled


def measure(site, server, script):
    before = row_lookups(site)
    samples = ask_for_all(site, server, script)
    first = row_lookups(site) - before
    again = ask_for_all(site, server, script)
    lookups = row_lookups(site) - before - first
    return {"samples": samples + again, "growth_kib": growth_kib(samples + again),
            "lookups_first": first, "lookups_again": lookups,
            "hits_again": round(1 - lookups / again[-1][0], 4)}


def report(name, figures, wanted_hits):
    grown = figures["growth_kib"] <= WANTED_GROWTH_KIB
    print("{} {}: the worker grew by {growth_kib} KiB, wanted <= {}".format(
        "kept" if grown else "NOT KEPT", name, WANTED_GROWTH_KIB, **figures))
    if wanted_hits:
        print("{} {}: {hits_again:.2%} of the second million answered from {}, wanted >= {:.0%}"
              .format("kept" if figures["hits_again"] >= wanted_hits else "NOT KEPT", name, ZONE,
                      wanted_hits, **figures))


def main():
    results = {}
    with bench_site() as site, tempfile.TemporaryDirectory() as directory:
        add_rows(site, RECORDS, one_blob(site))
        script = write_script(Path(directory) / "ids.lua",
                              [f"/media/{media_id(i)}" for i in range(1, RECORDS + 1)], site.token)
        for name, wanted_hits in (("cold", None), ("warm", WANTED_HITS)):
            with measured_servers(site, [name], ZONE) as servers:
                results[name] = measure(site, servers[name], script)
            report(name, results[name], wanted_hits)
    save("memory", {"records": RECORDS, "zone": ZONE} | results)


if __name__ == "__main__":
    main()
