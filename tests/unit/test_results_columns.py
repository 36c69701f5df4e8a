"""Outcome lines as columns, and cells that no spreadsheet evaluates."""

import csv
import io
from dataclasses import replace

import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.rowlines import RowLine, RowLines
from actors.model.states import RowState
from actors.results.columns import SCHEMA, for_csv, joined, neutral, table

LINE = RowLine(
    7, RowState.BOUNCED, 2, "rcpt", "recipient", 550, "5.1.1", "no such user", "gmail.test", "mx1.gmail.test", "127.0.0.2",
    "unknown", "", 1_764_547_200.25, 1_764_547_260.5, 1,
)  # fmt: skip


def cells(lines: list[RowLine]) -> list[dict[str, str]]:
    """The CSV file read back by Python's own reader."""
    out = io.BytesIO()
    pacsv.write_csv(for_csv(table(RowLines.of(lines))), out)
    return list(csv.DictReader(io.StringIO(out.getvalue().decode(), newline="")))


def test_a_line_as_columns() -> None:
    made = table(RowLines.of([LINE, RowLine(8, RowState.CANCELLED)]))
    assert made.schema == SCHEMA
    rows = made.to_pylist()
    assert rows[0] | {"first_at": 0, "last_at": 0} == {
        "row": 7,
        "state": "bounced",
        "stage": "rcpt",
        "blame": "recipient",
        "reason": "unknown",
        "code": 550,
        "enhanced": "5.1.1",
        "reply": "no such user",
        "egress": "127.0.0.2",
        "site": "gmail.test",
        "host": "mx1.gmail.test",
        "tls": "",
        "first_at": 0,
        "last_at": 0,
        "attempts": 2,
        "in_doubt": 1,
    }
    assert rows[0]["first_at"].timestamp() == 1_764_547_200.25
    assert (rows[1]["state"], rows[1]["first_at"], rows[1]["last_at"]) == ("cancelled", None, None)


def test_a_line_as_text() -> None:
    found = cells([LINE, RowLine(8, RowState.CANCELLED)])
    assert found[0]["first_at"] == "2025-12-01T00:00:00.250Z"
    assert found[0]["reply"] == "no such user"
    assert (found[1]["row"], found[1]["state"], found[1]["first_at"], found[1]["reply"]) == ("8", "cancelled", "", "")


EVIL = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM",
    "\u3000=1",
    "=cmd|' /C calc'!A0",
]


@pytest.mark.parametrize("text", EVIL)
def test_s17_formulas_are_neutralised(text: str) -> None:
    for field in ("reply", "site", "host", "egress", "enhanced", "blame", "stage"):
        assert cells([replace(LINE, **{field: text})])[0][field] == "'" + text
    assert table(RowLines.of([replace(LINE, reply=text)])).column("reply")[0].as_py() == text  # Parquet keeps the truth


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_s17_no_cell_begins_as_a_formula_does(text: str) -> None:
    (made,) = neutral(pa.array([text])).to_pylist()
    assert made in (text, "'" + text)
    assert not made.lstrip().startswith(tuple("=+-@＝＋－＠"))
    assert made[:1] not in ("\t", "\r", "\n")


def test_s17_quotes_and_separators_stay_inside_their_cell() -> None:
    reply = 'say "hi", twice; \u2028 and, more'
    assert cells([replace(LINE, reply=reply)])[0]["reply"] == reply


def test_pages_join_into_one_dictionary() -> None:
    pages = [table(RowLines.of([replace(LINE, row=n, site=f"s{n}.test")])) for n in range(5)]
    whole = joined(pages)
    assert whole.schema == SCHEMA
    assert whole.column("site").to_pylist() == [f"s{n}.test" for n in range(5)]
