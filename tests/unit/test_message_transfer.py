"""Transfer encodings: what is decoded is what went in, and every line keeps the rules that senders and DKIM rely on."""

import base64
import quopri
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from actors.model.states import RowState
from actors.renderer.functions.coded import Coded, Words
from actors.renderer.functions.views import views
from actors.renderer.message.base64parts import Base64
from actors.renderer.message.columns import Column, Failed, cells, joined, texts
from actors.renderer.message.lineends import canonical_newlines
from actors.renderer.message.mime import join_rows
from actors.renderer.message.quotedprintable import QuotedPrintable
from actors.renderer.message.transfer import Encoder, encoder


@dataclass
class Piece:
    values: list[str]
    static: int = -1
    mask: NDArray[np.bool_] | None = None
    text: pa.StringArray | None = None  # the values in Arrow
    coded: Coded | None = None
    closed: bool = False


nasty = st.sampled_from(
    ["\r", "\n", "\r\n", ".", "..", "\n.\n", " ", "\t", "=", "=\n", " \n", "\u3000", "鴻雁", "😀", "x" * 80, "字" * 400]
)
words = st.lists(
    nasty | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=90), max_size=6
).map("".join)


@st.composite
def templates(draw: st.DrawFn) -> tuple[list[str], list[Piece], int]:
    n = draw(st.integers(1, 3))
    statics = draw(st.lists(words | st.integers(200, 500).map(lambda k: "正文.\n" * k), max_size=4))
    pieces = []
    for kind in draw(st.lists(st.integers(-1, len(statics) - 1), max_size=6)):
        mask = draw(st.none() | st.lists(st.booleans(), min_size=n, max_size=n).map(np.array))
        values = draw(st.lists(words, min_size=n, max_size=n)) if kind < 0 else []
        arrow = kind < 0 and draw(st.booleans())
        pieces.append(Piece(values, kind, mask, pa.array(values, pa.string()) if arrow else None))
    return statics, pieces, n


def rows_of(columns: Sequence[Column], n: int) -> list[bytes]:
    return [b"".join(row) for row in zip(*(cells(column, n) for column in columns), strict=True)]


def check_wire_rules(data: bytes) -> None:
    assert data.endswith(b"\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", data)
    for line in data[:-2].split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith(b".")
        assert not line.endswith((b" ", b"\t"))
        assert all(c == 9 or 32 <= c < 127 for c in line)


def piecewise(statics: list[str], pieces: list[Piece], n: int) -> list[str]:
    """Line ends are made canonical piece by piece: a CR that ends one and an LF that starts the next are two."""
    clean = [Piece([canonical_newlines(v) for v in p.values], p.static, p.mask) for p in pieces]
    return texts(clean, [canonical_newlines(s) for s in statics], n)


@given(templates())
def test_s2_quoted_printable_gives_the_text_back(template: tuple[list[str], list[Piece], int]) -> None:
    statics, pieces, n = template
    failed: Failed = {}
    got = rows_of(QuotedPrintable(statics).encode(pieces, n, failed), n)
    assert not failed
    for data, text in zip(got, piecewise(statics, pieces, n), strict=True):
        check_wire_rules(data)
        assert quopri.decodestring(data).decode().rstrip("\r\n") == text.rstrip("\r\n")
        assert data == b"\r\n" or not data.endswith((b"\r\n\r\n", b"=\r\n"))


@given(templates())
def test_s2_base64_gives_the_text_back(template: tuple[list[str], list[Piece], int]) -> None:
    statics, pieces, n = template
    failed: Failed = {}
    got = rows_of(Base64(statics).encode(pieces, n, failed), n)
    assert not failed
    for data, text in zip(got, piecewise(statics, pieces, n), strict=True):
        check_wire_rules(data)
        assert base64.b64decode(data.replace(b"\r\n", b""), validate=True).decode() == text
        assert data == b"\r\n" or b"\r\n\r\n" not in data


@pytest.mark.parametrize("kind", [QuotedPrintable, Base64])
@given(template=templates())
def test_arrow_and_python_texts_give_the_same_bytes(
    kind: type[QuotedPrintable] | type[Base64], template: tuple[list[str], list[Piece], int]
) -> None:
    statics, pieces, n = template
    plain = [Piece(p.values, p.static, p.mask) for p in pieces]
    arrow = [Piece(p.values, p.static, p.mask, None if p.static >= 0 else pa.array(p.values, pa.string())) for p in pieces]
    coder: Encoder = kind(statics)
    assert rows_of(coder.encode(plain, n, {}), n) == rows_of(coder.encode(arrow, n, {}), n)


@pytest.mark.parametrize("kind", [QuotedPrintable, Base64])
@pytest.mark.parametrize("bad", ["a\0b", "\0", "\ud800", "x\udfffy"])
def test_a_cell_that_no_mail_can_hold_fails_its_row_only(kind: type[QuotedPrintable] | type[Base64], bad: str) -> None:
    failed: Failed = {}
    coder: Encoder = kind(["<p>", "</p>"])
    pieces = [Piece([], 0), Piece(["fine", bad, "也好"]), Piece([], 1)]
    got = rows_of(coder.encode(pieces, 3, failed), 3)
    assert list(failed) == [1]
    assert failed[1][0] is RowState.RENDER_ERROR
    assert bad not in failed[1][1]
    decode = quopri.decodestring if kind is QuotedPrintable else base64.b64decode
    assert [decode(got[i]).decode().strip() for i in (0, 2)] == ["<p>fine</p>", "<p>也好</p>"]


@given(
    rows=st.lists(
        st.sampled_from(["", "plain", ".5", "a=b", "一", "x" * 71, "x" * 72, "字" * 30, "a\n", "\n.", " "]), min_size=1
    ),
    tails=st.lists(st.sampled_from(["", "年1月", ".25", "x" * 40, "=", "\n"]), min_size=1),
    data=st.data(),
)
def test_s2_words_and_texts_give_the_same_bytes_however_rows_are_cut(
    rows: list[str], tails: list[str], data: st.DataObject
) -> None:
    """A slot between two literals: as texts, as codes of words (in one part and in two), and row by row."""
    n = data.draw(st.integers(1, 6))
    codes = [np.array(data.draw(st.lists(st.integers(-1, len(w) - 1), min_size=n, max_size=n))) for w in (rows, tails)]
    texts_of = [pa.array(texts, pa.string()) for texts in (rows, tails)]
    coded = Coded(*((Words(array), some) for array, some in zip(texts_of, codes, strict=True)))
    values = coded.text().to_pylist()
    assert values == [
        "".join(w[c] if c >= 0 else "" for w, c in zip((rows, tails), pair, strict=True)) for pair in zip(*codes, strict=True)
    ]
    coder = QuotedPrintable(["<p>", "</p>\n"], {1})

    def encoded(*slots: Piece) -> list[bytes]:
        return join_rows(coder.encode([Piece([], 0), *slots, Piece([], 1)], len(slots[0].values), {}), len(slots[0].values))

    got = encoded(Piece(values, coded=coded, closed=True))
    assert got == encoded(Piece(values, text=pa.array(values, pa.string()), closed=True))
    assert got == [one for value in values for one in encoded(Piece([value], closed=True))]
    whole = Coded((Words(pa.array(values, pa.string())), np.arange(n)))
    assert got == encoded(Piece(values, coded=whole, closed=True))
    for line, value in zip(got, values, strict=True):
        check_wire_rules(line)
        assert quopri.decodestring(line).decode().replace("\r\n", "\n") == f"<p>{value}</p>\n"


def test_the_smaller_encoding_wins() -> None:
    assert encoder(["<p>Hello</p>" * 10]).name == "quoted-printable"
    assert encoder(["鴻雁傳書" * 10]).name == "base64"
    assert encoder(["<p style='margin: 0; color: #333'>鴻雁</p>" * 10]).name == "quoted-printable"


def test_an_empty_part_is_one_line_end() -> None:
    assert rows_of(QuotedPrintable([]).encode([], 1, {}), 1) == [b"\r\n"]
    assert rows_of(Base64([]).encode([], 1, {}), 1) == [b"\r\n"]


@pytest.mark.parametrize("width", [1, 7, 95])
def test_rows_are_the_same_however_many_are_set_side_by_side_at_once(width: int) -> None:
    """More rows than a block of views holds, of all lengths; columns that are fixed, in Arrow, in Python and chosen."""
    n = 20_000 // width
    chance = np.random.default_rng(width)
    columns: list[Column] = []
    wanted: list[list[bytes]] = []
    for at in range(width):
        given = [b"%d,%d;" % (at, row) * int(chance.integers(0, 4)) for row in range(n)]
        if at % 4 == 1:
            columns.append(b"fixed" * at)
            given = [b"fixed" * at] * n
        elif at % 4 == 2:
            columns.append(given)
        elif at % 4 == 3:
            places = chance.integers(0, n, n)
            columns.append(views(pa.array(given, pa.binary())).take(places))
            given = [given[place] for place in places.tolist()]
        else:
            columns.append(pa.array(given, pa.large_binary()))
        wanted.append(given)
    rows = [b"".join(row) for row in zip(*wanted, strict=True)]
    assert join_rows(columns, n) == rows
    assert joined(columns, n).to_pylist() == rows
