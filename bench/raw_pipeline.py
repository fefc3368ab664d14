"""The least that the same work takes with ordinary tools: fetch, digest, fsync, one COPY."""

import resource
import shutil
import subprocess
import time

from .measure import CpuMeter
from .provider import TOKEN


def children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def raw_round(site, offers):
    """curl --parallel, sha256sum, sync and COPY of the same files from the same provider."""
    place = site.place / "raw"
    place.mkdir()
    names = [offer.media_id for offer in offers]
    (place / "list").write_text("".join(
        f'url = "{site.provider.file_url(name)}"\noutput = "{place}/{name}"\n' for name in names))
    site.stack.postgres.psql("CREATE TABLE IF NOT EXISTS raw_files "
                             "(name text PRIMARY KEY, sha256 text NOT NULL); TRUNCATE raw_files")
    meter, cpu, begin = CpuMeter(site.stack.dir), children_cpu(), time.monotonic()

    def run(*command, **options):
        return subprocess.run(command, cwd=place, check=True, text=True, **options)
    run("curl", "--silent", "--show-error", "--fail", "--no-progress-meter", "--parallel", "--parallel-max", "16",
        "--header", f"Authorization: Bearer {TOKEN}", "--config", "list")
    sums = run("sha256sum", *names, stdout=subprocess.PIPE).stdout
    run("sync", *names, ".")
    rows = "".join("{1}\t{0}\n".format(*line.split()) for line in sums.splitlines())
    run("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", site.stack.postgres.conninfo(), "-c",
        "COPY raw_files FROM STDIN", input=rows)
    wall = time.monotonic() - begin
    cpu, postgres = children_cpu() - cpu, meter.read()[0].get("postgres", 0.0)
    verify(sums, offers)
    shutil.rmtree(place)
    return {"wall_s": round(wall, 3), "tools_cpu_s": round(cpu, 3),
            "postgres_cpu_s": round(postgres, 3),
            "files_per_cpu_second": round(len(names) / (cpu + postgres), 1)}


def verify(sums, offers):
    """What was measured did the work."""
    if [line.split()[0] for line in sums.splitlines()] != [o.sha256.hex() for o in offers]:
        raise RuntimeError("the raw pipeline did not get the provider's files")
