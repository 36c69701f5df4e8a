"""What a whole list comes to: `observe` takes a shard that was rendered, `merge` another part of the list, in any order.

Everything here has a bounded size. A point of a template is named by the part of the mail, its file and its place in the file,
so that parts of a list looked at by different processes meet.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.model.delivery import Envelopes
from actors.model.states import RowState
from actors.renderer.functions.values import Index
from actors.renderer.look.findings import DefaultSeen, Mask, SlotSeen, TestSeen
from actors.renderer.look.sketches import Rows, Sizes, Tally
from actors.renderer.template.watch import ALT, DEFAULT, NUMBER, SLOT, TEST, Note, Point, Watch

MOST_COMBINATIONS = 1024  # of branches that are counted; the rows of further ones are counted together
MOST_REASONS = 200  # different reasons why rows give no mail
SUBJECT_CHARS = 200  # kept of the shortest and longest subject
HELD, NOT_HELD = 1, 2  # what a test gave for a row; in a loop both


class Place(NamedTuple):
    """Where a point stands: part of the mail (`subject`, `html`, ...), file, and the point's number in the file."""

    part: str
    file: str
    ordinal: int


Combination = tuple[tuple[Place, int], ...]  # what each test gave that a row came to


@dataclass(slots=True)
class Rendered:
    """One shard after it was rendered. `rows`: numbers in the list; the other arrays have an entry for each of them."""

    rows: Rows
    envelopes: Envelopes
    subjects: Sequence[str]
    html_bytes: NDArray[np.int64]
    signature_bytes: int  # what DKIM adds to each mail
    unsubscribe: Mask
    one_click: Mask


@dataclass(slots=True)
class Subject:
    """The shortest or the longest subject."""

    chars: int
    row: int
    text: str


@dataclass(slots=True)
class Look:
    """The sums. `rows` were looked at, `mails` would be sent."""

    rows: int = 0
    mails: int = 0
    points: dict[Place, Point] = field(default_factory=dict)
    hidden: set[Place] = field(default_factory=set)  # slots made of a private column: no value of theirs is told
    slots: dict[Place, SlotSeen] = field(default_factory=dict)
    tests: dict[Place, TestSeen] = field(default_factory=dict)
    defaults: dict[Place, DefaultSeen] = field(default_factory=dict)
    combinations: dict[Combination, tuple[int, int]] = field(default_factory=dict)  # rows, and the first of them
    other_combinations: int = 0  # rows
    failures: dict[tuple[RowState, str], Tally] = field(default_factory=dict)
    other_failures: int = 0
    blank_rows: Tally = field(default_factory=Tally)
    sizes: Sizes = field(default_factory=Sizes)
    html_sizes: Sizes = field(default_factory=Sizes)
    shortest: Subject | None = None
    longest: Subject | None = None
    without_unsubscribe: Tally = field(default_factory=Tally)
    without_one_click: Tally = field(default_factory=Tally)

    def observe(self, shard: Rendered, watches: Sequence[tuple[str, Watch]]) -> None:
        """Takes a shard; empties the watches."""
        rows, envelopes = shard.rows, shard.envelopes
        alive = np.isin(rows, envelopes.rows)
        self.rows += len(rows)
        self.mails += len(envelopes)
        self._failures(envelopes)
        sizes = np.diff(envelopes.offsets) + shard.signature_bytes
        self.sizes.add(sizes, envelopes.rows)
        self.html_sizes.add(shard.html_bytes[alive], rows[alive])
        self._subjects(shard.subjects, rows, alive)
        self.without_unsubscribe.add(rows[alive & ~shard.unsubscribe])
        self.without_one_click.add(rows[alive & ~shard.one_click])
        self._notes(watches, rows, alive)

    def _failures(self, envelopes: Envelopes) -> None:
        for row, state, reason in envelopes.failures:
            if (state, reason) in self.failures or len(self.failures) < MOST_REASONS:
                self.failures.setdefault((state, reason), Tally()).add(np.array([row], np.int64))
            else:
                self.other_failures += 1

    def _subjects(self, subjects: Sequence[str], rows: Rows, alive: Mask) -> None:
        kept = np.flatnonzero(alive)
        if not len(kept):
            return
        lengths = np.fromiter(map(len, subjects), np.int64, len(subjects))[kept]
        for at in (int(kept[lengths.argmin()]), int(kept[lengths.argmax()])):
            found = Subject(len(subjects[at]), int(rows[at]), subjects[at][:SUBJECT_CHARS])
            self._subject(found, found)

    def _subject(self, short: Subject | None, long: Subject | None) -> None:
        if short and (self.shortest is None or (short.chars, short.row) < (self.shortest.chars, self.shortest.row)):
            self.shortest = short
        if long and (self.longest is None or (-long.chars, long.row) < (-self.longest.chars, self.longest.row)):
            self.longest = long

    def _notes(self, watches: Sequence[tuple[str, Watch]], rows: Rows, alive: Mask) -> None:
        blank = np.zeros(len(rows), np.bool_)
        codes: dict[Place, NDArray[np.uint8]] = {}
        for part, watch in watches:
            places = [Place(part, file, ordinal) for file, ordinal in watch.places]
            for place, point in zip(places, watch.points, strict=True):
                self._know(place, point, hidden=(point.file, point.line) in watch.hidden)
            for note in watch.take():
                self._note(note, watch.points[note.point], places, rows, alive, blank, codes)
        self.blank_rows.add(rows[blank])
        self._combine(codes, rows, alive)

    def _know(self, place: Place, point: Point, *, hidden: bool) -> None:
        if place in self.points:
            return
        self.points[place] = point
        if hidden:
            self.hidden.add(place)
        if point.kind == SLOT:
            self.slots[place] = SlotSeen()
        elif point.kind == TEST:
            self.tests[place] = TestSeen()
        elif point.kind in (DEFAULT, ALT):
            self.defaults[place] = DefaultSeen()

    def _note(
        self,
        note: Note,
        point: Point,
        places: Sequence[Place],
        rows: Rows,
        alive: Mask,
        blank: Mask,
        codes: dict[Place, NDArray[np.uint8]],
    ) -> None:
        at: Index = np.arange(note.n) if note.places is None else note.places
        kept = np.flatnonzero(alive[at])
        value = note.value if len(kept) == note.n else note.value.take(kept)
        at = at[kept]
        if not len(at):
            return
        place, of = places[note.point], rows[at]
        if point.kind == SLOT:
            blank[at[self.slots[place].add(value, of)]] = True
        elif point.kind == NUMBER:
            self.slots[place._replace(ordinal=point.of)].add_numbers(value, of)
        elif point.kind == TEST:
            held = self.tests[place].add(value, of)
            seen = codes.setdefault(place, np.zeros(len(rows), np.uint8))
            seen[at[held]] |= HELD
            seen[at[~held]] |= NOT_HELD
        else:
            self.defaults[place].add(value, of, point.word, point.alt)

    def _combine(self, codes: dict[Place, NDArray[np.uint8]], rows: Rows, alive: Mask) -> None:
        """Which ways through the branches the shard's rows took."""
        kept = rows[alive]
        if not len(kept):
            return
        if not codes:
            self._combination((), len(kept), int(kept[0]))
            return
        places = sorted(codes)
        table = np.stack([codes[place][alive] for place in places], axis=1)
        found, first, counts = np.unique(table, axis=0, return_index=True, return_counts=True)
        for line, at, count in zip(found.tolist(), first.tolist(), counts.tolist(), strict=True):
            way = tuple((place, code) for place, code in zip(places, line, strict=True) if code)
            self._combination(way, count, int(kept[at]))

    def _combination(self, way: Combination, count: int, row: int) -> None:
        if way in self.combinations:
            before, first = self.combinations[way]
            self.combinations[way] = before + count, min(first, row)
        elif len(self.combinations) < MOST_COMBINATIONS:
            self.combinations[way] = count, row
        else:
            self.other_combinations += count

    def merge(self, other: "Look") -> None:
        """Takes what another part of the list came to."""
        self.rows += other.rows
        self.mails += other.mails
        for place, point in other.points.items():
            self._know(place, point, hidden=place in other.hidden)
        for place, slot in other.slots.items():
            self.slots[place].merge(slot)
        for place, test in other.tests.items():
            self.tests[place].merge(test)
        for place, default in other.defaults.items():
            self.defaults[place].merge(default)
        for way, (count, row) in other.combinations.items():
            self._combination(way, count, row)
        self.other_combinations += other.other_combinations
        for key, tally in other.failures.items():
            if key in self.failures or len(self.failures) < MOST_REASONS:
                self.failures.setdefault(key, Tally()).merge(tally)
            else:
                self.other_failures += tally.count
        self.other_failures += other.other_failures
        self.blank_rows.merge(other.blank_rows)
        self.sizes.merge(other.sizes)
        self.html_sizes.merge(other.html_sizes)
        self._subject(other.shortest, other.longest)
        self.without_unsubscribe.merge(other.without_unsubscribe)
        self.without_one_click.merge(other.without_one_click)
