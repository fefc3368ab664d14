"""Photos of 100 KB: how many a second, for how much CPU, and how long each takes."""

import statistics
import time

from .arrivals import Arrivals
from .measure import CpuMeter, peak_rss_kib
from .promises import at_least, below, percentile
from .raw_pipeline import raw_round
from .sender import Sender, deliveries
from .serve import jpegs

PHOTOS = 1000
SIZE = 100_000
ROUNDS = 3
WANTED_RATIO = 0.3
WANTED_RATE = 250
WANTED_READABLE_MS = 250


def offer_photos(site, count, first):
    return [site.provider.add(str(first + i), [content])
            for i, content in enumerate(jpegs(count, SIZE))]


def warm_up(site):
    """With statistics, as autovacuum would have made them after a minute."""
    our_round(site, offer_photos(site, 200, 890_000_000_000_000))
    site.stack.postgres.psql("ANALYZE")


def our_round(site, offers):
    """A delivery for each photo, as fast as they are taken, until the last is completed."""
    prepared = list(deliveries(offers))
    sender = Sender(site.stack.port)
    with Arrivals(site) as arrivals:
        meter, begin = CpuMeter(site.stack.dir), time.monotonic()
        sender.send(prepared)
        accepted = time.monotonic() - begin
        wall = arrivals.wait_for(len(offers), 300) - begin
        cpu, _ = meter.read()
    return {"wall_s": round(wall, 3), "accepted_s": round(accepted, 3),
            "media_per_second": round(len(offers) / wall, 1),
            "webhook_ms_median": round(statistics.median(sender.latencies) * 1000, 2),
            "webhook_ms_p99": round(percentile(sender.latencies, 0.99) * 1000, 2),
            "cpu_s": {name: round(seconds, 2) for name, seconds in cpu.items()},
            "files_per_cpu_second": round(len(offers) / sum(cpu.values()), 1),
            "indexer_peak_rss_kib": peak_rss_kib(site)}


def readable(site, rate):
    """Deliveries at a steady rate, whatever became of others; each photo is read as soon as it is there."""
    offers = offer_photos(site, PHOTOS, 910_000_000_000_000)
    sender = Sender(site.stack.port, connections=16, rate=rate)
    with Arrivals(site, read=True) as arrivals:
        sender.send(deliveries(offers))
        arrivals.wait_for(PHOTOS, 60)
    rows = site.stack.postgres.psql(
        "SELECT id, provider_media_id FROM media.media_files WHERE provider_media_id >= "
        "'910000000000000'").splitlines()
    due = {offer.media_id: at for offer, at in zip(offers, sender.due)}
    took = [arrivals.at[media_id] - due[name]
            for media_id, name in (row.split("|") for row in rows)]
    return {"rate": rate, "photos": len(took),
            **{f"ms_p{share}": round(percentile(took, share / 100) * 1000, 1)
               for share in (50, 90, 99, 100)}}


def photos(site):
    """Our rounds and the raw pipeline's take turns with the same files."""
    warm_up(site)
    ours, raw = [], []
    for number in range(ROUNDS):
        offers = offer_photos(site, PHOTOS, 900_000_000_000_000 + number * PHOTOS)
        ours.append(our_round(site, offers))
        raw.append(raw_round(site, offers))
        print("ours {media_per_second} media/s, {files_per_cpu_second} per CPU second {cpu_s}; webhook "
              "{webhook_ms_median} ms (p99 {webhook_ms_p99})".format(**ours[-1]))
        print("raw  {files_per_cpu_second} per CPU second".format(**raw[-1]))
    ratio = statistics.median(one["files_per_cpu_second"] / other["files_per_cpu_second"]
                              for one, other in zip(ours, raw))
    rate = statistics.median(one["media_per_second"] for one in ours)
    steady = readable(site, round(rate / 2))
    return {"photos": PHOTOS, "size": SIZE, "ours": ours, "raw": raw, "readable": steady, "promises": [
        at_least("photos a CPU second, of the raw pipeline's", round(ratio, 3), WANTED_RATIO, "x"),
        at_least("photos a second", rate, WANTED_RATE),
        below(f"webhook to readable at {steady['rate']}/s, p99", steady["ms_p99"],
              WANTED_READABLE_MS, " ms")]}
