"""Arrow kernels of the text functions that are called most.

The scalar functions of `text` are the truth: a kernel gives what they give, and leaves to them rows that have no common form.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actors.renderer.functions.distinct import Done
from actors.renderer.functions.errors import RowStop
from actors.renderer.functions.inputs import UNMARKED, clusters, text, unmarked, whole
from actors.renderer.functions.limits import MAX_SIZE_ARGUMENT, MAX_TEXT_CHARS
from actors.renderer.functions.values import INT, TEXT, Col, Mask, bools, numbers, texts

_ALONE = f"^{UNMARKED}$".replace("$", r"\z")
# White space outside ASCII, which Python's split knows and Arrow's classes do not.
_WIDE_BLANKS = "[\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
_BLANKS = "[\t-\r\x1c- ]+"


def _mask(array: pa.Array) -> Mask:
    return np.asarray(array.to_numpy(zero_copy_only=False), np.bool_)


def _taken(value: Col) -> pa.StringArray | None:
    """The texts, none null and none longer than a value may be."""
    if value.kind != TEXT or value.null is not None:
        return None
    array = value.text()
    if array is None or (pc.max(pc.binary_length(array)).as_py() or 0) > MAX_TEXT_CHARS:
        return None
    return array


def _alone(array: pa.StringArray) -> Mask:
    """The rows whose code points are characters of their own."""
    return _mask(pc.match_substring_regex(array, _ALONE))


def _done(result: Col, where: Mask) -> Done | None:
    """The result for the rows where the mask is true."""
    if where.all():
        return Done(result)
    return Done(result.take(np.flatnonzero(where)), where) if where.any() else None


def length_column(value: Col) -> Done | None:
    """char_count."""
    array = _taken(value)
    if array is None:
        return None
    return _done(numbers(INT, pc.utf8_length(array).to_numpy().astype(np.int64)), _alone(array))


def _size(n: object, most: int = MAX_TEXT_CHARS) -> int:
    """A size that a scalar would take, or -1."""
    try:
        return whole(n, "", "", 0, most)
    except RowStop:
        return -1


def left_column(value: Col, n: object) -> Done | None:
    """left."""
    array, count = _taken(value), _size(n)
    if array is None or count < 0:
        return None
    return _done(texts(pc.utf8_slice_codeunits(array, 0, count)), _alone(array))


def right_column(value: Col, n: object) -> Done | None:
    """right."""
    array, count = _taken(value), _size(n)
    if array is None or count <= 0:
        return None
    return _done(texts(pc.utf8_slice_codeunits(array, -count, None)), _alone(array))


def truncated_column(value: Col, n: object, suffix: object = "…") -> Done | None:
    """truncate_chars."""
    array, count = _taken(value), _size(n)
    if array is None or not isinstance(suffix, str) or not len(clusters(suffix)) == len(suffix) <= count:
        return None
    long = pc.greater(pc.utf8_length(array), count)
    cut = pc.binary_join_element_wise(pc.utf8_slice_codeunits(array, 0, count - len(suffix)), str(suffix), "")
    return _done(texts(pc.if_else(long, cut, array)), _alone(array))


def padded_column(value: Col, n: object, ch: object = "0") -> Done | None:
    """pad_left."""
    array, count = _taken(value), _size(n, MAX_SIZE_ARGUMENT)
    if array is None or count < 0 or not isinstance(ch, str) or len(ch) != 1 or not unmarked(ch):
        return None
    return _done(texts(pc.utf8_lpad(array, count, padding=str(ch))), _alone(array))


def squished_column(value: Col) -> Done | None:
    """squish."""
    array = _taken(value)
    if array is None:
        return None
    squished = pc.ascii_trim(pc.replace_substring_regex(array, _BLANKS, " "), " ")
    return _done(texts(squished), ~_mask(pc.match_substring_regex(array, _WIDE_BLANKS)))


def _sought(value: Col, s: object) -> tuple[pa.StringArray, str] | None:
    array = value.text() if value.kind == TEXT and value.null is None else None
    try:
        sought = text(s, "", "")
        sought.encode()
    except (RowStop, UnicodeEncodeError):
        return None
    return None if array is None else (array, sought)


def contains_column(value: Col, s: object) -> Done | None:
    """contains."""
    given = _sought(value, s)
    return None if given is None else Done(bools(_mask(pc.match_substring(*given))))


def starts_column(value: Col, s: object) -> Done | None:
    """starts_with."""
    given = _sought(value, s)
    return None if given is None else Done(bools(_mask(pc.starts_with(*given))))


def ends_column(value: Col, s: object) -> Done | None:
    """ends_with."""
    given = _sought(value, s)
    return None if given is None else Done(bools(_mask(pc.ends_with(*given))))
