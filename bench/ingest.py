"""From webhook to durable file: rate and CPU time, latency, memory, fairness."""

import sys

from .acknowledge import acknowledge
from .bench_site import bench_site
from .measure import save
from .photos import photos
from .transfers import LARGE_SETTINGS, SLOW_SETTINGS, backlog, large, slow

# Each on a site of its own, with these settings beside the defaults.
PARTS = {"photos": (photos, {}), "acknowledge": (acknowledge, {}), "large": (large, LARGE_SETTINGS),
         "slow": (slow, SLOW_SETTINGS), "backlog": (backlog, {})}


def verify_durable(site):
    """The promise is only worth something with fsync on."""
    settings = {name: site.stack.postgres.psql(f"SHOW {name}")
                for name in ("fsync", "synchronous_commit", "full_page_writes")}
    if set(settings.values()) != {"on"}:
        raise RuntimeError(f"Postgres is not durable: {settings}")
    return settings


def main(names):
    if set(names) - PARTS.keys():
        raise SystemExit(f"parts: {' '.join(PARTS)}")
    figures = {}
    for name in names or PARTS:
        part, settings = PARTS[name]
        with bench_site(overrides=settings) as site:
            figures["durable"] = verify_durable(site)
            figures[name] = {"settings": settings} | part(site)
    save("ingest", figures)


if __name__ == "__main__":
    main(sys.argv[1:])
