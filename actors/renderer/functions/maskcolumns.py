"""Masks of whole columns, for the rows that have the common form; masks.py has the rules and does all others.

Each takes a text column without nulls and tells which rows it did.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actors.renderer.functions.distinct import Done
from actors.renderer.functions.strings import (
    Bytes,
    Ints,
    ends_of,
    firsts,
    from_matrix,
    is_ascii,
    leads,
    lengths_of,
    made,
    one_each,
    parts,
    rows_of_length,
    slices,
    within,
)
from actors.renderer.functions.values import TEXT, Col, Mask, texts

_STAR = ord("*")
_CIRCLE = np.frombuffer("○".encode(), np.uint8)
_LONGEST_NAME = 6  # ideographs; longer ones take the other way


def _taken(value: Col) -> tuple[Ints, Bytes] | None:
    text = value.text() if value.kind == TEXT else None
    return None if text is None else parts(text)


def _done(pieces: list[tuple[Mask, pa.StringArray]], n: int) -> Done | None:
    """The texts of several sets of rows in the order of the rows."""
    pieces = [(mask, text) for mask, text in pieces if len(text)]
    if not pieces:
        return None
    if len(pieces) == 1 and len(pieces[0][1]) == n:
        return Done(texts(pieces[0][1]))
    places, start, where = np.zeros(n, np.int64), 0, np.zeros(n, np.bool_)
    for mask, text in pieces:
        places[mask] = np.arange(start, start + len(text))
        start += len(text)
        where |= mask
    joined = pa.concat_arrays([text for _, text in pieces]).take(pa.array(places[where]))
    return Done(texts(joined), None if where.all() else where)


def name_column(value: Col, ch: object = None) -> Done | None:
    """Names of ideographs, and names in ASCII letters with single blanks between the words: both keep their length in bytes."""
    taken = _taken(value) if ch is None else None
    if taken is None:
        return None
    offsets, data = taken
    hidden = data.copy()
    where = _eastern(offsets, data, hidden) | _western(offsets, data, hidden)
    if not where.any():
        return None
    text = made(offsets, hidden)
    return Done(texts(text)) if where.all() else Done(texts(text.filter(pa.array(where))), where)


def _eastern(offsets: Ints, data: Bytes, hidden: Bytes) -> Mask:
    """王○明, 歐○○君, 王○: all but the first ideograph and, of more than two, the last one. Tells which rows are hidden."""
    lengths = lengths_of(offsets)
    chosen: Mask = (leads(data, offsets) * 3 == lengths) & (lengths >= 6) & (lengths <= 3 * _LONGEST_NAME)
    inner = np.where(chosen, np.where(lengths == 6, 3, lengths - 6), 0)
    index = within(offsets[:-1] + 3, inner)
    hidden[index] = np.resize(_CIRCLE, len(index))
    return chosen


def _western(offsets: Ints, data: Bytes, hidden: Bytes) -> Mask:
    """J*** A. S****: of each word the first character stays; of a word of one nothing does. Tells which rows are hidden."""
    first = firsts(offsets, data)
    chosen: Mask = (first > 0x20) & (first < 0x7F)
    if not chosen.any():
        return chosen
    lengths = lengths_of(offsets)[chosen]
    index = within(offsets[:-1][chosen], lengths)
    offsets, data = ends_of(lengths), data[index]
    blank = np.zeros(len(data) + 2, np.bool_)
    blank[1:-1] = data == 0x20
    starts = np.zeros(len(data) + 1, np.bool_)
    starts[offsets] = True
    before = blank[:-2] | starts[:-1]
    after = blank[2:] | starts[1:]
    bad = (data < 0x20) | (data > 0x7E) | (blank[1:-1] & (before | after))  # other blanks, and two of them in a row
    hidden[index] = np.where(blank[1:-1] | (before & ~after), data, np.uint8(_STAR))
    if bad.any():
        good = np.ones(len(lengths), np.bool_)
        good[np.searchsorted(offsets, np.flatnonzero(bad), "right") - 1] = False
        chosen[chosen] = good
    return chosen


def email_column(value: Col) -> Done | None:
    """ASCII addresses with one @ and a dot behind it, where all of them are such."""
    taken = _taken(value)
    if taken is None:
        return None
    offsets, data = taken
    at = one_each(offsets, data, ord("@")) if is_ascii(data) else None
    if at is None or (len(data) and int(data.min()) <= 0x20):
        return None
    dots = np.flatnonzero(data == ord("."))
    last = np.searchsorted(dots, offsets[1:]) - 1
    if (last < 0).any():
        return None
    dot, starts, ends = dots[last], offsets[:-1], offsets[1:]
    if not ((dot > at + 1) & (at > starts)).all():
        return None
    long = at - starts > 2
    head = np.full((value.n, 10), _STAR, np.uint8)
    head[:, 0], head[:, 4], head[:, 5], head[:, 6] = data[starts], data[at - 1], ord("@"), data[at + 1]
    heads = from_matrix(head)
    if not long.all():
        heads = pc.if_else(pa.array(long), heads, from_matrix(np.delete(head, 4, axis=1)))
    return Done(texts(pc.binary_join_element_wise(heads, slices(data, dot, ends - dot), "")))


def _digits(rows: Bytes) -> Mask:
    outside = np.count_nonzero((rows < ord("0")) | (rows > ord("9")), axis=1)
    good: Mask = outside == 0
    return good


def _fixed(value: Col, length: int, hide: slice, stars: int) -> tuple[Mask, Bytes, Bytes] | None:
    """Rows of that many bytes, and the same rows with a stretch replaced by stars."""
    taken = _taken(value)
    if taken is None:
        return None
    offsets, data = taken
    chosen = lengths_of(offsets) == length
    if not chosen.any():
        return None
    rows = rows_of_length(offsets, data, chosen, length)
    hidden = np.full((len(rows), length - (hide.stop - hide.start) + stars), _STAR, np.uint8)
    hidden[:, : hide.start] = rows[:, : hide.start]
    hidden[:, hide.start + stars :] = rows[:, hide.stop :]
    return chosen, rows, hidden


def _kept(value: Col, chosen: Mask, hidden: Bytes, good: Mask) -> Done | None:
    if not good.all():
        hidden = hidden[good]
        chosen = chosen.copy()
        chosen[chosen] = good
    return _done([(chosen, from_matrix(hidden))], value.n)


def phone_column(value: Col, keep: object = 3) -> Done | None:
    """National numbers of ten digits: 0912***678."""
    found = _fixed(value, 10, slice(4, 7), 3) if keep == 3 and type(keep) is int else None
    if found is None:
        return None
    chosen, rows, hidden = found
    return _kept(value, chosen, hidden, _digits(rows) & (rows[:, 0] == ord("0")) & (rows[:, 1] != ord("0")))


def card_column(value: Col) -> Done | None:
    """Numbers of sixteen digits and nothing else."""
    found = _fixed(value, 16, slice(6, 12), 6)
    return None if found is None else _kept(value, found[0], found[2], _digits(found[1]))


def id_column(value: Col) -> Done | None:
    """A capital letter, one of A-D1289 and eight digits."""
    found = _fixed(value, 10, slice(6, 10), 4)
    if found is None:
        return None
    chosen, rows, hidden = found
    letter = (rows[:, 0] >= ord("A")) & (rows[:, 0] <= ord("Z"))
    return _kept(value, chosen, hidden, letter & np.isin(rows[:, 1], list(b"ABCD1289")) & _digits(rows[:, 2:]))


def account_column(value: Col, last: object = 4) -> Done | None:
    """Printable ASCII without blanks at the ends, at least eight letters and digits: all hidden but the last four."""
    taken = _taken(value) if last == 4 and type(last) is int else None
    if taken is None:
        return None
    offsets, data = taken
    if not len(data) or int(data.min()) <= 0x20 or int(data.max()) > 0x7E:
        return None
    lower = data | 0x20
    alnum = ((data >= ord("0")) & (data <= ord("9"))) | ((lower >= ord("a")) & (lower <= ord("z")))
    so_far = np.concatenate([np.zeros(1, np.int64), np.cumsum(alnum)])
    at_end = so_far[offsets[1:]]
    where: Mask = at_end - so_far[offsets[:-1]] >= 8
    if not where.any():
        return None
    left = np.repeat(at_end, lengths_of(offsets)) - so_far[:-1]  # letters and digits from here to the row's end
    hidden = made(offsets, np.where(alnum & (left > 4), np.uint8(_STAR), data))
    return Done(texts(hidden)) if where.all() else Done(texts(hidden.filter(pa.array(where))), where)
