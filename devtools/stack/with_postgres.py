"""Runs a command against a private Postgres cluster that lives as long as the command.

`python3 -m stack.with_postgres COMMAND...`; libpq's environment variables point to the cluster.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .postgres import Cluster


def main(command):
    home = Path(tempfile.mkdtemp(prefix="ngx_media-sql."))
    for name in ("run", "logs"):
        (home / name).mkdir()
    # The server's user must get in as well when we are root.
    home.chmod(0o711)
    cluster = Cluster(home, home)
    try:
        cluster.start()
        environment = {"PGHOST": str(cluster.socket_name), "PGUSER": "postgres",
                       "MEDIA_TEST_DATABASE": cluster.conninfo(database="postgres")}
        return subprocess.run(command, env=os.environ | environment).returncode
    finally:
        cluster.stop()
        shutil.rmtree(home)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
