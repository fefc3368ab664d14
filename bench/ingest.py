"""Photos a second from webhook to durable file, and the indexer's memory meanwhile."""

import os
import statistics
import time

from .bench_site import bench_site
from .measure import CpuMeter, save, status_kib
from .sender import Sender, deliveries
from .serve import jpegs

PHOTOS = 1000
PHOTO_SIZE = 100_000
LARGE_FILES = 16
LARGE_SIZE = 100_000_000
ROUNDS = 3


def peak_rss_kib(site):
    return status_kib(site.stack.indexer.pid(), "VmHWM")


def photos_round(site, number):
    """1,000 deliveries of one distinct photo each, as fast as they are taken."""
    first = 900_000_000_000_000 + number * PHOTOS
    offers = [site.provider.add(str(first + i), [content])
              for i, content in enumerate(jpegs(PHOTOS, PHOTO_SIZE))]
    prepared = list(deliveries(offers))
    before = site.completed()
    sender = Sender(site.stack.port)
    meter = CpuMeter(site.stack.dir)
    begin = time.monotonic()
    sender.send(prepared)
    accepted = time.monotonic() - begin
    site.wait_for(before + PHOTOS, 300)
    wall = time.monotonic() - begin
    cpu, _ = meter.read()
    latencies = sorted(sender.latencies)
    return {"photos": PHOTOS, "wall_s": round(wall, 3), "accepted_s": round(accepted, 3),
            "media_per_second": round(PHOTOS / wall, 1),
            "webhook_ms_median": round(statistics.median(latencies) * 1000, 2),
            "webhook_ms_p99": round(latencies[int(len(latencies) * 0.99)] * 1000, 2),
            "cpu_s": {name: round(seconds, 2) for name, seconds in cpu.items()},
            "indexer_peak_rss_kib": peak_rss_kib(site)}


def large_files(site):
    """Files of 100 MB, all at once; only their first megabyte differs."""
    block = os.urandom(1_000_000)
    offers = [site.provider.add(str(800_000_000_000_000 + i),
                                [unique, *[block] * (LARGE_SIZE // len(block) - 1)])
              for i, unique in enumerate(jpegs(LARGE_FILES, len(block)))]
    before = site.completed()
    meter = CpuMeter(site.stack.dir)
    begin = time.monotonic()
    Sender(site.stack.port).send(deliveries(offers, kind="document"))
    site.wait_for(before + LARGE_FILES, 600)
    wall = time.monotonic() - begin
    cpu, _ = meter.read()
    return {"files": LARGE_FILES, "size": LARGE_SIZE, "wall_s": round(wall, 2),
            "mb_per_second": round(LARGE_FILES * LARGE_SIZE / wall / 1e6),
            "cpu_s": {name: round(seconds, 2) for name, seconds in cpu.items()},
            "indexer_peak_rss_kib": peak_rss_kib(site)}


def verify_durable(site):
    """The promise is only worth something with fsync on."""
    settings = {name: site.stack.postgres.psql(f"SHOW {name}")
                for name in ("fsync", "synchronous_commit", "full_page_writes")}
    if set(settings.values()) != {"on"}:
        raise RuntimeError(f"Postgres is not durable: {settings}")
    return settings


def main():
    with bench_site() as site:
        durable = verify_durable(site)
        rounds = [photos_round(site, number) for number in range(ROUNDS)]
        large = large_files(site)
    for one in rounds:
        print("{media_per_second:6.1f} media/s, webhook {webhook_ms_median} ms (p99 "
              "{webhook_ms_p99}), indexer peak RSS {indexer_peak_rss_kib} KiB".format(**one))
    print("{files} files of {size:,} bytes at once: {mb_per_second} MB/s, indexer peak RSS "
          "{indexer_peak_rss_kib} KiB".format(**large))
    save("ingest", {"durable": durable, "photo_size": PHOTO_SIZE, "rounds": rounds,
                    "large_files": large})


if __name__ == "__main__":
    main()
