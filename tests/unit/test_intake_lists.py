"""Every list format in every encoding comes back as it was written; every broken list is refused with its places."""

import csv
import gzip
import io
import json
import tracemalloc
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.intake.encoding import BLOCK_BYTES, MAX_LINE_BYTES
from actors.model.errors import InvalidInput
from tests.examples import examples
from tests.fakes.bundles import Reading, prepared

ROUND_TRIP = settings(
    max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

CODECS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp950", "gb18030"]
NAMES = ["email", "姓名", "x y"]
TAIWAN = "親愛的會員您好，感謝您長期以來對本公司的支持與愛護，請於期限內完成繳款。陳美麗、林志玲、王小明、張惠妹、蔡依林"
CHINA = "尊敬的用户您好，感谢您长期以来对本公司的支持与爱护，请在期限内完成缴款。陈美丽、林志玲、王小明、张惠妹、蔡依林"


def text_for(codec: str) -> st.SearchStrategy[str]:
    """Texts that the codec can hold, without NUL; both kinds of quotes, delimiters and line ends included."""
    odd = st.sampled_from(['"', ",", "\t", ";", "|", "\n", "\r\n", " ", "'", "a", "0", "=", "\\"])
    wide = st.characters(codec="utf-8", exclude_characters="\0\r\ufeff", exclude_categories=["Cs"])
    if codec in ("cp950", "gb18030"):
        wide = st.sampled_from(TAIWAN if codec == "cp950" else CHINA)
    return st.lists(st.one_of(odd, wide), max_size=8).map("".join)


def rows_for(codec: str) -> st.SearchStrategy[list[list[str]]]:
    cell = text_for(codec)
    return st.lists(st.lists(cell, min_size=3, max_size=3), min_size=1, max_size=6)


def write_text(rows: list[list[str]], delimiter: str, end: str) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(NAMES)
    writer.writerows(rows)
    return out.getvalue()


def expected(rows: list[list[str]]) -> list[dict[str, str | None]]:
    return [{n: v or None for n, v in zip(NAMES, row, strict=True)} for row in rows]


@pytest.mark.parametrize("codec", CODECS)
@ROUND_TRIP
@given(data=st.data())
def test_delimited_text_comes_back(tmp_path: Path, codec: str, data: st.DataObject) -> None:
    rows = data.draw(rows_for(codec))
    delimiter = data.draw(st.sampled_from([",", "\t", ";", "|"]))
    suffix = data.draw(st.sampled_from([".csv", ".txt", ".tsv"]))
    text = write_text(rows, delimiter, data.draw(st.sampled_from(["\n", "\r\n", "\r"])))
    encoding = {"cp950": "big5", "utf-8-sig": "auto"}.get(codec, codec)
    found = Reading(tmp_path, "list" + suffix, text.encode(codec), encoding=encoding, delimiter=delimiter)
    assert found.rows() == expected(rows)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_encoding_and_delimiter_are_found(tmp_path: Path, codec: str, delimiter: str) -> None:
    body = CHINA if codec == "gb18030" else TAIWAN
    rows = [[f"u{i}@x.test", body[i : i + 3], f"{i},;"] for i in range(40)]
    found = Reading(tmp_path, "list.txt", write_text(rows, delimiter, "\r\n").encode(codec))
    assert found.rows() == expected(rows)


@pytest.mark.parametrize(("codec", "body"), [("cp950", TAIWAN), ("gb18030", CHINA)])
def test_an_encoding_that_shows_late_is_found(tmp_path: Path, codec: str, body: str) -> None:
    lines = ["email,name\n", *(f"user{i}@example.test,plain\n" for i in range(2 * BLOCK_BYTES // 25))]
    lines += [f"late{i}@example.test,{body[i : i + 4]}\n" for i in range(40)]
    found = Reading(tmp_path, "list.csv", "".join(lines).encode(codec))
    assert found.rows()[-1] == {"email": "late39@example.test", "name": body[39:43]}


def test_what_could_be_two_encodings_must_be_declared(tmp_path: Path) -> None:
    data = "email,name\na@x.test,王\n".encode("cp950")
    assert refused(tmp_path, "list.csv", data) == ["list.csv line 2: the text could be Big5 or GB18030; declare list.encoding"]
    assert Reading(tmp_path, "list.csv", data, encoding="big5").rows() == [{"email": "a@x.test", "name": "王"}]


def test_neither_encoding(tmp_path: Path) -> None:
    found = refused(tmp_path, "list.csv", b"email,name\na@x.test,ok\nb@x.test,\xff\xff\xff\n")
    assert found == ["list.csv line 3: the encoding is neither UTF-8 nor Big5 nor GB18030; declare list.encoding"]


@pytest.mark.parametrize("codec", ["utf-8", "cp950", "gb18030", "utf-16"])
def test_a_declared_encoding_that_is_wrong_names_the_line(tmp_path: Path, codec: str) -> None:
    good = "email,name\n" + "a@x.test,b\n" * 200_000
    wrong = "\ud800".encode("utf-16-le", "surrogatepass") if codec == "utf-16" else b"\xff\xff"
    data = good.encode(codec) + wrong + "\n".encode(codec)
    name = {"utf-8": "UTF-8", "utf-16": "utf-16-le"}.get(codec, codec)
    found = refused(tmp_path, "list.csv", data, encoding=codec)
    assert found == [f"list.csv line 200002: is not {name} here; declare list.encoding if it is another"]


@ROUND_TRIP
@given(rows=rows_for("utf-8"), late=st.booleans())
def test_json_lines_come_back(tmp_path: Path, rows: list[list[str]], late: bool) -> None:
    objects = [dict(zip(NAMES, row, strict=True)) for row in rows]
    if late:
        objects.append({"late": "x"})
    text = "\n\n".join(json.dumps(o, ensure_ascii=i % 2 == 0) for i, o in enumerate(objects))
    found = Reading(tmp_path, "list.jsonl", text)
    names = [*NAMES, "late"] if late else NAMES
    assert found.rows() == [{n: o.get(n) or None for n in names} for o in objects]
    assert found.source.lines(range(len(objects))) == [1 + 2 * i for i in range(len(objects))]


def test_json_values_keep_kind_and_digits(tmp_path: Path) -> None:
    lines = '{"email":"a@x.test","n":1,"f":1,"t":"5","b":true,"m":1,"big":12345678901234567890}\n{"f":1.50,"b":false,"m":"x"}\n'
    found = Reading(tmp_path, "list.jsonl", lines)
    assert found.rows()[0] == {
        "email": "a@x.test",
        "n": "1",
        "f": "1",
        "t": "5",
        "b": "true",
        "m": "1",
        "big": "12345678901234567890",
    }
    assert found.source.fixed == {"email": "text", "f": "float", "t": "text", "b": "bool", "m": "text"}


def test_broken_json_lines_name_their_lines(tmp_path: Path) -> None:
    lines = '{"email":"a@x.test"}\n{"email":\n[1]\n{"email":{"a":1}}\n{"email":"\\u0000"}\n{"email":"\\ud83d"}\n' + "[" * 5000
    found = refused(tmp_path, "list.jsonl", lines)
    assert found == [f"list.jsonl line {n}: is no JSON object" for n in (2, 3, 7)]
    lines = '{"email":"a@x.test"}\n{"email":{"a":1}}\n{"email":"\\u0000"}\n{"email":"\\ud83d"}\n'
    assert refused(tmp_path, "list.jsonl", lines) == [
        "list.jsonl line 2 column email: lists and objects are not supported as values",
        "list.jsonl line 3 column email: holds a NUL character or half a character",
        "list.jsonl line 4 column email: holds a NUL character or half a character",
    ]


PARQUET = {
    "email": pa.array(["a@x.test", None, ""]),
    "large": pa.array(["x", "y", None], pa.large_string()),
    "words": pa.array(["x", "x", None]).dictionary_encode(),
    "small": pa.array([1, None, 3], pa.int8()),
    "unsigned": pa.array([1, 2, 2**63 - 1], pa.uint64()),
    "float": pa.array([0.5, None, 1.0], pa.float32()),
    "money": pa.array([Decimal("1.50"), None, Decimal("-2.00")], pa.decimal128(10, 2)),
    "yes": pa.array([True, None, False]),
    "day": pa.array([date(2026, 12, 1), None, None]),
    "naive": pa.array([datetime(2026, 12, 1, 9), None, None], pa.timestamp("ns")),
    "zoned": pa.array([datetime(2026, 12, 1, 1, tzinfo=UTC), None, None], pa.timestamp("ms", "UTC")),
    "nothing": pa.nulls(3),
}


def parquet(columns: dict[str, pa.Array]) -> bytes:
    out = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), out)
    return out.getvalue().to_pybytes()  # type: ignore[no-any-return]


def test_parquet_types_come_with_the_file(tmp_path: Path) -> None:
    from tests.fakes.bundles import CONTROL, table

    found = prepared(
        tmp_path, parquet(PARQUET), CONTROL + "list: {file: list.parquet, columns: {small: text}}\n", "list.parquet"
    )
    got = table(found)
    assert found.roster.types == {
        "email": "text",
        "large": "text",
        "words": "text",
        "small": "text",
        "unsigned": "int",
        "float": "float",
        "money": "decimal",
        "yes": "bool",
        "day": "date",
        "naive": "timestamp",
        "zoned": "timestamp",
        "nothing": "text",
    }
    assert got.column("unsigned").to_pylist() == [1, 2, 2**63 - 1]
    assert got.column("small").to_pylist() == ["1", None, "3"]
    assert got.column("money").to_pylist() == [Decimal("1.50"), None, Decimal("-2.00")]
    assert got.column("naive")[0].as_py().isoformat() == "2026-12-01T09:00:00+08:00"
    assert got.column("zoned")[0].as_py().isoformat() == "2026-12-01T09:00:00+08:00"
    assert got.column("email").to_pylist() == ["a@x.test", None, None]


def test_parquet_that_a_list_cannot_be(tmp_path: Path) -> None:
    nested = {"email": pa.array(["a@x.test"]), "l": pa.array([[1]]), "b": pa.array([b"x"]), "__r": pa.array([1])}
    assert refused(tmp_path, "list.parquet", parquet(nested)) == [
        "list.parquet column l: a column of type list<element: int64> is not supported",
        "list.parquet column b: a column of type binary is not supported",
    ]
    assert "is no Parquet file" in refused(tmp_path, "list.parquet", b"PAR1xxxxPAR1")[0]
    assert "is no Parquet file" in refused(tmp_path, "list.parquet", parquet(PARQUET)[:-4])[0]
    nul = Reading(tmp_path, "list.parquet", parquet({"email": pa.array(["a\0b"])}))
    with pytest.raises(InvalidInput, match="holds a NUL character"):
        nul.rows()
    data = bytearray(parquet({"email": pa.array([f"user{i}@example.test" for i in range(5000)])}))
    data[200:3000] = b"\xff" * 2800
    broken = Reading(tmp_path, "list.parquet", bytes(data))
    with pytest.raises(InvalidInput, match="the Parquet data is broken"):
        broken.rows()
    with pytest.raises(InvalidInput, match="a value does not fit the column's type"):
        prepared(tmp_path / "o", parquet({"email": pa.array(["a@x.test"]), "n": pa.array([2**63], pa.uint64())}), *as_parquet())


def as_parquet() -> tuple[str, str]:
    from tests.fakes.bundles import CONTROL

    return CONTROL + "list: {file: list.parquet}\n", "list.parquet"


def workbook(rows: list[list[object]], title: str = "Sheet") -> bytes:
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


CELL = st.one_of(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=8
    ).filter(lambda t: not t.startswith(("=", "_x")) and t == t.strip()),
    st.integers(-(10**14), 10**14),
    st.none(),
)


@settings(ROUND_TRIP, max_examples=8)
@given(rows=st.lists(st.tuples(CELL, CELL, CELL).filter(any), min_size=1, max_size=5))
def test_sheets_come_back(tmp_path: Path, rows: list[tuple[object, ...]]) -> None:
    found = Reading(tmp_path, "list.xlsx", workbook([list(NAMES), *(["x", *r[1:]] if r[0] is None else list(r) for r in rows)]))
    want = [["x", *r[1:]] if r[0] is None else list(r) for r in rows]
    assert found.rows() == [{n: None if v in (None, "") else str(v) for n, v in zip(NAMES, r, strict=True)} for r in want]


def test_sheet_kinds_places_and_empty_columns(tmp_path: Path) -> None:
    rows = [
        [None] * 7,
        ["email", "n", "f", "day", "at", "yes", None],
        ["a@x.test", 912345678, 10, datetime(2026, 12, 1), datetime(2026, 12, 1, 9), True, None],
        [None] * 7,
        ["b@x.test", 5.0, 10.5, datetime(2026, 12, 2), None, False, None],
    ]
    found = Reading(tmp_path, "list.xlsx", workbook(rows))
    assert found.rows()[0] == {
        "email": "a@x.test",
        "n": "912345678",
        "f": "10",
        "day": "2026-12-01",
        "at": "2026-12-01 09:00:00",
        "yes": "true",
    }
    assert found.rows()[1]["n"] == "5"
    assert found.source.fixed["f"] == "float"
    assert found.source.fixed["at"] == "timestamp"
    assert found.source.fixed["yes"] == "bool"
    assert found.source.lines([0, 1]) == [3, 5]


def test_sheets_are_chosen_by_name(tmp_path: Path) -> None:
    data = workbook([["email"], ["a@x.test"]], "十二月")
    assert Reading(tmp_path, "list.xlsx", data, sheet="十二月").rows() == [{"email": "a@x.test"}]
    assert refused(tmp_path, "list.xlsx", data, sheet="x") == ["list.xlsx: the workbook has no sheet 'x'; it has 十二月"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".xlsx"])
@pytest.mark.parametrize("packing", [".gz", ".zip"])
def test_every_format_may_be_packed_once(tmp_path: Path, suffix: str, packing: str) -> None:
    data = {
        ".csv": b"email\na@x.test\n",
        ".jsonl": b'{"email": "a@x.test"}',
        ".parquet": parquet({"email": pa.array(["a@x.test"])}),
        ".xlsx": workbook([["email"], ["a@x.test"]]),
    }[suffix]
    assert Reading(tmp_path, f"list{suffix}{packing}", pack(data, f"list{suffix}", packing)).rows() == [{"email": "a@x.test"}]


def pack(data: bytes, name: str, packing: str) -> bytes:
    if packing == ".gz":
        return gzip.compress(data)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def test_gzip_members_and_padding(tmp_path: Path) -> None:
    data = gzip.compress(b"email\na@x") + gzip.compress(b".test\nb@x.test\n") + b"\0" * 100
    assert Reading(tmp_path, "list.csv.gz", data).rows() == [{"email": "a@x.test"}, {"email": "b@x.test"}]


def refused(root: Path, name: str, data: bytes | str, **spec: object) -> list[str]:
    """The problems of a list that cannot be read."""
    with pytest.raises(InvalidInput) as caught:
        Reading(root, name, data, **spec).rows()
    return [str(p) for p in caught.value.problems]


OPEN_QUOTE = "a quoted field is not closed, or goes on after its closing quote"
BROKEN = {
    "ragged": (
        b"a,email\n1,b\n1,2,3\n\n4\n5,6\n",
        ["list.csv line 3: has 3 fields, the header has 2", "list.csv line 5: has 1 fields, the header has 2"],
    ),
    "ragged after a long field": (b'a,email\n1,"x\ny"\n1,2,3\n', ["list.csv line 4: has 3 fields, the header has 2"]),
    "ragged after a long header": (
        b'"a\nb",email\n1,2,3\n',
        ["list.csv line 1: the name of column 1 is too long or holds a control character"],
    ),
    "open quote": (b'a,email\n1,b\n2,"c\n3,d\n', ["list.csv line 3: " + OPEN_QUOTE]),
    "open quote in the last line": (b'a,email\n1,"', ["list.csv line 2: " + OPEN_QUOTE]),
    "open quote in the first column": (b'a,email\n"', ["list.csv line 2: " + OPEN_QUOTE]),
    "NUL": (b"a,email\n1,b\n2,c\0d\n", ["list.csv line 3: holds a NUL character"]),
    "empty": (b"", ["list.csv: is empty"]),
    "blank": (b"\n \r\n\n", ["list.csv: is empty"]),
    "mark only": (b"\xef\xbb\xbf", ["list.csv: is empty"]),
    "no name": (b"email,,x\n", ["list.csv line 1: column 2 has no name"]),
    "twice": (b"email,x,x\n", ["list.csv line 1 column x: the column name is there twice"]),
    "reserved": (b"email,__address\n", ["list.csv line 1 column __address: column names that begin with __ are reserved"]),
    "no header": (
        b"a@x.test,Bob\nb@x.test,Ann\n",
        ["list.csv line 1: the first line must hold the column names; it holds an address"],
    ),
    "many columns": (
        b"email," + b",".join(b"c%d" % i for i in range(1000)) + b"\n",
        ["list.csv line 1: has 1001 columns; the limit is 1000"],
    ),
}


@pytest.mark.parametrize(("data", "want"), BROKEN.values(), ids=list(BROKEN))
def test_s17_a_broken_list_is_refused_with_all_its_lines(tmp_path: Path, data: bytes, want: list[str]) -> None:
    assert refused(tmp_path, "list.csv", data) == want


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_ragged_row_far_down_is_found(tmp_path: Path, end: str) -> None:
    lines = ["email,name", *(f'u{i}@x.test,"a{end}b"' for i in range(1000)), "one,two,three"]
    assert refused(tmp_path, "list.csv", end.join(lines)) == ["list.csv line 2002: has 3 fields, the header has 2"]


def test_thousands_of_ragged_rows_make_one_short_answer(tmp_path: Path) -> None:
    found = refused(tmp_path, "list.csv", "email,name\n" + "a\n" * 5000)
    assert len(found) <= 101
    assert found[0] == "list.csv line 2: has 1 fields, the header has 2"


def test_a_list_of_nothing_but_addresses(tmp_path: Path) -> None:
    assert Reading(tmp_path, "list.txt", "a@x.test\nb@x.test\n", email="to").rows() == [{"to": "a@x.test"}, {"to": "b@x.test"}]


def test_names_lose_their_blanks_and_blank_lines_before_them_do_not_count(tmp_path: Path) -> None:
    found = Reading(tmp_path, "list.csv", "\n\n email ,name\na@x.test,1\n\nb@x.test,2\n")
    assert found.source.names == ["email", "name"]
    assert found.rows()[1]["email"] == "b@x.test"
    assert found.source.lines([0, 1]) == [4, 6]


def test_an_unknown_kind_of_list(tmp_path: Path) -> None:
    assert "unknown kind of list" in refused(tmp_path, "list.doc", b"x")[0]


@pytest.mark.parametrize("end", [b"", b"\n", b'"\n'])
def test_s17_a_line_over_the_limit_is_refused(tmp_path: Path, end: bytes) -> None:
    data = b"email,name\na@x.test,b\n" + b'"' * (end[:1] == b'"') + b"x" * (2 * MAX_LINE_BYTES + 10) + end
    assert refused(tmp_path, "list.csv", data) == [f"list.csv line 3: a line has more than {MAX_LINE_BYTES} bytes"]


def test_a_line_within_the_limit_is_taken(tmp_path: Path) -> None:
    text = "x" * (MAX_LINE_BYTES - 100)
    found = Reading(tmp_path, "list.csv", "email,name\n" + f"a@x.test,{text}\n" * 4)
    assert [r["name"] for r in found.rows()] == [text] * 4


def test_a_row_over_many_lines_has_a_limit_too(tmp_path: Path) -> None:
    data = b'email,name\na@x.test,"' + b"x\n" * (3 * BLOCK_BYTES) + b'"\n'
    found = refused(tmp_path, "list.csv", data)
    assert found == [f"list.csv: a row has more than {BLOCK_BYTES} bytes; is a quote left open?"] or "quoted field" in found[0]


def test_s17_a_two_gigabyte_line_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    with path.open("wb") as out:
        out.write(b"email\n")
        out.truncate(2 << 30)  # zeros, no line end, no disk
    from actors.intake.encoding import sound_text

    tracemalloc.start()
    with pytest.raises(InvalidInput, match=r"line 2: (a line has more than|holds a NUL)"):
        sound_text(str(path), "big.csv", "utf-8", tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 32 << 20
    tracemalloc.stop()
