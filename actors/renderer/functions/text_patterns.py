"""Text by regular expressions: RE2 as pyarrow carries it, a whole column at a time, without backtracking.

RE2 compiles a pattern anew at each call, so what a pattern may cost to compile is bounded too. Python's `re` is never used on
a pattern of a template.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from actors.renderer.functions.errors import Limit, Refused
from actors.renderer.functions.inputs import text, whole
from actors.renderer.functions.limits import MAX_TEXT_CHARS
from actors.renderer.functions.registry import SETTINGS, kernel, without_nulls
from actors.renderer.functions.scope import Scope, each, fail_all
from actors.renderer.functions.values import TEXT, Col, Lit, Value, texts

FAMILY = "Text"
Change = Callable[[pa.StringArray], pa.StringArray]  # what a pattern makes of texts
MAX_PATTERN_CHARS = 1_000
# Compiling costs about 4 microseconds a unit: 8 ms at most, once a shard, or once a call where a row is worked out alone.
MAX_PATTERN_WEIGHT = 2_000
_CLASS_WEIGHT = 200  # \pL and its like are hundreds of ranges
_MAX_GROUP = 99
# What RE2 reads as one thing: quoted text, an escape, a class, the head of a group, its end, a counted repeat.
_TOKEN = re.compile(
    r"\\Q.*?(?:\\E|\Z)|\\[pP](?:\{[^}]*\})?|\\.|\[\^?\]?(?:\[:[^\]]*:\]|\\.|[^\]\\])*\]|\(\?P?<\w+>|\(\?|\(|\)|\{\d+(?:,\d*)?\}",
    re.DOTALL,
)
_HALF_CHARACTERS = "\\C"  # RE2's single byte, which cuts characters


def _tokens(pattern: str, function: str) -> list[str]:
    """The pattern's parts that matter here. Raises Refused for a pattern that RE2 does not take or that costs too much."""
    if len(pattern) > MAX_PATTERN_CHARS:
        raise Refused(function, "re", f"has more than {MAX_PATTERN_CHARS:,} characters")
    tokens = _TOKEN.findall(pattern)
    if _HALF_CHARACTERS in tokens:
        raise Refused(function, "re", r"has \C, which cuts characters")
    if _weight(pattern, tokens) > MAX_PATTERN_WEIGHT:
        raise Refused(function, "re", "repeats too much: write + or * for large counts, and no counts within counts")
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        raise Refused(function, "re", f"is no pattern of RE2 ({_reason(error)})") from None
    except UnicodeEncodeError:
        raise Refused(function, "re", "has a character that is none (a lone surrogate)") from None
    return tokens


def _weight(pattern: str, tokens: Sequence[str]) -> int:
    """What the pattern costs to compile, rather too much than too little: counted repeats are written out by RE2."""
    weight, nested = len(pattern), 1
    for before, token in zip(["", *tokens], tokens, strict=False):
        weight += _classes(token)
        if token[0] == "{":
            times = max(int(number[:5]) for number in re.findall(r"\d+", token))
            if before == ")":
                nested *= max(times, 1)
            else:
                weight += times * max(_classes(before), 1)
    return weight * nested


def _classes(token: str) -> int:
    return _CLASS_WEIGHT * (token.count("\\p") + token.count("\\P"))


def _reason(error: pa.ArrowInvalid) -> str:
    """What RE2 says, without the pattern."""
    return str(error).partition("Invalid regular expression: ")[2].partition(": ")[0] or "invalid"


@lru_cache(256)
def _extraction(pattern: str, group: int) -> str:
    """The pattern with the wanted group named and all others as brackets only: Arrow wants names, and wants them all."""
    _tokens(pattern, "regex_extract")
    count = 0

    def head(match: re.Match[str]) -> str:
        nonlocal count
        token = match[0]
        if token != "(" and not token.endswith(">"):
            return token
        count += 1
        return "(?P<g>" if count == group else "(?:"

    changed = _TOKEN.sub(head, pattern)
    if group > count:
        raise Refused("regex_extract", "g", "is no group of the pattern")
    return changed if group else f"(?P<g>{changed})"


def _extractor(pattern: Any, group: Any) -> Change:
    place = whole(0 if group is None else group, "regex_extract", "g", 0, _MAX_GROUP)
    named = _extraction(text(pattern, "regex_extract", "re"), place)
    return lambda texts: pc.struct_field(pc.extract_regex(texts, named), "g")


@lru_cache(256)
def _replacement(pattern: str, put: str) -> int:
    """How often a match shows up in its replacement."""
    _tokens(pattern, "regex_replace")
    try:
        pc.replace_substring_regex(pa.array([""]), pattern=pattern, replacement=put)
    except (pa.ArrowInvalid, UnicodeEncodeError):
        raise Refused("regex_replace", "r", r"is no replacement: \1 is the first group, \0 all, \\ a backslash") from None
    return len(re.findall(r"\\[0-9]", put))


def _replacer(pattern: Any, put: Any) -> Change:
    sought, new = text(pattern, "regex_replace", "re"), text(put, "regex_replace", "r")
    shown = _replacement(sought, new)

    def replace(texts: pa.StringArray) -> pa.StringArray:
        _check_growth(texts, sought, len(new), shown)
        changed = pc.replace_substring_regex(texts, pattern=sought, replacement=new)
        if _longest(changed) > MAX_TEXT_CHARS:
            raise Limit("gives a value that is too long")
        return changed

    return replace


def _check_growth(texts: pa.StringArray, pattern: str, new: int, shown: int) -> None:
    """Refuses before the work what would give far more than a value may hold."""
    longest = _longest(texts)
    if (longest + 1) * (new + 1 + shown) <= MAX_TEXT_CHARS:
        return
    most = pc.max(pc.count_substring_regex(texts, pattern)).as_py() or 0
    if longest * (1 + shown) + (most + 1) * new > 10 * MAX_TEXT_CHARS:
        raise Limit("gives a value that is too long")


def _longest(texts: pa.StringArray) -> int:
    """Code points of the longest text."""
    return pc.max(pc.utf8_length(texts)).as_py() or 0


def _run(scope: Scope, args: Sequence[Value], function: str, make: Callable[..., Change]) -> Value:
    def one(value: Any, *settings: Any) -> Any:
        plain = text(value, function, "t")
        if len(plain) > MAX_TEXT_CHARS:
            raise Limit("takes a value that is too long")
        return make(*settings)(pa.array([plain], pa.string()))[0].as_py()

    value, *rest = args
    settings = [arg.value for arg in rest if isinstance(arg, Lit)]
    array = value.text() if isinstance(value, Col) and value.kind == TEXT else None
    if array is None or len(settings) < len(rest):
        return each(scope, one, args)
    try:
        many = make(*settings)
    except Exception as error:
        return fail_all(scope, error)
    if _longest(array) <= MAX_TEXT_CHARS:
        try:
            return texts(many(array))
        except Exception:  # which row it is, the second pass tells
            pass
    return each(scope, one, args)


@kernel(
    FAMILY,
    "regex_extract('order OR-1234', '([A-Z]+)-([0-9]+)', 2)",
    "1234",
    nulls="null in, null out; null where nothing matches",
)
def regex_extract(scope: Scope, t: Value, re: Value, g: Any = 0) -> Value:
    """The first match of an RE2 pattern, or its group g. In a template a backslash is written twice: '\\\\d+'."""
    return without_nulls(scope, (t, re, g), (0, 1), lambda part, args: _run(part, args, "regex_extract", _extractor))


@kernel(FAMILY, "regex_replace('0912-345-678', '[^0-9]', '')", "0912345678")
def regex_replace(scope: Scope, t: Value, re: Value, r: Value) -> Value:
    """r in place of all matches of an RE2 pattern; '\\\\1' in r is the first group, '\\\\0' the whole match."""
    return without_nulls(scope, (t, re, r), (0, 1, 2), lambda part, args: _run(part, args, "regex_replace", _replacer))


def _problem(make: Callable[..., Any], *names: str) -> Callable[[Any, Mapping[str, Any]], str]:
    """What is wrong with settings that a template writes down, or nothing; where a column gives one, the row tells."""

    def problem(job: Any, given: Mapping[str, Any]) -> str:
        settings = [given.get(name, "" if name == "r" else 0) for name in names]
        if "re" not in given or None in settings:
            return ""
        try:
            make(*settings)
        except Refused as error:
            return str(error)
        return ""

    return problem


SETTINGS["regex_extract"] = _problem(_extractor, "re", "g")
SETTINGS["regex_replace"] = _problem(_replacer, "re", "r")
