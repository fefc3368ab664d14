"""Load from wrk: kept connections, one path after the other."""

import re
import subprocess
from dataclasses import dataclass

SCRIPT = """
local paths = {}
for line in io.lines("%(paths)s") do paths[#paths + 1] = line end
wrk.headers["Authorization"] = "Bearer %(token)s"
local first, last
function init()
  first, last = wrk.format(nil, "/\\0"):match("^(.-)/%%z(.*)$")
end
local next_path = %(first)d
function request()
  next_path = next_path %% #paths + 1
  return first .. paths[next_path] .. last
end
"""
REPORT = """
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d\\n", summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass
class Load:
    requests: int
    p50_us: int
    p99_us: int


def write_script(path, paths, token):
    """A wrk script that asks for all paths in turn."""
    list_file = path.with_suffix(".txt")
    list_file.write_text("".join(f"{line}\n" for line in paths))
    start_at(path, 0, token)
    return path


def start_at(path, first, token):
    """Lets the script begin with this path of its list."""
    path.write_text(SCRIPT % {"paths": path.with_suffix(".txt"), "token": token, "first": first} + REPORT)


def run_wrk(port, script, text, seconds, connections):
    """With a script of one's own, written to that file."""
    script.write_text(text + REPORT)
    return wrk(port, script, seconds, connections)


def wrk(port, script, seconds, connections):
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script),
         f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True)
    requests, failed, p50, p99 = map(
        int, re.search(r"RESULT (\d+) (\d+) (\d+) (\d+)", done.stdout).groups())
    if failed or not requests:
        raise RuntimeError(f"{failed} of {requests} requests failed")
    return Load(requests, p50, p99)
