"""Whole CPU per authorized GET through the module against nginx's static handler."""

import os
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

import requests

from .bench_site import bench_site
from .measure import CpuMeter, programs, save, status_kib
from .sender import Sender, deliveries

FILES = 1000
SIZE = 4096
ROUNDS = 5
SECONDS = 4
CONNECTIONS = 32
MEMORY_REQUESTS = 200_000

# The same files with the same headers, without a token and a lookup.
STATIC = """
location {path} {
    alias {root}/;
    sendfile on;
    tcp_nopush on;
    {cache}
    add_header X-Content-Type-Options nosniff;
    add_header Content-Security-Policy "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'; base-uri 'none'; form-action 'none'";
    add_header Referrer-Policy no-referrer;
    add_header Cross-Origin-Resource-Policy same-site;
    add_header Vary "Authorization, Cookie";
    add_header Cache-Control "private, max-age=3600, immutable";
    add_header Content-Disposition 'inline; filename="file"';
}
"""
SERVER = (STATIC.replace("{path}", "/static/").replace("{cache}", "") +
          STATIC.replace("{path}", "/cached/").replace("{cache}", "open_file_cache max=10000;"))

WRK_SCRIPT = """
local paths = {}
for line in io.lines("%(paths)s") do paths[#paths + 1] = line end
local next_path = 0
wrk.headers["Authorization"] = "Bearer %(token)s"
local requests = {}
function init()
  for i, path in ipairs(paths) do requests[i] = wrk.format("GET", path) end
end
function request()
  next_path = next_path %% #requests + 1
  return requests[next_path]
end
function done(summary)
  local e = summary.errors
  io.write(string.format("RESULT %%d %%d\\n", summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def jpegs(count, size):
    head = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    return [head + os.urandom(size - len(head)) for _ in range(count)]


def wrk(port, script, seconds):
    """(requests, failed requests)."""
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script),
         f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True)
    return tuple(map(int, re.search(r"RESULT (\d+) (\d+)", done.stdout).groups()))


def measure_round(site, script):
    meter = CpuMeter(site.stack.dir)
    requests, failed = wrk(site.stack.port, script, SECONDS)
    cpu, wall = meter.read()
    if failed:
        raise RuntimeError(f"{failed} of {requests} requests failed")
    serving = {name: cpu.get(name, 0.0) * 1e6 / requests for name in ("nginx", "postgres")}
    return {"requests": requests, "wall_s": round(wall, 3),
            "us_nginx": round(serving["nginx"], 2), "us_postgres": round(serving["postgres"], 2),
            "us_whole": round(sum(serving.values()), 2)}


def scripts(site, directory):
    """wrk scripts by variant; each asks for all files in turn."""
    rows = site.stack.postgres.psql(
        "SELECT m.id, b.storage_key FROM media.media_files m JOIN media.blobs b ON b.id = m.blob_id"
    ).splitlines()
    made = {}
    for name, path in (("module", "/media/{0}"), ("static", "/static/{1}"),
                       ("static_cached", "/cached/{1}")):
        paths = directory / f"{name}.txt"
        paths.write_text("".join(path.format(*row.split("|")) + "\n" for row in rows))
        made[name] = directory / f"{name}.lua"
        made[name].write_text(WRK_SCRIPT % {"paths": paths, "token": site.token})
    return made


def verify_same_headers(site, variants):
    """The variants differ in nothing but the work: same headers, but for the ETag's value."""
    seen = set()
    for script in variants.values():
        path = script.with_suffix(".txt").read_text().splitlines()[0]
        answer = requests.get(site.stack.url + path, timeout=10,
                              headers={"Authorization": f"Bearer {site.token}"})
        answer.headers.update({"ETag": "", "Date": ""})
        seen.add((answer.status_code, frozenset(answer.headers.items())))
    if len(seen) != 1:
        raise RuntimeError(f"the variants answer differently: {seen}")


def worker_rss(stack):
    [worker] = set(programs(stack.dir)["nginx"]) - {stack.nginx_pid()}
    return status_kib(worker, "VmRSS")


def row_lookups(site):
    return int(site.stack.postgres.psql(
        "SELECT idx_scan FROM pg_stat_user_tables WHERE relname = 'media_files'"))


def memory(site, script):
    """Resident memory of the worker before and after many requests; Postgres counts as many
    lookups of a row, so that none was answered from a cache."""
    before, done, looked_up = worker_rss(site.stack), 0, row_lookups(site)
    while done < MEMORY_REQUESTS:
        requests, failed = wrk(site.stack.port, script, SECONDS)
        if failed:
            raise RuntimeError(f"{failed} requests failed")
        done += requests
    return {"requests": done, "row_lookups": row_lookups(site) - looked_up,
            "rss_kib_before": before, "rss_kib_after": worker_rss(site.stack)}


def main():
    with bench_site(SERVER) as site, tempfile.TemporaryDirectory() as directory:
        offers = [site.provider.add(str(900_000_000_000_000 + i), [content])
                  for i, content in enumerate(jpegs(FILES, SIZE))]
        Sender(site.stack.port).send(deliveries(offers))
        site.wait_for(FILES, 120)
        variants = scripts(site, Path(directory))
        verify_same_headers(site, variants)
        for script in variants.values():
            wrk(site.stack.port, script, 2)
        rounds = {name: [] for name in variants}
        for _ in range(ROUNDS):
            for name, script in variants.items():
                rounds[name].append(measure_round(site, script))
        memory_figures = memory(site, variants["module"])
    report(rounds, memory_figures)


def report(rounds, memory_figures):
    median = {name: statistics.median(one["us_whole"] for one in runs)
              for name, runs in rounds.items()}
    figures = {
        "files": FILES, "size": SIZE, "connections": CONNECTIONS, "nginx_workers": 1,
        "median_us_per_request": median,
        "ratio_to_static": round(median["module"] / median["static"], 2),
        "ratio_to_static_cached": round(median["module"] / median["static_cached"], 2),
        "rounds": rounds, "memory": memory_figures}
    for name, runs in rounds.items():
        rate = statistics.median(one["requests"] / one["wall_s"] for one in runs)
        split = statistics.median(one["us_postgres"] for one in runs)
        print(f"{name:14} {median[name]:7.1f} us a request (Postgres {split:5.1f}), "
              f"{rate:8,.0f} requests/s")
    print(f"module / static: {figures['ratio_to_static']}x, "
          f"module / static with open_file_cache: {figures['ratio_to_static_cached']}x")
    print("worker RSS over {requests:,} requests ({row_lookups:,} row lookups): "
          "{rss_kib_before} -> {rss_kib_after} KiB".format(**memory_figures))
    save("serve", figures)


if __name__ == "__main__":
    main()
