"""An upload, read and judged as far as it can be without the other roles. CPU and disk only; runs in a thread of its own."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from actors.intake.bundle import Bundle, open_bundle
from actors.intake.content import check_content
from actors.intake.control import CONTROL_FILES, parse_control
from actors.intake.lists import open_list
from actors.intake.pools import Pools, pool_files, read_pools
from actors.intake.problems import Problems, refuse
from actors.intake.roster import Roster, read_roster
from actors.intake.suppress import SuppressionTable
from actors.intake.tables import FrozenTable, read_tables, table_files
from actors.model.errors import InvalidInput
from actors.model.ports import Vault
from actors.model.spec import JobSpec
from actors.model.states import RowState


@dataclass(slots=True)
class Prepared:
    """What is known of a sound upload."""

    bundle: Bundle
    spec: JobSpec
    roster: Roster
    assets: list[str]  # bundle files that go into the snapshot
    tables: list[FrozenTable]
    pools: Pools
    pool_files: dict[str, str]
    payload_hash: str
    warnings: list[str]


def prepare(vault: Vault, upload: str, work: Path, segment_rows: int) -> Prepared:
    """Reads everything once. InvalidInput names the problems of control file, named files and list together."""
    bundle = open_bundle(vault, upload, work)
    try:
        return _prepare(bundle, work, segment_rows)
    except BaseException:
        bundle.close()
        raise


def _prepare(bundle: Bundle, work: Path, segment_rows: int) -> Prepared:
    found = [name for name in CONTROL_FILES if name in bundle]
    if len(found) != 1:
        raise refuse(bundle.label, f"must hold one control file ({' or '.join(CONTROL_FILES)}){_instead(bundle, found)}")
    control = found[0]
    spec = parse_control(control, bundle.read(control))
    problems = Problems()
    check_content(bundle, spec, control, problems)
    files = table_files(bundle, spec, control, problems)
    tables = read_tables(bundle, spec, files, work, control, problems)
    pools = pool_files(bundle, problems)
    codes = read_pools(bundle, pools, work, problems)
    with ThreadPoolExecutor(1, "payload-hash") as pool:
        try:
            source = open_list(bundle, spec.list_, work)
            digest = pool.submit(bundle.digest, spec.list_.file)  # reads the list beside us: a list is most of a bundle
            roster = read_roster(source, spec, work, segment_rows, control)
        except InvalidInput as refusal:
            problems.extend(refusal.problems)
            problems.stop()
            raise
        problems.stop()
        digest.result()
    assets = [name for name in bundle.names if name not in (control, spec.list_.file, *files.values(), *pools.values())]
    warnings = source.warnings + [warning for table in tables for warning in table.warnings]
    return Prepared(bundle, spec, roster, assets, tables, codes, pools, bundle.payload_hash(), warnings)


def _instead(bundle: Bundle, found: list[str]) -> str:
    """What is there in place of one control file."""
    if found:
        return f", not {' and '.join(found)}"
    deep = next((name for name in bundle.names if name.rpartition("/")[2] in CONTROL_FILES), "")
    return f" at its top, not in a folder as {deep}: pack the files, not their folder" if deep else ""


def settle_suppressed(roster: Roster, table: SuppressionTable) -> None:
    """Turns pending rows whose address is in the table into SUPPRESSED, with the reason of the table."""
    roster.scope_reasons = table.reasons
    for segment in range(roster.segments if len(table) else 0):
        first = segment * roster.segment_rows
        states = roster.states[first : first + roster.segment_rows]
        codes = table.match(roster.checked(segment).column("address"))
        rows = np.flatnonzero((codes >= 0) & (states == RowState.PENDING))
        if len(rows):
            states[rows] = RowState.SUPPRESSED
            roster.scope_codes[segment] = (rows, codes[rows])
