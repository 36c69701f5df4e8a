"""What a bench counts: every process of a family, however it was started."""

import os
import subprocess
import sys

from bench.machine import resident_bytes, with_descendants

CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=0)
print(child.pid, flush=True)
child.wait()
"""


def test_children_of_children_count_without_an_environment() -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", CHILD], env={}, text=True, **pipes) as child:  # type: ignore[call-overload]
        grandchild = int(child.stdout.readline())
        family = with_descendants([child.pid])
        assert family == sorted([child.pid, grandchild])
        assert {child.pid, grandchild} <= set(with_descendants([os.getpid()]))
        assert all(resident_bytes(pid) > 2**20 for pid in family)
        child.stdin.close()
    assert with_descendants([child.pid]) == [child.pid]  # it is asked for, and has nobody any more
