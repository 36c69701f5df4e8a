"""What is written survives a power cut. Nothing else is known of files here."""

import os
from pathlib import Path


def sync(path: str | Path) -> None:
    """The bytes of a file, or the names in a folder, are on the disk. OSError: a disk may say only now that it is full."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
