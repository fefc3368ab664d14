"""Many downloads at once: the memory they take, and whether others wait for them."""

import statistics
import time

from .arrivals import Arrivals
from .measure import CpuMeter, peak_rss_kib
from .promises import below
from .provider import OPEN_HOST, SLOW_HOST
from .sender import Sender, deliveries, generic_deliveries
from .serve import jpegs

LARGE_FILES = 64
LARGE_SIZE = 100_000_000
LARGE_SETTINGS = {"fetch.concurrency": LARGE_FILES, "fetch.concurrency_per_company": LARGE_FILES,
                  "fetch.concurrency_per_host": LARGE_FILES}
WANTED_LARGE_MIB = 64

SLOW_CONNECTIONS = 2000
SLOW_SIZE = 300_000
SLOW_SETTINGS = {"fetch.concurrency": 2800}  # a company and a host may have three quarters
WANTED_SLOW_MIB = 256

BACKLOG = 100_000
WANTED_DELAY_S = 1.0

SINGLES = 20
PAUSE_S = 0.25


def large(site):
    """Files of 100 MB, all at once; only their first megabyte differs."""
    zeros = bytes(1_000_000)
    offers = [site.provider.add(str(800_000_000_000_000 + i),
                                [unique, *[zeros] * (LARGE_SIZE // len(zeros) - 1)])
              for i, unique in enumerate(jpegs(LARGE_FILES, len(zeros)))]
    with Arrivals(site) as arrivals:
        meter, begin = CpuMeter(site.stack.dir), time.monotonic()
        Sender(site.stack.port).send(deliveries(offers, kind="document"))
        wall = arrivals.wait_for(LARGE_FILES, 900) - begin
        cpu, _ = meter.read()
    peak = peak_rss_kib(site)
    return {"files": LARGE_FILES, "size": LARGE_SIZE, "wall_s": round(wall, 2),
            "mb_per_second": round(LARGE_FILES * LARGE_SIZE / wall / 1e6),
            "cpu_s": {name: round(seconds, 2) for name, seconds in cpu.items()},
            "indexer_peak_rss_kib": peak, "promises": [
                below(f"{LARGE_FILES} files of 100 MB at once, peak RSS", round(peak / 1024, 1),
                      WANTED_LARGE_MIB, " MiB")]}


def singles(site, first):
    """Seconds from webhook to readable of photos, one after the other."""
    took = []
    for number, content in enumerate(jpegs(SINGLES, 100_000)):
        offer = site.provider.add(str(first + number), [content])
        with Arrivals(site, read=True) as arrivals:
            begin = time.monotonic()
            Sender(site.stack.port, 1).send(deliveries([offer]))
            took.append(arrivals.wait_for(1, 60) - begin)
        time.sleep(PAUSE_S)
    return [round(one, 4) for one in took]


def delay(alone, among):
    return round(max(among) - statistics.median(alone), 3)


def open_connections(port):
    """Established ones to this port of ours."""
    wanted = f":{port:04X}"
    with open("/proc/net/tcp") as table:
        return sum(1 for line in table if line.split()[2].endswith(wanted) and line.split()[3] == "01")


def slow(site):
    """2,000 transfers over TLS at 10 KB/s, and another company's photos from another host."""
    path, secret = site.add_crowd()
    site.provider.share(jpegs(1, SLOW_SIZE)[0])
    alone = singles(site, 830_000_000_000_000)
    urls = [f"https://{SLOW_HOST}:{site.provider.slow_port}/{i}" for i in range(SLOW_CONNECTIONS)]
    Sender(site.stack.port, path=path).send(generic_deliveries(urls, secret))
    most, deadline = 0, time.monotonic() + 60
    while most < SLOW_CONNECTIONS and time.monotonic() < deadline:
        most = max(most, open_connections(site.provider.slow_port))
        time.sleep(0.1)
    among = singles(site, 840_000_000_000_000)
    still = open_connections(site.provider.slow_port)
    peak = peak_rss_kib(site)
    if most < SLOW_CONNECTIONS:
        raise RuntimeError(f"never more than {most} slow connections")
    return {"connections": most, "connections_at_the_end": still, "alone_s": alone, "among_s": among,
            "indexer_peak_rss_kib": peak, "promises": [
                below(f"{most} slow TLS connections, peak RSS", round(peak / 1024, 1),
                      WANTED_SLOW_MIB, " MiB"),
                below("delay of a photo of another host by them, at most", delay(alone, among),
                      WANTED_DELAY_S, " s")]}


def backlog(site):
    """One company has 100,000 items queued; another gets single photos meanwhile."""
    path, secret = site.add_crowd()
    site.provider.share(jpegs(1, 100_000)[0])
    alone = singles(site, 850_000_000_000_000)
    urls = [f"http://{OPEN_HOST}:{site.provider.open_port}/{i}" for i in range(BACKLOG)]
    with site.provider.stalled():
        Sender(site.stack.port, path=path).send(generic_deliveries(urls, secret))
        queued = jobs(site)
    among = singles(site, 860_000_000_000_000)
    left = jobs(site)
    if not 0 < left < queued - SINGLES:
        raise RuntimeError(f"of {queued} queued, {left} were left: nothing was shown")
    return {"queued": queued, "queued_at_the_end": left, "alone_s": alone, "among_s": among,
            "promises": [
                below(f"delay of a photo beside {queued:,} queued, at most", delay(alone, among),
                      WANTED_DELAY_S, " s")]}


def jobs(site):
    return int(site.stack.postgres.psql("SELECT count(*) FROM media.jobs"))
