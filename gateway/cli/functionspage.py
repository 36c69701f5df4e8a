"""`python -m gateway.cli.functionspage [--check]`: docs/functions.md, made from the table of functions.

With --check nothing is written: exit code 1 where the page is not what the table gives.
"""

import sys
from pathlib import Path

from actors.renderer.functions import FAMILIES, REGISTRY, Function

PAGE = Path(__file__).parents[2] / "docs" / "functions.md"
HEAD = """# Functions of templates

<!-- Made by `make docs` from the table of functions (actors/renderer/functions): change the table, not this page. -->

Each can be written as a function, `mask_name(name)`, or as a filter, `name | mask_name`; `hongyan functions NAME` tells all
about one. Jinja2's own filters, tests and operators keep Jinja2's meaning and are not listed here. Functions of your own:
[own-functions.md](own-functions.md).

- Null in, null out, unless the last column says otherwise. A null that reaches a slot prints as nothing.
- A value that a function cannot take makes its own row `render_error`, with function and argument, never a wrong mail.
- Pure: `now()` and `today()` are the job's `as_of`; no clock, no network, no file. The same row gives the same text.
- Locale and time zone are the job's where none is given.
- How it is computed: **N** as a column, **D** once a distinct value, **J** by a join with a table of the bundle, **R** row
  by row. The function of one row is the column form on one row.
- Each example is run by the tests.
"""


def page() -> str:
    """The text of the page; functions of other packages are left out."""
    families = list(dict.fromkeys(module.FAMILY for module in FAMILIES))
    parts = [HEAD]
    for family in families:
        parts.append(f"\n## {family}\n\n| call | meaning | how | example | gives | nulls |\n|---|---|---|---|---|---|\n")
        parts.extend(_row(f) for f in REGISTRY.values() if f.family == family and not f.source)
    return "".join(parts)


def _row(function: Function) -> str:
    nulls = "" if function.nulls == "null in, null out" else function.nulls
    result = _code(function.gives) if function.gives else "nothing"
    cells = (_code(function.usage), _text(function.meaning), function.kind, _code(function.example), result, _text(nulls))
    return f"| {' | '.join(cells)} |\n"


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    return f"{fence}{text.replace('|', chr(92) + '|')}{fence}" if text else ""


def _text(text: str) -> str:
    """Plain words: nothing in them is markup."""
    for mark in "\\|*_<[":
        text = text.replace(mark, "\\" + mark)
    return text


def main(arguments: list[str]) -> int:
    """Exit code."""
    made = page()
    if arguments == ["--check"]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != made:
            print("docs/functions.md is not fresh: run `make docs`", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
