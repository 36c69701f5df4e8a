"""Keys of a table that occur in more than one row: no mistake where a template wants all of them, one where it looks one up."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from actors.intake.lists import Source

MOST_ROWS = 2_000_000  # of a table whose keys are compared; that takes 100 MB at most for keys as they are
MOST_TOLD = 5


def repeated_keys(path: Path, column: str, file: str, source: Source) -> list[str]:
    """A warning with the first lines that repeat a key; none where no key does, or the table is too long to be compared.
    `path`: the table as Arrow; `source`: the file that it was read from."""
    with pa.memory_map(str(path)) as data:
        table = pa.ipc.open_file(data).read_all()
        if table.num_rows > MOST_ROWS:
            return []
        keys = table.column(column).combine_chunks()
        rows = np.flatnonzero(keys.is_valid().to_numpy(zero_copy_only=False))
        places = keys.drop_null().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    _, first = np.unique(places, return_index=True)
    again = np.ones(len(places), np.bool_)
    again[first] = False
    found = np.flatnonzero(again)
    if not len(found):
        return []
    told = found[:MOST_TOLD]
    pairs = [(int(rows[i]), int(rows[first[places[i]]])) for i in told]
    asked = sorted({row for pair in pairs for row in pair})
    lines = dict(zip(asked, source.lines(asked), strict=True))
    said = ", ".join(f"line {lines[row]} that of line {lines[before]}" for row, before in pairs)
    more = f" and {len(found) - len(told):,} more" if len(found) > len(told) else ""
    return [f"{file}: rows repeat the key ({column}) of an earlier row: {said}{more}; lookup takes the first"]
