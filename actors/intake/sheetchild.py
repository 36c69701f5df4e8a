"""The child process that reads one Excel sheet: sets its own limits, reads with calamine, writes staged rows, ends.

Called as `python -m actors.intake.sheetchild WORKBOOK WORKFOLDER SHEET`. Prints the row of the header and ends with 0, or
a reason for the client and ends with REFUSED; any other end means that it ran out of memory, time or sense.
"""

import resource
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

REFUSED = 3
MEMORY_BYTES = 2 << 30  # address space; a million rows of ten columns need half of it
CPU_SECONDS = 240
FILE_BYTES = 8 << 30


def main(workbook: str, work: str, sheet: str) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import python_calamine as calamine

    book = calamine.load_workbook(workbook)
    names = [s.name for s in book.sheets_metadata if s.typ == calamine.SheetTypeEnum.WorkSheet]
    if not names or (sheet and sheet not in names):
        return _refuse(
            f"the workbook has no sheet {sheet!r}; it has {', '.join(names)}" if sheet else "the workbook has no sheet"
        )
    found = book.get_sheet_by_name(sheet or names[0])
    if found.start is None:
        return _refuse("the sheet is empty")
    return _stage(found.iter_rows(), Path(work))


def _refuse(why: str) -> int:
    sys.stdout.write(why)
    return REFUSED


def _stage(rows: Any, work: Path) -> int:
    """`rows` begin with the sheet's row 1, empty or not."""
    from actors.intake.staging import StagedWriter

    header: list[str] = []
    place = 0
    for row in rows:
        place += 1
        header = [_cell(v)[1] for v in row]
        if any(header):
            break
    header_place = place
    kinds: list[set[str]] = [set() for _ in header]
    # A column without a name is left out if it is empty all the way: Excel keeps such columns after a deletion.
    writer = StagedWriter(work)
    for row in rows:
        place += 1
        cells = []
        for seen, value in zip(kinds, row, strict=True):
            kind, text = _cell(value)
            if text:
                seen.add(kind)
            if "\0" in text:
                return _refuse(f"row {place} holds a NUL character")
            cells.append(text)
        if any(cells):
            writer.row(place, [c for c, name in zip(cells, header, strict=True) if name])
    for i, (name, seen) in enumerate(zip(header, kinds, strict=True)):
        if seen and not name:
            return _refuse(f"column {i + 1} holds values and has no name in row {header_place}")
    named = [(n, k) for n, k in zip(header, kinds, strict=True) if n]
    writer.close([n for n, _ in named], [k for _, k in named])
    sys.stdout.write(str(header_place))
    return 0


def _cell(value: Any) -> tuple[str, str]:
    """(kind, text) of a cell. Excel has only one kind of number: a whole one counts as whole up to 15 digits."""
    if isinstance(value, bool):
        return "bool", "true" if value else "false"
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 1e15
        return ("int", str(int(value))) if whole else ("float", repr(value))
    if isinstance(value, int):
        return "int", str(value)
    if isinstance(value, datetime):
        return "timestamp", value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return "date", value.isoformat()
    if isinstance(value, time | timedelta):
        return "text", str(value)
    return "text", str(value)


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:4]))
    except MemoryError:
        sys.exit(1)
