"""Reads pictures with zbar's own command (Debian: zbar-tools): the judge of QR codes and barcodes."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest


def decoded(pictures: Sequence[bytes], *options: str) -> list[str]:
    """What each picture says, one after the other."""
    command = shutil.which("zbarimg")
    if command is None:
        pytest.skip("zbarimg is not on this machine (Debian: apt-get install zbar-tools)")
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, data in enumerate(pictures):
            file = Path(folder) / f"{number:04}.png"
            file.write_bytes(data)
            files.append(str(file))
        done = subprocess.run(
            [command, "--quiet", "--nodbus", "--raw", *options, *files], capture_output=True, check=False, text=True
        )
    return done.stdout.rstrip("\n").split("\n")
