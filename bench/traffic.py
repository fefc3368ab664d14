"""Load from wrk: kept connections, one path after the other."""

import re
import subprocess
from dataclasses import dataclass

SCRIPT = """
local paths = {}
for line in io.lines("%(paths)s") do paths[#paths + 1] = line end
wrk.method = "%(method)s"
wrk.headers["Authorization"] = "Bearer %(token)s"
local first, last
function init()
  first, last = wrk.format(nil, "/\\0"):match("^(.-)/%%z(.*)$")
end
local next_path = 0
function request()
  next_path = next_path %% #paths + 1
  return first .. paths[next_path] .. last
end
local limit, answered = %(limit)d, 0
if limit > 0 then
  function response()
    answered = answered + 1
    if answered == limit then wrk.thread:stop() end
  end
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %%d %%d %%d %%d\\n", summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass
class Load:
    requests: int
    p50_us: int
    p99_us: int


def write_script(path, paths, token, method="GET", limit=0):
    """A wrk script that asks for all paths in turn, `limit` times (0: as long as wrk runs)."""
    list_file = path.with_suffix(".txt")
    list_file.write_text("".join(f"{line}\n" for line in paths))
    path.write_text(SCRIPT % {"paths": list_file, "token": token, "method": method,
                              "limit": limit})
    return path


def wrk(port, script, seconds, connections):
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script),
         f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True)
    requests, failed, p50, p99 = map(
        int, re.search(r"RESULT (\d+) (\d+) (\d+) (\d+)", done.stdout).groups())
    if failed or not requests:
        raise RuntimeError(f"{failed} of {requests} requests failed")
    return Load(requests, p50, p99)
