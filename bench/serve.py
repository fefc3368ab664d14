"""Whole CPU per authorized GET: the module, nginx's static handler, and what sites do today.

`python3 -m bench.serve [VARIANT...]`: all of VARIANTS by default.
"""

import os
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import requests

from .bench_site import bench_site
from .lookups import sustained_lookups
from .measure import CpuMeter, save
from .sender import Sender, deliveries
from .servers import measured_servers
from .tokens import make_token
from .traffic import write_script, wrk

KIB = 1024
PYTHON = Path("/usr/bin/python3").resolve().name
FILES = {4 * KIB: 1000, 100 * KIB: 200, 1024 * KIB: 100}
ROUNDS = 5
SECONDS = 4
CONNECTIONS = 32


@dataclass(frozen=True)
class Variant:
    name: str
    server: str  # bench/nginx/SERVER.conf
    path: str
    size: int = 4 * KIB
    token: str = "hs256"
    programs: tuple = ("nginx", "postgres")  # whose CPU time counts


VARIANTS = [
    Variant("static", "static", "/static/{key}"),
    Variant("static_cached", "static", "/cached/{key}"),
    Variant("static_cached_100k", "static", "/cached/{key}", 100 * KIB),
    Variant("static_cached_1m", "static", "/cached/{key}", 1024 * KIB),
    Variant("warm", "warm", "/media/{id}"),
    Variant("warm_100k", "warm", "/media/{id}", 100 * KIB),
    Variant("warm_1m", "warm", "/media/{id}", 1024 * KIB),
    Variant("warm_rs256", "warm", "/rs256/{id}", token="rs256"),
    Variant("warm_es256", "warm", "/es256/{id}", token="es256"),
    Variant("warm_opaque", "warm", "/opaque/{id}", token="opaque"),
    Variant("cold", "cold", "/media/{id}"),
    Variant("lua", "peers", "/lua/{id}"),
    Variant("node", "peers", "/node/{id}", programs=("nginx", "postgres", "node")),
    Variant("fastapi", "peers", "/fastapi/{id}", programs=("nginx", "postgres", PYTHON)),
]


@dataclass(frozen=True)
class Promise:
    """dividend / divisor, in whole CPU per request, is at most or at least `bound`."""

    dividend: str
    divisor: str
    bound: float
    at_most: bool = True

    def judge(self, median):
        ratio = median[self.dividend] / median[self.divisor]
        kept = ratio <= self.bound if self.at_most else ratio >= self.bound
        return {"of": f"{self.dividend} / {self.divisor}", "ratio": round(ratio, 2),
                "bound": f"{'<=' if self.at_most else '>='} {self.bound}", "kept": kept}


PROMISES = [
    Promise("warm", "static_cached", 1.10),
    Promise("warm_100k", "static_cached_100k", 1.05),
    Promise("warm_1m", "static_cached_1m", 1.02),
    Promise("cold", "static_cached", 3.5),
    Promise("lua", "warm", 1.4, at_most=False),
    Promise("node", "warm", 8, at_most=False),
    Promise("fastapi", "warm", 30, at_most=False),
]


def jpegs(count, size):
    head = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    return [head + os.urandom(size - len(head)) for _ in range(count)]


def ingest_files(site):
    """Files of every size, the way that they come to a real site."""
    first = 900_000_000_000_000
    for size, count in FILES.items():
        offers = [site.provider.add(str(first + i), [content])
                  for i, content in enumerate(jpegs(count, size))]
        first += count
        Sender(site.stack.port).send(deliveries(offers))
    site.wait_for(sum(FILES.values()), 300)
    # One name for all, as the static handler gives; and what Postgres has to clean up after that
    # is no request's work.
    for command in ("UPDATE media.media_files SET file_name = 'photo.jpg'", "VACUUM ANALYZE",
                    "CHECKPOINT"):
        site.stack.postgres.psql(command)


def write_scripts(site, variants, directory):
    """{variant: wrk script} that asks for all files of the variant's size in turn."""
    rows = [line.split("|") for line in site.stack.postgres.psql(
        "SELECT m.id, b.storage_key, b.size FROM media.media_files AS m "
        "JOIN media.blobs AS b ON b.id = m.blob_id").splitlines()]
    return {v: write_script(directory / f"{v.name}.lua",
                            [v.path.format(id=media, key=key) for media, key, size in rows
                             if int(size) == v.size], make_token(site, v.token))
            for v in variants}


def verify_same_headers(servers, scripts):
    """Variants of one size differ in nothing but the work: same status and headers, but for the
    ETag's value."""
    for size in FILES:
        answers = {v.name: answer_of(servers[v.server], script)
                   for v, script in scripts.items() if v.size == size}
        if len(set(answers.values())) > 1:
            raise RuntimeError(f"the variants answer differently: {answers}")


def answer_of(server, script):
    path = script.with_suffix(".txt").read_text().splitlines()[0]
    token = script.read_text().partition("Bearer ")[2].partition('"')[0]
    answer = requests.get(f"http://127.0.0.1:{server.port}{path}", timeout=10,
                          headers={"Authorization": f"Bearer {token}"})
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:200]}")
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return frozenset((headers | {"etag": "", "date": ""}).items())


def measure_round(site, variant, server, script):
    meter = CpuMeter(site.place)
    load = wrk(server.port, script, SECONDS, CONNECTIONS)
    cpu, wall = meter.read()
    spent = {name: cpu[name] * 1e6 / load.requests for name in variant.programs}
    return {"requests": load.requests, "wall_s": round(wall, 3),
            "us": {name: round(us, 2) for name, us in spent.items()},
            "us_whole": round(sum(spent.values()), 2)}


def measure(site, servers, scripts):
    for variant, script in scripts.items():
        wrk(servers[variant.server].port, script, 2, CONNECTIONS)
    rounds = {variant.name: [] for variant in scripts}
    for _ in range(ROUNDS):
        for variant, script in scripts.items():
            rounds[variant.name].append(
                measure_round(site, variant, servers[variant.server], script))
    return rounds


def report(rounds):
    median = {name: statistics.median(one["us_whole"] for one in runs)
              for name, runs in rounds.items()}
    for name, runs in rounds.items():
        rate = statistics.median(one["requests"] / one["wall_s"] for one in runs)
        parts = {program for one in runs for program in one["us"]}
        split = {program: statistics.median(one["us"].get(program, 0) for one in runs)
                 for program in sorted(parts)}
        text = ", ".join(f"{program} {us:.1f}" for program, us in split.items() if us >= 0.05)
        print(f"{name:19} {median[name]:7.1f} us a request ({text}), {rate:8,.0f} requests/s")
    judged = [promise.judge(median) for promise in PROMISES
              if {promise.dividend, promise.divisor} <= median.keys()]
    for one in judged:
        print("{of:31} {ratio:6.2f}  wanted {bound:8} {}".format(
            "kept" if one["kept"] else "NOT KEPT", **one))
    return {"files": FILES, "connections": CONNECTIONS, "median_us_per_request": median,
            "promises": judged, "rounds": rounds}


def main(names):
    variants = [v for v in VARIANTS if not names or v.name in names]
    if len(variants) < len(names):
        raise SystemExit(f"variants: {' '.join(v.name for v in VARIANTS)}")
    with bench_site() as site, tempfile.TemporaryDirectory() as directory:
        ingest_files(site)
        with measured_servers(site, sorted({v.server for v in variants})) as servers:
            scripts = write_scripts(site, variants, Path(directory))
            verify_same_headers(servers, scripts)
            rounds = measure(site, servers, scripts)
            figures = report(rounds)
            for variant, script in scripts.items():
                if variant.name == "cold":
                    figures["lookups"] = sustained_lookups(site, servers["cold"], script)
    save("serve", figures)


if __name__ == "__main__":
    main(sys.argv[1:])
