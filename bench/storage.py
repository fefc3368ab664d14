"""Object storage: uploads beside rclone and the AWS CLI, migration, redirects to presigned URLs."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from . import redirects
from .bench_site import bench_site
from .measure import save
from .migration import migration
from .uploads import uploads


def redirect_answers(_place, _is_short):
    with bench_site() as site:
        figures = redirects.measure(site)
    print(json.dumps(figures | {"all_rounds": None}, indent=2))
    return figures


PARTS = {"uploads": uploads, "migration": migration, "redirects": redirect_answers}


def main(arguments):
    names = [name for name in arguments if name != "short"]
    if set(names) - PARTS.keys():
        raise SystemExit(f"parts: {' '.join(PARTS)}; short: a tenth of it, once")
    is_short = "short" in arguments
    place = Path(tempfile.mkdtemp(prefix="ngx_media-bench.", dir="/var/tmp"))
    # Ceph runs as a user of its own when we are root.
    place.chmod(0o711)
    try:
        figures = {name: PARTS[name](place, is_short) for name in names or PARTS}
    finally:
        shutil.rmtree(place)
    save("storage", {"short": is_short} | figures)


if __name__ == "__main__":
    main(sys.argv[1:])
