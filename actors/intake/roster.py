"""The two readings of a list. The first learns everything: types, addresses, wrong values, keys; the second gives typed
segments.

Memory stays flat: between the readings only a byte and a hash a row are held, the checked addresses wait in the work
folder in one file a segment. Pure but for that folder. States of rows are RowState numbers.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.intake.addresses import Checked, check_addresses
from actors.intake.columns import ColumnTypes, as_text, typed
from actors.intake.dedupe import KeyHashes, find_repeats
from actors.intake.lists import Source
from actors.intake.memory import give_back
from actors.intake.problems import Problems, nearest, refuse
from actors.model.hashing import hash_texts
from actors.model.job import ADDRESS, BEST, DOMAIN, REASON, VERDICT, RowArray, code_column
from actors.model.spec import JobSpec
from actors.model.states import RowState

RANKED = ("bool", "int", "float", "decimal")  # types that tell who goes first
READERS = 3  # one reads the list, one learns its types, one keeps the checked addresses
GIVE_BACK_SEGMENTS = 16  # half a million rows: 100 MB less at the peak of ten million rows, for a fifteenth of the time
MOST_DOMAINS = 5_000  # that are counted by name; what is left over are sites of a few rows each
REPEATED = "repeats the {} of an earlier row"


@dataclass(slots=True)
class Roster:
    """What the first reading learned."""

    source: Source
    work: Path
    segment_rows: int
    email: int  # position of the address column
    key: int  # position of the dedupe column; -1: none; the address column stands for the checked address
    repeated: str
    types: dict[str, str] = field(default_factory=dict)
    kinds: list[pa.DataType] = field(default_factory=list)
    direct: list[bool] = field(default_factory=list)  # the type is the file's own, or was found: a plain cast suffices
    states: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))
    scope_codes: dict[int, tuple[RowArray, NDArray[np.int32]]] = field(default_factory=dict)
    scope_reasons: list[str] = field(default_factory=list)
    codes: dict[str, pa.StringArray] = field(default_factory=dict)  # by pool, a code a row
    best: str = ""  # the column of rows that go first

    @property
    def rows(self) -> int:
        return len(self.states)

    @property
    def segments(self) -> int:
        return -(-self.rows // self.segment_rows)

    @property
    def counts(self) -> dict[str, int]:
        found = np.bincount(self.states, minlength=len(RowState))
        return {s.label: int(found[s]) for s in (RowState.PENDING, RowState.INVALID, RowState.DUPLICATE, RowState.SUPPRESSED)}

    def checked(self, segment: int) -> pa.RecordBatch:
        """The checked addresses of a segment: address, domain, reason, key."""
        with pa.memory_map(str(self.work / f"checked-{segment}")) as source:
            return pa.ipc.open_file(source).get_batch(0)

    def domains(self) -> dict[str, int]:
        """Rows that may be sent by domain, the largest MOST_DOMAINS; all others together under the empty name."""
        found: Counter[str] = Counter()
        for segment in range(self.segments):
            first = segment * self.segment_rows
            pending = self.states[first : first + self.segment_rows] == RowState.PENDING
            counted = pc.value_counts(self.checked(segment).column("domain").filter(pa.array(pending)))
            found.update({line["values"]: line["counts"] for line in counted.to_pylist()})
        named = dict(found.most_common(MOST_DOMAINS))
        rest = found.total() - sum(named.values())
        return named | ({"": rest} if rest else {})

    def keys(self, rows: RowArray) -> pa.StringArray:
        """Dedupe keys of any rows."""
        column = "address" if self.key == self.email else "key"
        order = np.argsort(rows, kind="stable")
        cut = np.searchsorted(rows[order], np.arange(self.segments + 1) * self.segment_rows)
        parts = [
            self.checked(s).column(column).take(pa.array(rows[order[cut[s] : cut[s + 1]]] - s * self.segment_rows))
            for s in range(self.segments)
            if cut[s] < cut[s + 1]
        ]
        back = np.empty(len(rows), np.int64)
        back[order] = np.arange(len(rows))
        return pa.concat_arrays(parts).take(pa.array(back)) if parts else pa.array([], pa.string())


def segments_of(source: Source, segment_rows: int) -> Iterator[pa.RecordBatch]:
    """The source's batches cut anew: all but the last have `segment_rows` rows. The memory of former ones is given back now and
    then."""
    held: list[pa.RecordBatch] = []
    count = made = 0
    for batch in source.batches():
        at = 0
        while at < batch.num_rows:
            take = min(segment_rows - count, batch.num_rows - at)
            held.append(batch.slice(at, take))
            count, at = count + take, at + take
            if count == segment_rows:
                yield _joined(held)
                held, count, made = [], 0, made + 1
                if made % GIVE_BACK_SEGMENTS == 0:
                    give_back()
    if held:
        yield _joined(held)


def _joined(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    return parts[0] if len(parts) == 1 else pa.concat_batches(parts)


def read_roster(source: Source, spec: JobSpec, work: Path, segment_rows: int, control: str) -> Roster:
    """The first reading, to the end of the list. InvalidInput names every problem that was found in it."""
    roster = _plan(source, spec, work, segment_rows, control)
    learn = ColumnTypes(source, spec.list_.columns, spec.schedule.timezone)
    problems = Problems()
    with closing(KeyHashes(work / "hashes")) as hashes:
        candidates = _first_reading(roster, learn, hashes)
    learn.tell(spec.list_.file, problems)
    if not roster.rows:
        problems.add(spec.list_.file, "the list has no rows")
    problems.stop()
    if not (roster.states == RowState.PENDING).any():
        raise refuse(spec.list_.file, "no row has a valid address", 0, spec.list_.email)
    roster.types, roster.kinds, roster.direct = learn.result()
    if roster.best and roster.types[roster.best] not in RANKED:
        found = roster.types[roster.best]
        raise refuse(control, f"list.best: column {roster.best!r} is {found}; it must be one of {', '.join(RANKED)}")
    if roster.key >= 0:
        for rows in find_repeats(hashes, candidates, roster.keys):
            roster.states[rows] = RowState.DUPLICATE
    return roster


def _first_reading(roster: Roster, learn: ColumnTypes, hashes: KeyHashes) -> NDArray[np.bool_]:
    """Fills in `states`; gives the rows that take part in the search for repeats. While one segment is worked on, the next is
    read and what is known of the last one is kept."""
    states: list[NDArray[np.uint8]] = []
    candidates: list[NDArray[np.bool_]] = []
    with ThreadPoolExecutor(READERS, "roster") as pool:
        kept: Future[None] | None = None
        for segment, batch in enumerate(_ahead(pool, segments_of(roster.source, roster.segment_rows))):
            learned = pool.submit(learn.observe, batch, segment * roster.segment_rows)
            checked = check_addresses(as_text(batch.column(roster.email)))
            valid = checked.address.is_valid().to_numpy(zero_copy_only=False)
            states.append(np.where(valid, RowState.PENDING, RowState.INVALID).astype(np.uint8))
            key = None
            if roster.key >= 0:
                key = checked.address if roster.key == roster.email else as_text(batch.column(roster.key))
                hashes.append(hash_texts(key))
                candidates.append(valid & key.is_valid().to_numpy(zero_copy_only=False))
            if kept is not None:
                kept.result()
            kept = pool.submit(_keep, roster.work / f"checked-{segment}", checked, key)
            learned.result()
            if learn.too_many:
                break
        if kept is not None:
            kept.result()
    roster.states = np.concatenate([np.empty(0, np.uint8), *states])
    return np.concatenate([np.empty(0, bool), *candidates])


def _ahead(pool: Executor, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same batches, of which the next one is made in the pool while one is used."""
    coming = pool.submit(next, batches, None)
    while (batch := coming.result()) is not None:
        coming = pool.submit(next, batches, None)
        yield batch


def _plan(source: Source, spec: JobSpec, work: Path, segment_rows: int, control: str) -> Roster:
    """Where the special columns stand."""
    problems, names, list_ = Problems(), source.names, spec.list_
    if list_.email not in names:
        problems.add(list_.file, f"has no column {list_.email!r} for the addresses{nearest(list_.email, names)}", 1)
    for name in list_.columns:
        if name not in names:
            problems.add(control, f"list.columns.{name}: the list has no such column{nearest(name, names)}")
    if list_.best and list_.best not in names:
        problems.add(control, f"list.best: the list has no column {list_.best!r}{nearest(list_.best, names)}")
    for name in list_.private:
        if name not in names:
            problems.add(control, f"list.private: the list has no column {name!r}{nearest(name, names)}")
    dedupe = list_.rules.dedupe
    by_address = dedupe in (list_.email, "email") and (dedupe == list_.email or dedupe not in names)
    if dedupe and not by_address and dedupe not in names:
        problems.add(control, f"list.rules.dedupe: the list has no column {dedupe!r}{nearest(dedupe, names)}")
    problems.stop()
    email = names.index(list_.email)
    key = -1 if not dedupe else email if by_address else names.index(dedupe)
    repeated = REPEATED.format("address" if key == email else names[key])
    return Roster(source, work, segment_rows, email, key, repeated, best=list_.best)


def _keep(path: Path, checked: Checked, key: pa.Array | None) -> None:
    columns = {"address": checked.address, "domain": checked.domain, "reason": checked.reason}
    if key is not None and key is not checked.address:
        columns["key"] = key
    batch = pa.RecordBatch.from_pydict(columns)
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_file(out, batch.schema) as writer:
        writer.write_batch(batch)


def typed_segment(roster: Roster, segment: int, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The second reading of one segment: list columns as their types, then the reserved columns."""
    plan = zip(batch.columns, roster.types.values(), roster.kinds, roster.direct, strict=True)
    columns = [typed(column, name, kind, direct) for column, name, kind, direct in plan]
    checked = roster.checked(segment)
    first = segment * roster.segment_rows
    states = roster.states[first : first + batch.num_rows]
    columns += [
        checked.column("address"),
        checked.column("domain").dictionary_encode(),
        pa.array(states),
        segment_reasons(roster, segment, checked.column("reason")).dictionary_encode(),
    ]
    columns += [codes.slice(first, batch.num_rows) for codes in roster.codes.values()]
    names = [*roster.types, ADDRESS, DOMAIN, VERDICT, REASON, *map(code_column, roster.codes)]
    if roster.best:
        columns.append(_first(columns[names.index(roster.best)]))
        names.append(BEST)
    return pa.RecordBatch.from_arrays(columns, names)


def _first(column: pa.Array) -> pa.BooleanArray:
    """Whether each row goes first; a blank does not."""
    chosen = column if pa.types.is_boolean(column.type) else pc.greater(column, pa.scalar(0).cast(column.type))
    return pc.fill_null(chosen, False)


def segment_reasons(roster: Roster, segment: int, invalid: pa.StringArray) -> pa.StringArray:
    """Why each row of a segment is settled; null for PENDING."""
    first = segment * roster.segment_rows
    states = roster.states[first : first + len(invalid)]
    reasons = invalid
    repeated = states == RowState.DUPLICATE
    if repeated.any():
        reasons = pc.if_else(pa.array(repeated), roster.repeated, reasons)
    if segment in roster.scope_codes:
        rows, codes = roster.scope_codes[segment]
        spread = np.zeros(len(states), np.int32)
        spread[rows] = codes
        named = pa.array(roster.scope_reasons, pa.string()).take(pa.array(spread))
        reasons = pc.if_else(pa.array(states == RowState.SUPPRESSED), named, reasons)
    return reasons
