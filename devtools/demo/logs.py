"""Follows several log files, one readable line each."""

import json
import time

from .paint import dim

LEVEL_AND_EVENT = ("ts", "level", "event")


def follow(files, pause=0.2):
    """Prints what is appended to the files from now on; ends only by an exception."""
    logs = {name: open(path, errors="replace") for name, path in files.items() if path.exists()}
    for log in logs.values():
        log.seek(0, 2)
    while True:
        for name, log in logs.items():
            while line := log.readline():
                print(f"{dim(name.ljust(9))} {readable(line.rstrip())}", flush=True)
        time.sleep(pause)


def readable(line):
    """JSON lines become 'level event key=value ...'."""
    try:
        record = json.loads(line)
        head = f"{record['level']} {record['event']}"
    except (ValueError, KeyError, TypeError):
        return line
    fields = [f"{key}={value}" for key, value in record.items() if key not in LEVEL_AND_EVENT]
    return " ".join([head, *fields])
