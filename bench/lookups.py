"""Cold lookups a second of one nginx worker with its two connections to Postgres."""

from .measure import CpuMeter
from .traffic import wrk

SECONDS = 10
CONNECTIONS = 256
WANTED = 20_000


def row_lookups(site):
    """How often Postgres has looked a media row up by an index."""
    return int(site.stack.postgres.psql(
        "SELECT pg_stat_clear_snapshot(); "
        "SELECT idx_scan FROM pg_stat_user_tables WHERE relname = 'media_files'").splitlines()[-1])


def sustained_lookups(site, server, script):
    before, meter = row_lookups(site), CpuMeter(site.place)
    load = wrk(server.port, script, SECONDS, CONNECTIONS)
    cpu, wall = meter.read()
    rate = load.requests / wall
    figures = {"lookups": load.requests, "row_lookups": row_lookups(site) - before,
               "per_second": round(rate), "connections": CONNECTIONS, "p99_us": load.p99_us,
               "worker_cpu": round(cpu["nginx"] / wall, 2),
               "postgres_cpu": round(cpu["postgres"] / wall, 2)}
    print("{} {per_second:,} cold lookups a second (worker {worker_cpu:.0%} of a CPU, Postgres "
          "{postgres_cpu:.0%}), wanted {wanted:,}".format(
              "kept" if rate >= WANTED else "NOT KEPT", wanted=WANTED, **figures))
    return figures
