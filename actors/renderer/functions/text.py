"""Text: cutting, finding, joining. Positions and lengths count what a reader sees as characters (grapheme clusters).

Most texts have one code point a character: those are cut as they are, all others by their clusters.
"""

import re
from functools import lru_cache
from typing import Any

import regex

from actors.renderer.functions import textcolumns
from actors.renderer.functions.errors import Limit, Refused
from actors.renderer.functions.guards import weigh
from actors.renderer.functions.inputs import bounded, clusters, items, number, shown, text, unmarked, whole
from actors.renderer.functions.limits import MAX_SIZE_ARGUMENT, MAX_TEXT_CHARS
from actors.renderer.functions.registry import scalar

FAMILY = "Text"
MAX_SOUGHT = 100  # texts that replace_any looks for at each place of a value
# A word of letters that have case, with its marks and digits; what it holds after an apostrophe belongs to it.
_WORD = regex.compile(r"[0-9\p{Cased}][0-9\p{Cased}\p{Mn}]*(?:['\u2019][0-9\p{Cased}\p{Mn}]+)*")
_APOSTROPHE = re.compile("(['\u2019])")


@scalar(FAMILY, 'title_case("JOHN o\'BRIEN 王小明")', "John O'Brien 王小明")
def title_case(t: Any) -> str:
    """Each word with a capital at its start and small letters after it: John O'Brien, Smith-Jones, don't. Chinese stays."""
    return bounded(_WORD.sub(_titled, text(t, "title_case", "t")))


def _titled(word: re.Match[str]) -> str:
    pieces = _APOSTROPHE.split(word[0])
    # O'Brien, D'Angelo: a single letter before the apostrophe and a name after it. I'm, don't: no name.
    named = len(pieces) > 2 and len(pieces[0]) == 1 and len(pieces[2]) > 2
    first = pieces[0][:1].title() + pieces[0][1:].lower()
    rest = "".join(pieces[1:]).lower()
    return first + (rest[:1] + rest[1:2].title() + rest[2:] if named else rest)


@scalar(FAMILY, "char_count('王小明👍🏽')", "4", column=textcolumns.length_column)
def char_count(t: Any) -> int:
    """How many characters a reader sees (Jinja2's length counts code points)."""
    value = text(t, "char_count", "t")
    return len(value) if unmarked(value) else len(clusters(value))


def _cut(value: str, start: int, end: int | None) -> str:
    """The characters from start to end, as a slice counts."""
    return bounded(value[start:end] if unmarked(value) else "".join(clusters(value)[start:end]))


@scalar(FAMILY, "left('王小明', 1)", "王", column=textcolumns.left_column)
def left(t: Any, n: Any) -> str:
    """The first n characters."""
    return _cut(text(t, "left", "t"), 0, whole(n, "left", "n", 0, MAX_TEXT_CHARS))


@scalar(FAMILY, "right('0912345678', 3)", "678", column=textcolumns.right_column)
def right(t: Any, n: Any) -> str:
    """The last n characters."""
    count = whole(n, "right", "n", 0, MAX_TEXT_CHARS)
    return _cut(text(t, "right", "t"), -count, None) if count else ""


@scalar(FAMILY, "mid('A123456789', 2, 3)", "123")
def mid(t: Any, start: Any, n: Any) -> str:
    """n characters from the one at start; the first is 1."""
    first = whole(start, "mid", "start", 1, MAX_TEXT_CHARS) - 1
    return _cut(text(t, "mid", "t"), first, first + whole(n, "mid", "n", 0, MAX_TEXT_CHARS))


@scalar(FAMILY, "index_of('user@demo.com', '@')", "5")
def index_of(t: Any, sub: Any) -> int:
    """Where sub begins: 1 for the first character, 0 where it is nowhere."""
    value = text(t, "index_of", "t")
    at = value.find(text(sub, "index_of", "sub"))
    if at <= 0 or unmarked(value):
        return at + 1
    place = 0
    for nth, cluster in enumerate(clusters(value), 1):
        place += len(cluster)
        if place > at:
            return nth
    return len(clusters(value)) + 1  # nothing is sought, at the end


@scalar(FAMILY, "replace_any('a-b_c', ['-', '_'], ' ')", "a b c")
def replace_any(t: Any, sought: Any, b: Any) -> str:
    """b in place of each of the texts sought; where several begin at one place, the longest."""
    value, new = text(t, "replace_any", "t"), text(b, "replace_any", "b")
    old = tuple(text(item, "replace_any", "sought") for item in items(sought, "replace_any", "sought"))
    if not old or len(old) > MAX_SOUGHT or "" in old or sum(map(len, old)) > MAX_SIZE_ARGUMENT:
        raise Refused("replace_any", "sought", f"must be 1 to {MAX_SOUGHT} texts that are not empty")
    pattern = _any_of(old)
    if len(value) * max(len(new), 1) > MAX_TEXT_CHARS:
        found = pattern.findall(value)
        if len(value) + len(found) * len(new) - sum(map(len, found)) > MAX_TEXT_CHARS:
            raise Limit("gives a value that is too long")
    return pattern.sub(lambda _: new, value)


@lru_cache(64)
def _any_of(texts: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(set(texts), key=len, reverse=True))))


@scalar(FAMILY, "split_part('2026-01-31', '-', 2)", "01", nulls="null in, null out; null where there is no such field")
def split_part(t: Any, sep: Any, n: Any) -> str | None:
    """The nth field between separators, the first is 1; counted from the end where n is negative."""
    value, between = text(t, "split_part", "t"), text(sep, "split_part", "sep")
    nth = whole(n, "split_part", "n", -MAX_TEXT_CHARS, MAX_TEXT_CHARS)
    if not between:
        raise Refused("split_part", "sep", "is empty")
    if not nth:
        raise Refused("split_part", "n", "is 0: the first field is 1, the last -1")
    fields = value.split(between)
    place = nth - 1 if nth > 0 else nth
    return bounded(fields[place]) if -len(fields) <= place < len(fields) else None


def _joined(separator: str, parts: list[str]) -> str:
    weigh(parts)
    return bounded(separator.join(parts))


@scalar(FAMILY, "join_nonempty('、', '王小明', none, ' ', '臺北')", "王小明、臺北", kind="R", nulls="skipped", needed=("sep",))
def join_nonempty(sep: Any, *values: Any) -> str:
    """The values with sep between them, without those that are null or blank. Gives text: markup is escaped like any other."""
    filled = [s for v in values if v is not None and (s := shown(v)) and not s.isspace()]
    return _joined(text(sep, "join_nonempty", "sep"), filled)


@scalar(FAMILY, "concat('NT$', 1200, none, '元')", "NT$1200元", kind="R", nulls="counts as empty text", needed=())
def concat(*values: Any) -> str:
    """The values one after the other. Gives text: markup is escaped like any other."""
    return _joined("", list(map(shown, values)))


@scalar(FAMILY, "truncate_chars('敬愛的王小明先生', 5)", "敬愛的王…", column=textcolumns.truncated_column)
def truncate_chars(t: Any, n: Any, suffix: Any = "…") -> str:
    """The first n characters; where that leaves something out, the suffix stands for the rest and counts."""
    value, count = text(t, "truncate_chars", "t"), whole(n, "truncate_chars", "n", 0, MAX_TEXT_CHARS)
    if len(value) <= count:
        return bounded(value)
    whole_text, end = clusters(value), clusters("" if suffix is None else text(suffix, "truncate_chars", "suffix"))
    if len(whole_text) <= count:
        return bounded(value)
    return bounded("".join([*whole_text[: max(count - len(end), 0)], *end[:count]]))


@scalar(FAMILY, "contains('鴻雁銀行', '銀行')", "True", column=textcolumns.contains_column)
def contains(t: Any, s: Any) -> bool:
    """Whether s stands in t."""
    return text(s, "contains", "s") in text(t, "contains", "t")


@scalar(FAMILY, "starts_with('OR-2026', 'OR-')", "True", column=textcolumns.starts_column)
def starts_with(t: Any, s: Any) -> bool:
    """Whether t begins with s."""
    return text(t, "starts_with", "t").startswith(text(s, "starts_with", "s"))


@scalar(FAMILY, "ends_with('report.pdf', '.pdf')", "True", column=textcolumns.ends_column)
def ends_with(t: Any, s: Any) -> bool:
    """Whether t ends with s."""
    return text(t, "ends_with", "t").endswith(text(s, "ends_with", "s"))


@scalar(FAMILY, "pad_left(42, 6)", "000042", column=textcolumns.padded_column)
def pad_left(t: Any, n: Any, ch: Any = "0") -> str:
    """t with as many ch before it as make n characters."""
    value, width = text(t, "pad_left", "t"), whole(n, "pad_left", "n", 0, MAX_SIZE_ARGUMENT)
    mark = "0" if ch is None else text(ch, "pad_left", "ch")
    if mark not in ("0", " ") and (len(mark) > 40 or len(clusters(mark)) != 1):
        raise Refused("pad_left", "ch", "is not one character")
    return bounded(mark * (width - (len(value) if unmarked(value) else len(clusters(value)))) + value)


@scalar(FAMILY, "squish('  王  小明\\n 先生 ')", "王 小明 先生", column=textcolumns.squished_column)
def squish(t: Any) -> str:
    """Each run of white space as one blank, none at the ends."""
    return bounded(" ".join(text(t, "squish", "t").split()))


@scalar(FAMILY, "pluralize(3, 'item', 'items')", "items", needed=("n",))
def pluralize(n: Any, one: Any, many: Any) -> Any:
    """one where n is 1, many for all other numbers."""
    return one if number(n, "pluralize", "n") == 1 else many
