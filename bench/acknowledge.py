"""The acknowledgement of a webhook alone: verified, and its media and job committed."""


from .measure import CpuMeter
from .promises import at_least, below
from .provider import Offer
from .sender import NUMBER, deliveries
from .traffic import run_wrk

DELIVERIES = 40_000
SECONDS = 8
CONNECTIONS = 32
# Of 16 MB: more than the run writes.
WAL_FILES = 16
WANTED_RATE = 1500
WANTED_MS = 50

SCRIPT = """
wrk.method = "POST"
local path = "/webhooks/whatsapp/%(number)s"
local lines = io.lines("%(list)s")
function request()
  local signature, body = lines(), lines()
  return wrk.format(nil, path, {["Content-Type"] = "application/json",
    ["X-Hub-Signature-256"] = signature}, body)
end
"""


def recycle_wal(site):
    """WAL files to overwrite, as every database has that was written to for a while.

    A new one makes each of them, and all commits wait for that: 60 ms for 16 MB.
    """
    psql = site.stack.postgres.psql
    for _ in range(WAL_FILES):
        psql("SELECT pg_logical_emit_message(false, 'bench', 'x'); SELECT pg_switch_wal()")
    psql("CHECKPOINT")


def acknowledge(site):
    """Deliveries of one item each, while the provider answers nothing."""
    recycle_wal(site)
    offers = [Offer(str(920_000_000_000_000 + i), bytes(32), 0) for i in range(DELIVERIES)]
    place = site.place / "deliveries.txt"
    place.write_bytes(b"".join(headers["X-Hub-Signature-256"].encode() + b"\n" + body + b"\n"
                               for body, headers in deliveries(offers)))
    script = place.with_suffix(".lua")
    with site.provider.stalled():
        meter = CpuMeter(site.stack.dir)
        load = run_wrk(site.stack.port, script, SCRIPT % {"number": NUMBER, "list": place}, SECONDS,
                       CONNECTIONS)
        cpu, _ = meter.read()
        # As long as nothing is answered: the provider has none of these files, and their jobs would end.
        taken = int(site.stack.postgres.psql("SELECT count(*) FROM media.jobs"))
    if taken < load.requests:
        raise RuntimeError(f"{load.requests} webhooks were answered 200, {taken} have a job")
    rate = round(load.requests / SECONDS)
    return {"seconds": SECONDS, "connections": CONNECTIONS, "acknowledged": load.requests,
            "cpu_s": {name: round(seconds, 2) for name, seconds in cpu.items()},
            "p50_ms": load.p50_us / 1000, "p99_ms": load.p99_us / 1000, "promises": [
                at_least("webhooks acknowledged a second", rate, WANTED_RATE),
                below("acknowledgement, p99", load.p99_us / 1000, WANTED_MS, " ms")]}
