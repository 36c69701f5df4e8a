"""What machine a figure was made on, and what its processes spent: read from /proc, nothing else."""

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def machine() -> dict[str, object]:
    """Processor, cores, memory and versions, for the head of every result."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown"
    )
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 2**20, 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def title(pid: int) -> str:
    """What the process calls itself: an actor's class for Ray's workers, else the program or module."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    first = words[0]
    if first.startswith("ray::"):
        return first.removeprefix("ray::").split(".")[0].split(":")[0]
    if "-m" in words and "python" in first:
        return words[words.index("-m") + 1]
    return Path(first.split()[0]).name if first else ""


def resident_bytes(pid: int) -> int:
    """Proportional share of memory (PSS), so that pages of the shared object store count once."""
    for line in _lines(f"/proc/{pid}/smaps_rollup"):
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


@dataclass
class Meter:
    """CPU and memory of a changing set of processes between `start` and `stop`, by title."""

    processes: Callable[[], list[int]]
    _before: dict[int, float] = field(default_factory=dict)
    _last: dict[int, tuple[str, float]] = field(default_factory=dict)
    peak_bytes: int = 0

    def start(self) -> None:
        self._before = {pid: cpu_seconds(pid) for pid in self.processes()}
        self.look()

    def look(self) -> None:
        """One sample; call it now and then, so that processes that end meanwhile are counted."""
        total = 0
        for pid in self.processes():
            used = cpu_seconds(pid)
            if used:
                self._last[pid] = (title(pid), used)
            total += resident_bytes(pid)
        self.peak_bytes = max(self.peak_bytes, total)

    def seconds(self) -> dict[str, float]:
        """CPU seconds by title since `start`."""
        sums: dict[str, float] = {}
        for pid, (name, used) in self._last.items():
            sums[name] = sums.get(name, 0.0) + used - self._before.get(pid, 0.0)
        return dict(sorted(sums.items(), key=lambda item: -item[1]))
