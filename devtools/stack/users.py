"""Servers that refuse to run as root, or should not: they get a user of their own."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import StackError


@dataclass
class ServerUser:
    """Whoever we are, or `name` when we are root. `home` is the directory that the server needs."""

    name: str
    home: Path

    def prefix(self):
        """What a command begins with in order to run as this user."""
        if os.getuid() != 0:
            return []
        plain = ["setpriv", f"--reuid={self.name}", f"--regid={self.name}", "--init-groups"]
        # The home may lie below a directory that is closed to others, such as /root.
        capable = [*plain, "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        # With this bit access(2), which Ceph asks, knows of the capability as well.
        frank = [*capable, "--securebits=+no_setuid_fixup"]
        for prefix in (plain, frank, capable):
            probe = [*prefix, "--", "ls", "-d", f"{self.home}/."]
            if subprocess.run(probe, capture_output=True).returncode == 0:
                return [*prefix, "--"]
        raise StackError(f"the user {self.name}, which runs the server, cannot reach {self.home}: "
                         "take another directory, for example below /var/tmp")

    def own(self, path):
        """Makes the directory, if it is not there, and gives it to this user."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.getuid() == 0:
            shutil.chown(path, self.name, self.name)
