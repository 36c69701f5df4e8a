"""Pools of codes in a bundle, `pools/NAME.csv`: the first column holds the codes. Every row that may be sent gets one of each.

Codes are text whatever they look like; one that is there twice counts once. Which row gets which is the ledger's word: here is
only the order of the file.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actors.intake.bundle import Bundle
from actors.intake.columns import as_text
from actors.intake.lists import open_list
from actors.intake.problems import Problems, refuse
from actors.intake.roster import Roster
from actors.intake.tables import table_name
from actors.model.errors import InvalidInput
from actors.model.spec import ListSpec
from actors.model.states import RowState

POOLS = "pools/"
MAX_POOLS = 10
MAX_CODE_BYTES = 200  # what somebody types or shows
MAX_CODES = 10_000_000  # all are held while the job is accepted

Pools = dict[str, pa.StringArray]


def pool_files(bundle: Bundle, problems: Problems) -> dict[str, str]:
    """Bundle file by the name of the pool."""
    found: dict[str, str] = {}
    for file in bundle.names:
        if name := table_name(file, POOLS):
            if name in found:
                problems.add(file, f"the pool {name!r} is there twice, also as {found[name]}")
            found[name] = file
    if len(found) > MAX_POOLS:
        problems.add(POOLS, f"holds {len(found)} pools; the limit is {MAX_POOLS}")
        return {}
    return found


def read_pools(bundle: Bundle, files: Mapping[str, str], work: Path, problems: Problems) -> Pools:
    """The codes of each pool that can be read, in the order of its file."""
    made: Pools = {}
    for number, (name, file) in enumerate(files.items()):
        folder = work / f"pool-{number}"
        folder.mkdir()
        try:
            made[name] = _read(bundle, file, folder)
        except InvalidInput as refusal:
            problems.extend(refusal.problems)
    return made


def _read(bundle: Bundle, file: str, work: Path) -> pa.StringArray:
    source = open_list(bundle, ListSpec(file, "code"), work)
    parts: list[pa.StringArray] = []
    count = 0
    for batch in source.batches():
        parts.append(pc.utf8_trim_whitespace(as_text(batch.column(0)).drop_null()))
        count += len(parts[-1])
        if count > MAX_CODES:
            raise refuse(file, f"has more than {MAX_CODES} codes")
    codes = pc.unique(pa.chunked_array(parts, pa.string()))
    if (pc.max(pc.binary_length(codes)).as_py() or 0) > MAX_CODE_BYTES:
        raise refuse(file, f"has a code of more than {MAX_CODE_BYTES} bytes")
    return codes


def takers(roster: Roster) -> np.ndarray:
    """The rows that get codes."""
    return np.flatnonzero(roster.states == RowState.PENDING)


def short(file: str, needed: int, there: int) -> InvalidInput:
    """A pool that cannot serve all rows refuses the job."""
    return refuse(file, f"has {there} free codes, and {needed} rows need one each; add {needed - there} codes")


def hold(roster: Roster, pool: str, codes: pa.StringArray) -> None:
    """The codes of `takers`, in their order, become a column of the snapshot."""
    places = np.cumsum(roster.states == RowState.PENDING) - 1
    roster.codes[pool] = codes.take(pa.array(places, mask=roster.states != RowState.PENDING))
