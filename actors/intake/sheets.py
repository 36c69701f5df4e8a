"""Excel lists: the archive is judged first, the sheet is then read by a child process with bounded memory and time (S16).

calamine holds a sheet whole and has no bounds of its own, so it never runs in this process. The child writes staged rows.
"""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

from actors.intake.bundle import open_plain
from actors.intake.problems import refuse
from actors.intake.sheetchild import REFUSED
from actors.intake.staged import Staged
from actors.intake.zips import BROKEN, ZipLimits, read_directory

XLSX_LIMITS = ZipLimits(entries=10_000, expanded=1 << 30, ratio=100, ratio_floor=16 << 20)
MAX_CELLS = 32_000_000  # two million rows of 16 columns: more than a sheet can have in rows, about 1 GB in calamine
CHILD_SECONDS = 300
HEAD_BYTES = 4096

_DIMENSION = re.compile(rb'<(?:\w+:)?dimension\s+ref="(?:[A-Z]+\d+:)?([A-Z]{1,3})(\d{1,7})"')


def open_sheet(path: str, file: str, sheet: str, work: Path) -> Staged:
    """InvalidInput if the archive is a bomb, the sheet is missing or too large, or the child gave up."""
    _judge_archive(path, file)
    command = [sys.executable, "-m", "actors.intake.sheetchild", path, str(work), sheet]
    modules = os.pathsep.join([str(Path(__file__).parents[2]), *(p for p in sys.path if p)])
    environment = {"PYTHONPATH": modules, "PATH": os.environ.get("PATH", "")}
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=CHILD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise refuse(file, f"the sheet could not be read in {CHILD_SECONDS} seconds") from error
    if done.returncode == REFUSED:
        raise refuse(file, done.stdout.decode("utf-8", "replace")[:500])
    if done.returncode != 0:
        raise refuse(file, "the sheet could not be read: it is broken or needs too much memory; save it as CSV or Parquet")
    return Staged(work, file, int(done.stdout or b"1"))


def _judge_archive(path: str, file: str) -> None:
    with open_plain(path, file) as stream:
        entries = read_directory(stream, file, XLSX_LIMITS)
        with zipfile.ZipFile(stream) as archive:
            for entry in entries:
                if not re.fullmatch(r"xl/worksheets/[^/]+\.xml", entry.filename):
                    continue
                try:
                    with archive.open(entry) as sheet:
                        head = sheet.read(HEAD_BYTES)
                except (*BROKEN, OSError) as error:
                    raise refuse(file, "the workbook is broken") from error
                if (found := _DIMENSION.search(head)) and _cells(found[1], int(found[2])) > MAX_CELLS:
                    raise refuse(
                        file, f"a sheet says that it has more than {MAX_CELLS} cells; clear the empty ones or save as CSV"
                    )


def _cells(letters: bytes, rows: int) -> int:
    columns = 0
    for letter in letters:
        columns = columns * 26 + letter - 64
    return columns * rows
