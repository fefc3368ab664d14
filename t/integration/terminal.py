"""A command whose standard error is a terminal."""

import errno
import fcntl
import os
import pty
import subprocess
import termios


def run_on_terminal(command):
    """(CompletedProcess with stdout, all that the terminal of 80 columns was sent)"""
    mine, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, b"\x18\x00\x50\x00\x00\x00\x00\x00")
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, text=True, timeout=60)
    finally:
        os.close(theirs)
    with os.fdopen(mine, "rb", buffering=0) as terminal:
        return done, read_all(terminal).decode()


def read_all(terminal):
    """Until nobody has its other end open, which Linux reports as an error."""
    shown = b""
    try:
        while more := terminal.read(65536):
            shown += more
    except OSError as error:
        if error.errno != errno.EIO:
            raise
    return shown
