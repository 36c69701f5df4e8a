"""What a long list has freed goes back to the system, though blocks in use lie between."""

import subprocess
import sys

import pytest

CHILD = """
from pathlib import Path
from actors.intake.memory import give_back, return_freed_memory
def megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20
assert return_freed_memory()
blocks = [bytearray(100_000) for _ in range(2_000)]
kept = blocks[::100]
del blocks
before = megabytes()
give_back()
print(before, megabytes())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="speaks to glibc")
def test_memory_between_blocks_in_use_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert before > 150
    assert after < before - 100
