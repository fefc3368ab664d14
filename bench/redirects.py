"""CPU time of nginx for redirects to signed URLs, and for its own `return 302` of the same answer.

`measure()` gives the figures.
"""

import json
import os
import statistics
import subprocess
from pathlib import Path

import requests

from stack.stack import SOURCE

from .bench_site import bench_site
from .measure import cpu_seconds, save
from .rows import add_rows, media_id
from .servers import Nginx, serving
from .traffic import write_script, wrk

MEDIA = 1000
ROUNDS = 7
SECONDS = 3
CONNECTIONS = 32
PROMISED_RATIO = 1.2
PROMISED_PRESIGN_US = 5
BUILD = Path(os.environ.get("MEDIA_BUILD", SOURCE / "build"))


def write_key_file(server):
    key_file = server.dir / "s3.key"
    key_file.touch(mode=0o600)
    key_file.write_text("AKIAIOSFODNN7EXAMPLE\nwJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n")


def ask(server, path, token):
    answer = requests.get(f"http://127.0.0.1:{server.port}{path}", allow_redirects=False, timeout=10,
                          headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 302, answer
    return answer


def same_answer(server, site, path):
    """Lets nginx's own redirect send what the module sends, but for the value of the age."""
    with serving(server):
        answer = ask(server, path, site.token)
    config = server.dir / "redirect.conf"
    # '$' would begin a variable, and does not occur in signed URLs.
    config.write_text(config.read_text().replace("@location@", answer.headers["Location"]))
    return answer


def check_same_headers(server, site, path):
    ours, bare = (ask(server, each, site.token) for each in (path, "/bare/"))
    for answer in (ours, bare):
        answer.headers.pop("Date")
    assert sorted(ours.headers) == sorted(bare.headers), (ours.headers, bare.headers)
    assert len(ours.headers["Location"]) == len(bare.headers["Location"])


def microseconds(server, script):
    worker = server.worker()
    begin = cpu_seconds(worker)
    load = wrk(server.port, script, SECONDS, CONNECTIONS)
    return 1e6 * (cpu_seconds(worker) - begin) / load.requests


def presign_microseconds():
    subprocess.run(["cmake", "--build", str(BUILD), "--target", "bench_presign"], check=True,
                   stdout=subprocess.DEVNULL)
    program = str(BUILD / "bench" / "bench_presign")
    return statistics.median(float(subprocess.run([program], check=True, capture_output=True,
                                                  text=True).stdout) for _ in range(ROUNDS))


def measure(site):
    """{figures}: CPU of one signature, and whole CPU of the worker per request, in turns."""
    server = Nginx(site, "redirect")
    write_key_file(server)
    add_rows(site, MEDIA)
    # No store is asked, so no object has to be there.
    site.stack.postgres.psql("UPDATE media.blobs SET store = 's3'")
    paths = [f"/media/{media_id(i)}" for i in range(1, MEDIA + 1)]
    same_answer(server, site, paths[0])
    with serving(server):
        check_same_headers(server, site, paths[0])
        scripts = {"redirect": write_script(server.dir / "redirect.lua", paths, site.token),
                   "return_302": write_script(server.dir / "bare.lua", ["/bare/x"], site.token)}
        for script in scripts.values():  # fills caches
            wrk(server.port, script, 1, CONNECTIONS)
        rounds = [{name: microseconds(server, script) for name, script in scripts.items()}
                  for _ in range(ROUNDS)]
    medians = {name: round(statistics.median(each[name] for each in rounds), 2) for name in scripts}
    ratio = round(statistics.median(each["redirect"] / each["return_302"] for each in rounds), 3)
    presign = presign_microseconds()
    return {"presign_us": presign, "promised_presign_us": PROMISED_PRESIGN_US,
            "presign_kept": presign <= PROMISED_PRESIGN_US, "media": MEDIA, "rounds": ROUNDS, "cpu_us": medians, "ratio": ratio,
            "promised_ratio": PROMISED_RATIO, "kept": ratio <= PROMISED_RATIO, "all_rounds": rounds}


def main():
    with bench_site() as site:
        figures = measure(site)
    print(json.dumps(figures | {"all_rounds": None}, indent=2))
    save("redirects", figures)


if __name__ == "__main__":
    main()
