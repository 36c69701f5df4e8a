"""Sources of millions of characters: refused with a clear reason, without a crash of the parser and without a long wait.

What such a template would do to a row is in test_template_sandbox.py; what values do to a page in test_markup_in_values.py.
"""

import datetime as dt
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from actors.model.errors import InvalidInput
from actors.model.spec import ContentSpec
from actors.model.states import RowState
from actors.renderer.functions.limits import MAX_HELD_CHARS, MAX_SOURCE_CHARS
from actors.renderer.template import Context, Plan, compile_template
from tests.fakes.mailing import Mailing
from tests.fakes.snapshot import JOB

TYPES = {"s": "text", "n": "int"}
CONTEXT = Context(types=TYPES, as_of=dt.datetime(2026, 11, 23, tzinfo=dt.UTC))
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """An attack that gets through fails for want of memory instead of taking the machine down. How much address space one
    that is stopped in time needs depends on what ran before; how much memory, is tested below."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2_000_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def compiled(source: str) -> Plan:
    return compile_template(source, name="page.html", context=CONTEXT, escape=True)


def problem(source: str) -> str:
    with pytest.raises(InvalidInput) as error:
        compiled(source)
    (told,) = error.value.problems
    assert told.file == "page.html"
    return told.message


MILLION = 1_000_000
MOST = MAX_SOURCE_CHARS - 100


def filled(piece: str, before: str = "", after: str = "", end: str = "") -> str:
    """As many of the piece as a source may have characters for, each closed by `end`."""
    count = MOST // (len(piece) + len(end))
    return before + piece * count + after + end * count


WORDS = "words and signs in its tags"
NESTED = "is nested"
SOURCES = {
    "a million ifs": ("{% if n %}" * MILLION + "{% endif %}" * MILLION, "characters"),
    "ifs": (filled("{%if n%}", end="{%endif%}"), WORDS),
    "ifs that never end": (filled("{%if n%}"), WORDS),
    "elifs": (filled("{%elif n%}", "{%if n%}", "{%endif%}"), WORDS),
    "loops": (filled("{%for x in s%}", end="{%endfor%}"), WORDS),
    "blocks": (filled("{%block b%}"), WORDS),
    "fifty thousand ifs": ("{%if n%}" * 14_000 + "{%endif%}" * 14_000, NESTED),
    "parentheses": (filled("(", "{{ ", "1", ")") + " }}", WORDS),
    "some parentheses": ("{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}", NESTED),
    "lists": (filled("[", "{{ ", end="]") + " }}", WORDS),
    "some lists": ("{{ " + "[" * 20_000 + "]" * 20_000 + " }}", NESTED),
    "lists as deep as a tree may be": ("{{ " + "[" * 100 + "]" * 100 + " }}", NESTED),
    "some dicts": ("{{ " + "{1:" * 20_000 + "1" + "}" * 30_000 + " }}", NESTED),
    "signs": ("{{ " + "-" * 50_000 + "1 }}", NESTED),
    "nots": ("{{ " + "not " * 20_000 + "1 }}", NESTED),
    "attributes": ("{{ s" + ".a" * 20_000 + " }}", NESTED),
    "filters": ("{{ s" + "|e" * 20_000 + " }}", NESTED),
    "sums": ("{{ n" + "+1" * 20_000 + " }}", NESTED),
    "powers": ("{{ 2" + "**2" * 20_000 + " }}", NESTED),
    "ternaries": ("{{ " + "1 if n else " * 9_000 + "1 }}", NESTED),
    "items": ("{{ [" + "1," * 20_000 + "] }}", "elements"),
    "digits": (filled("9", "{{ ", " }}"), "digits"),
    "digits of base 16": (filled("f", "{{ 0x", " }}"), "digits"),
    "an exponent": ("{{ 1e" + "9" * 3_000 + " }}", "too large"),
    "comments": (filled("{#"), "comment"),
    "braces": (filled("{"), WORDS),
    "blanks": (filled(" ", "{{", "}}"), "expression"),
    "a name": (filled("a", "{{ ", " }}"), "no column"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_s12_a_source_of_millions_is_refused(name: str) -> None:
    source, told = SOURCES[name]
    assert told in problem(source)


def test_s12_a_million_ifs_in_a_bundle() -> None:
    """The whole way of a page, with the text part that is made from it."""
    for source in (SOURCES["a million ifs"][0], SOURCES["ifs"][0], SOURCES["fifty thousand ifs"][0]):
        files = {"page.html": f"<html><body>{source}</body></html>"}
        with Mailing(ContentSpec(subject="a", html="page.html"), files, {"n": [1]}, types=TYPES) as mailing:
            found = mailing.renderer.check(JOB)
            assert found
            assert all(len(str(one)) < 300 for one in found)


def outcome(source: str, rows: int = 2) -> list[str]:
    """The reasons of the rows, or their texts."""
    plan = compiled(source)
    table = pa.table({"s": ["ab"] * rows, "n": pa.array(range(rows), pa.int64())})
    columns = plan.run(table, np.arange(rows))
    assert all(failure.state is RowState.RENDER_ERROR for failure in columns.failed.values())
    return [columns.failed[i].reason if i in columns.failed else columns.text(plan.statics, i) for i in range(rows)]


LONG = "page.html line 1: "
# Over 100 MB from one row, by slots, by loops, by loops row by row, by macros, by captured blocks, by literal text in a loop.
OUTPUTS = [
    "{{ ('a' * 100000) * n }}" + "{{ s * 100000 * n }}" * 1_000,
    "{% for i in range(2000 * n) %}{{ s * 100000 }}{% endfor %}",
    "{% for i in range(2000 * n) recursive %}{{ s * 100000 }}{% endfor %}",
    "{% for i in range(100 * n) %}{% for j in range(100) %}" + "x" * 20_000 + "{% endfor %}{% endfor %}",
    "{% macro m() %}{{ s * 100000 }}{% endmacro %}{% for i in range(2000 * n) %}{{ m() }}{% endfor %}",
    "{% set x %}{% for i in range(2000 * n) %}{{ s * 100000 }}{% endfor %}{% endset %}{{ x }}",
    "{% filter upper %}{% for i in range(2000 * n) %}{{ s * 100000 }}{% endfor %}{% endfilter %}",
]


@pytest.mark.parametrize("source", OUTPUTS)
def test_s12_a_row_that_writes_a_hundred_megabytes_ends_alone(source: str) -> None:
    other, big = outcome(source)
    assert len(other) < 1000
    assert big.startswith(LONG)
    assert "too long" in big or "too many steps" in big


PEAK = """
import resource, sys
from tests.unit.test_template_attacks import outcome
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
outcome("{{ s|replace('a', '<') }}")
before = peak()
told = outcome(sys.argv[1])[1]
print(peak() - before, told)
"""
ESCAPED = "{% for i in range(450 * n) %}{{ (s|replace('a', '<')|replace('b', '&')) * 100000 }}{% endfor %}"


@pytest.mark.parametrize("source", [OUTPUTS[1], OUTPUTS[4], OUTPUTS[6], ESCAPED])
def test_s12_what_a_row_makes_is_gone_before_it_is_copied(source: str) -> None:
    """A text that may be held at all is held once: MAX_HELD_CHARS and what Python needs beside."""
    run = subprocess.run([sys.executable, "-c", PEAK, source], capture_output=True, text=True, check=True)
    grown, _, told = run.stdout.partition(" ")
    assert "too long" in told
    assert int(grown) * 1024 < 3 * MAX_HELD_CHARS


def test_s12_what_columns_hold_is_bounded_for_the_rows_that_have_most() -> None:
    """Texts that nothing prints; a row that makes few goes on."""
    source = "".join(f"{{% set x{i} = s * (n * 1000) %}}" for i in range(30)) + "{{ n }}"
    table = pa.table({"s": ["ab"] * 600, "n": [1, 90] * 300})
    columns = compiled(source).run(table, np.arange(600))
    assert set(columns.failed) == set(range(1, 600, 2))
    assert {failure.reason for failure in columns.failed.values()} == {LONG + "makes texts that are too long together"}


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("2 ** 10 ** 10 ** n", "too large"),
        ("(n + 9) ** (n + 9) ** (n + 9)", "too large"),
        ("(n + 3) ** 9223372036854775807", "too large"),
        ("power(n + 10, 400)", "too large"),
        ("(n + 2) * 9223372036854775807", "too large"),
        ("10 ** 18 * 10 ** (n + 1)", "too large"),
        ("s * 9223372036854775807", "repeats a value too often"),
        ("s * 10 ** (n + 9)", "repeats a value too often"),
        ("[s] * 10 ** (n + 9)", "repeats a value too often"),
        ("(s * 100000) ~ (s * 100000)", "too long"),
        ("s.ljust(10 ** (n + 9))", "pads a text too far"),
        ("'%*d'|format(10 ** (n + 9), n)", "too wide"),
        ("('{:' ~ 10 ** (n + 9) ~ '}').format(s)", "too wide"),
        ("s|center(10 ** (n + 9))", "too large a size"),
        ("range(10 ** (n + 9))|list", "too long"),
        ("(s * 100000)|replace('a', s * 10000)", "too long"),
        ("(s * 100000)|join(s * 100000)", "too long"),
    ],
)
def test_s12_huge_numbers_and_texts_end_the_row(expression: str, reason: str) -> None:
    for source in (f"{{{{ {expression} }}}}", f"{{% for q in [1] recursive %}}{{{{ {expression} }}}}{{% endfor %}}"):
        for told in outcome(source):
            assert told.startswith(LONG)
            assert reason in told


@pytest.mark.parametrize(
    "expression", ["2 ** 10 ** 10", "9 ** 9 ** 9 ** 9", "'a' * 10 ** 18", "[1] * 10 ** 18", "'a'.ljust(10 ** 18)"]
)
def test_s12_huge_constants_are_told_before_anything_is_sent(expression: str) -> None:
    with pytest.raises(InvalidInput) as error:
        compile_template(f"\n{{{{ {expression} }}}}", name="page.html", context=CONTEXT, escape=True, typed=True)
    assert [(p.line, p.column) for p in error.value.problems] == [(2, "1")]
