"""Every process of a family is known, however it was started and whatever it calls itself."""

import os
import subprocess
import sys
from pathlib import Path

from bench.machine import resident_bytes
from cluster.processes import HOME_ENV, processes_of, with_descendants

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


def test_a_child_that_lost_its_environment_belongs_to_the_data_folder(tmp_path: Path) -> None:
    bare = CHILD.replace("stdin=0)", "stdin=0, env={})")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    mark = {HOME_ENV: str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", bare], env=mark, text=True, **pipes) as child:  # type: ignore[call-overload]
        grandchild = int(child.stdout.readline())
        assert processes_of(tmp_path) == sorted([child.pid, grandchild])
        child.stdin.close()
    assert processes_of(tmp_path) == []
