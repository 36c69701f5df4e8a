"""What the tests of text functions share: a slot over a column and row by row, and texts whose characters are known."""

import datetime as dt
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from actors.renderer.template import Context, Plan, compile_template

NOW = dt.datetime(2026, 11, 23, 16, 30, tzinfo=dt.UTC)
KEYS = {"demo": b"demo key", "other": b"another key"}
CONTEXT = Context(types={"x": "text", "y": "text", "n": "int"}, as_of=NOW, keys=KEYS, job="J1")
_KINDS = {"x": pa.string(), "y": pa.string(), "n": pa.int64()}

# Texts of these, one after the other, have no other characters than these: nothing joins at the seams.
CHARACTERS = [*"aZ09 .-_'<&\"\t\n\0é王鴻か가각بא😀𠮷", "\u3000", "\u200b", "\u202e", "\r\n"]
CHARACTERS += [
    "e\u0301",
    "葛\U000e0100",
    "👍🏽",
    "👨\u200d👩\u200d👧",
    "🇹🇼",
    "❤️\u200d🔥",
    "1\ufe0f\u20e3",
    "กำ",
    "क्षि",
    "ｶﾞ",
    "\u05d1\u05bc",
]
CHARACTERS += ["ب\u0651\u064e", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"]
parts = st.lists(st.sampled_from(CHARACTERS), max_size=12)
# Any text that a list can hold.
texts = st.text(max_size=30) | parts.map("".join) | st.text("ab -_.<>&'\"/:1", max_size=40)


@cache
def _plan(source: str, escape: bool) -> Plan:
    return compile_template(source, name="t", context=CONTEXT, escape=escape)


def plan(source: str, escape: bool, context: Context) -> Plan:
    """Kept for the context that nearly all tests have."""
    return _plan(source, escape) if context is CONTEXT else compile_template(source, name="t", context=context, escape=escape)


def shown(source: str, escape: bool = False, context: Context = CONTEXT, **values: list[Any]) -> list[str | None]:
    """What the slot prints for each row; None where the row fails. The same as a column, in a branch and row by row."""
    table = pa.table({name: pa.array(v, _KINDS[name]) for name, v in values.items()})
    ways = []
    for text in (f"{{{{ {source} }}}}", f"{{% for _ in [1] recursive %}}{{{{ {source} }}}}{{% endfor %}}"):
        made = plan(text, escape, context)
        columns = made.run(table, np.arange(len(table)))
        ways.append([None if i in columns.failed else columns.text(made.statics, i) for i in range(len(table))])
    assert ways[0] == ways[1], source
    return ways[0]


def reasons(source: str, context: Context = CONTEXT, **values: list[Any]) -> list[str]:
    """Why each failed row fails."""
    made = plan(f"{{{{ {source} }}}}", False, context)
    table = pa.table({name: pa.array(v, _KINDS[name]) for name, v in values.items()})
    columns = made.run(table, np.arange(len(table)))
    return [columns.failed[i][1] for i in sorted(columns.failed)]


def alike(source: str, reference: Any, **values: list[Any]) -> None:
    """Each row is the reference's; a null in any column gives nothing, an exception of the reference is a failed row."""
    for text, row in zip(shown(source, **values), zip(*values.values(), strict=True), strict=True):
        if None in row:
            assert text == "", (source, row)
            continue
        try:
            expected = reference(*row)
        except Exception:
            assert text is None, (source, row, text)
            continue
        assert text == ("" if expected is None else str(expected)), (source, row)
