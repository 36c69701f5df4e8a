"""Which processes belong to a data folder, and their end when nobody watches them any more. Read from /proc."""

import os
import signal
from collections.abc import Iterable
from pathlib import Path

HOME_ENV = "HONGYAN_HOME"  # in the environment of every child of a supervisor: its data folder


def processes_of(data: Path) -> list[int]:
    """Process ids of all children of any supervisor of this data folder, and of all that those started."""
    mark = f"{HOME_ENV}={data}\0".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark in (entry / "environ").read_bytes() + b"\0":
                    found.append(int(entry.name))
            except OSError:
                continue  # ended meanwhile, or another user's
    return [pid for pid in with_descendants(found) if pid != os.getpid()]


def with_descendants(pids: Iterable[int]) -> list[int]:
    """These processes and all that they started. A process that gives itself a title, as Ray's agents do, may write it over its
    environment, so that alone is not enough to know it by."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = set(pids)
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    return sorted(found)


def end_leftovers(data: Path) -> None:
    """SIGKILL for children that outlived their supervisor, or whose Ray has died."""
    for pid in processes_of(data):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
