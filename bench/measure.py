"""CPU time and memory of processes, from /proc."""

import json
import os
import platform
import subprocess
import time
from pathlib import Path

from stack.process import belongs_to, is_alive

TICKS = os.sysconf("SC_CLK_TCK")
RESULTS = Path(__file__).with_name("results")


def cpu_seconds(pid):
    """utime + stime, and that of children it has collected (a reaped Postgres backend)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS


def status_kib(pid, field):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise ValueError(f"process {pid} has no {field}")


def peak_rss_kib(site):
    return status_kib(site.stack.indexer.pid(), "VmHWM")


def programs(directory):
    """{program: [pid]} of everything that runs in a directory or below."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or not belongs_to(int(entry.name), Path(directory)):
            continue
        try:
            program = (entry / "exe").readlink().name.removesuffix(" (deleted)")
        except OSError:
            continue
        if is_alive(int(entry.name)):
            found.setdefault(program, []).append(int(entry.name))
    return found


class CpuMeter:
    """CPU seconds by program between construction and read()."""

    def __init__(self, directory):
        self.directory = directory
        self.start = self._sample()
        self.begin = time.monotonic()

    def _sample(self):
        return {name: sum(map(cpu_seconds, pids))
                for name, pids in programs(self.directory).items()}

    def read(self):
        """({program: CPU seconds}, wall seconds)."""
        wall = time.monotonic() - self.begin
        return {name: total - self.start.get(name, 0.0)
                for name, total in self._sample().items()}, wall


def machine():
    model = next((line.partition(":")[2].strip()
                  for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "unknown")
    nginx = subprocess.run(["/usr/sbin/nginx", "-v"], capture_output=True, text=True).stderr
    return {"cpu": model, "cpus": os.cpu_count(), "kernel": platform.release(),
            "nginx": nginx.strip().rpartition("/")[2], "time": time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                                                             time.gmtime())}


def save(name, figures):
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.json"
    path.write_text(json.dumps({"machine": machine()} | figures, indent=2) + "\n")
    print(f"raw figures: {path}")
