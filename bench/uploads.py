"""Files into a bucket: how fast, for how much CPU, in how much memory, beside rclone and the AWS CLI."""

import os
import statistics

from stack.ceph import Ceph

from .measure import CpuMeter
from .promises import at_least, below
from .uploaders import CONCURRENCY, PART_MIB, THRESHOLD_MIB, UPLOADERS

WANTED_RATIO = 0.8
MAX_RSS_MIB = 128


def write_files(directory, count, size):
    """No two alike, and nothing that could be compressed."""
    directory.mkdir()
    for number in range(count):
        with open(directory / f"{number:05}.jpg", "wb") as file:
            for offset in range(0, size, 1 << 20):
                file.write(os.urandom(min(size - offset, 1 << 20)))
    return directory


def stored(client, bucket):
    """(objects, bytes) of a bucket."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    sizes = [item["Size"] for page in pages for item in page.get("Contents", [])]
    return len(sizes), sum(sizes)


def upload(uploader, directory, ceph):
    """One program's way of storing all of a directory in an empty bucket."""
    bucket = ceph.new_bucket()
    sizes = [path.stat().st_size for path in directory.iterdir()]
    meter = CpuMeter(ceph.home)
    figures = uploader.upload(directory, ceph.access, bucket)
    gateway, _ = meter.read()
    if stored(ceph.client, bucket) != (len(sizes), sum(sizes)):
        raise RuntimeError(f"{uploader.name} did not store everything")
    return figures | {"store_cpu_s": round(sum(gateway.values()), 2),
                      "files_per_second": round(len(sizes) / figures["wall_s"], 2),
                      "mb_per_second": round(sum(sizes) / figures["wall_s"] / 1e6, 1)}


def measure(place, directory, rounds):
    """{program: [figures of a round]}; the programs take turns, first another one each time, at a
    Ceph of the round."""
    figures = {each.name: [] for each in UPLOADERS}
    for number in range(rounds):
        ceph = Ceph(place / f"ceph-{directory.name}-{number}")
        try:
            ceph.start()
            upload_order = UPLOADERS[number % 3:] + UPLOADERS[:number % 3]
            for each in upload_order:
                figures[each.name].append(upload(each(place), directory, ceph))
        finally:
            ceph.stop()
    for name, runs in figures.items():
        print(f"{directory.name} {name}:", *runs, sep="\n  ")
    return figures


def median(figures, name, what):
    return statistics.median(run[what] for run in figures[name])


def judge(what, figures):
    others = [name for name in figures if name != "ours"]
    fastest = max(median(figures, name, "mb_per_second") for name in others)
    thriftiest = min(median(figures, name, "cpu_s") for name in others)
    peak = max(run["peak_rss_kib"] for run in figures["ours"]) / 1024
    return [
        at_least(f"{what}: rate, of the faster one of rclone and aws",
                 round(median(figures, "ours", "mb_per_second") / fastest, 2), WANTED_RATIO, "x"),
        below(f"{what}: CPU time, of the thriftier one of them",
              round(median(figures, "ours", "cpu_s") / thriftiest, 2), 1, "x"),
        below(f"{what}: peak RSS", round(peak, 1), MAX_RSS_MIB, " MiB")]


def uploads(place, is_short):
    rounds = 1 if is_short else 3
    kinds = {"large": (1, 100_000_000 if is_short else 500_000_000),
             "small": (400 if is_short else 2000, 100_000)}
    results = {"concurrency": CONCURRENCY, "part_mib": PART_MIB, "threshold_mib": THRESHOLD_MIB}
    for name, (count, size) in kinds.items():
        figures = measure(place, write_files(place / name, count, size), rounds)
        results[name] = {"files": count, "size": size, "runs": figures,
                         "promises": judge(name, figures)}
    return results
