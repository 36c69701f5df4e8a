"""Tables of a bundle: which files they are, read as lists are read, frozen, and joined in the mails of a real renderer."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.intake import repeats, tables
from actors.intake.prepare import Prepared, prepare
from actors.intake.tables import table_name
from actors.model.errors import InvalidInput, Problem
from cluster.config import Config
from cluster.workbench import opened
from tests.fakes.bundles import CONTROL, bundle_files, upload
from tests.fakes.vault import FolderVault

SUBJECT = "\"{{ lookup('stores', city, 'name', 'nowhere') }}\""
LIST = "email,id,city\na@x.test,7,T1\nb@x.test,8,T9\nc@x.test,9,\n"
STORES = "code,name,opened,fee\nT1,台北 <1>,2026-01-05,10.50\nT2,台中,2026-02-28,9.00\nT1,again,,1.00\n"


def read(root: Path, files: dict[str, bytes | str], control: str = CONTROL) -> Prepared:
    vault, work = FolderVault(root / "vault"), root / "work"
    work.mkdir(parents=True)
    return prepare(vault, upload(vault, bundle_files(LIST, control) | files), work, 4)


def rows(found: Prepared, name: str) -> list[dict[str, Any]]:
    table = next(t for t in found.tables if t.name == name)
    return pa.ipc.open_file(str(table.path)).read_all().to_pylist()


def refused(root: Path, files: dict[str, bytes | str], control: str = CONTROL) -> list[Problem]:
    with pytest.raises(InvalidInput) as caught:
        read(root, files, control)
    return list(caught.value.problems)


def written(root: Path, files: dict[str, bytes | str]) -> Path:
    """A bundle's folder."""
    for name, data in files.items():
        (root / "bundle" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "bundle" / name).write_text(str(data), encoding="utf-8")
    return root / "bundle"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("tables/stores.csv", "stores"),
        ("tables/門市.TSV", "門市"),
        ("tables/a.b.csv.gz", "a.b"),
        ("tables/s.xlsx", "s"),
        ("tables/s.jsonl.zip", "s"),
        ("tables/s.parquet", "s"),
        ("tables/notes.txt", ""),
        ("tables/picture.png", ""),
        ("tables/more/s.csv", ""),
        ("data/tables/s.csv", ""),
        ("tables/.csv", ""),
    ],
)
def test_which_files_are_tables(file: str, name: str) -> None:
    assert table_name(file) == name


def test_types_are_found_and_nothing_is_lost(tmp_path: Path) -> None:
    found = read(tmp_path, {"tables/stores.csv": STORES, "tables/codes.csv": "code,v\n001,1e5\n010,\n"})
    shapes = {t.name: t.shape for t in found.tables}
    assert (shapes["stores"].key, shapes["stores"].rows) == ("code", 3)
    assert shapes["stores"].types == {"code": "text", "name": "text", "opened": "date", "fee": "decimal"}
    assert [str(r["fee"]) for r in rows(found, "stores")] == ["10.50", "9.00", "1.00"]
    assert rows(found, "codes") == [{"code": "001", "v": "1e5"}, {"code": "010", "v": None}]
    assert found.assets == ["body.txt"], "a table goes into the snapshot once, as columns"


def test_every_format_gives_the_same_rows(tmp_path: Path) -> None:
    plain = [{"code": 1, "name": "台北"}, {"code": 2, "name": None}]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(plain), sink)
    csv = "code,name\n1,台北\n2,\n"
    found = read(
        tmp_path,
        {
            "tables/a.csv": csv,
            "tables/b.csv.gz": gzip.compress(csv.encode()),
            "tables/c.tsv": csv.replace(",", "\t"),
            "tables/d.parquet": sink.getvalue(),
            "tables/e.jsonl": "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in plain),
            "tables/f.csv": csv.encode("big5"),
            "tables/g.csv": csv.replace(",", ";").encode("utf-16"),
        },
        CONTROL + "tables: {f: {encoding: big5}, g: {delimiter: semicolon}}\n",
    )
    assert {t.name: rows(found, t.name) for t in found.tables} == dict.fromkeys("abcdefg", plain)
    assert "tables/f.csv: read as cp950" in found.warnings


def test_a_declaration_names_key_and_types(tmp_path: Path) -> None:
    control = CONTROL + "tables:\n  stores: {key: name, columns: {code: text, fee: float, opened: timestamp}}\n"
    found = read(tmp_path, {"tables/stores.csv": STORES}, control)
    (table,) = found.tables
    assert (table.shape.key, table.shape.types["fee"], table.shape.types["opened"]) == ("name", "float", "timestamp")


def test_repeated_keys_are_told_with_their_lines(tmp_path: Path) -> None:
    lines = ["code,t", "a,1", "b,1", '"c","two', 'lines"', "a,2", ",3", ",4", "c,5", *(f"b,{i}" for i in range(20))]
    files = {
        "tables/s.csv": "\n".join(lines) + "\n",
        "tables/once.csv": "k\n1\n2\n",
        "tables/n.jsonl": '{"k": 7}\n\n{"k": 7}\n',
    }
    assert [w for w in read(tmp_path, files).warnings if "repeat" in w] == [
        "tables/n.jsonl: rows repeat the key (k) of an earlier row: line 3 that of line 1; lookup takes the first",
        "tables/s.csv: rows repeat the key (code) of an earlier row: line 6 that of line 2, line 9 that of line 4, "
        "line 10 that of line 3, line 11 that of line 3, line 12 that of line 3 and 17 more; lookup takes the first",
    ]


def test_a_long_table_is_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MOST_ROWS", 1)
    assert read(tmp_path, {"tables/s.csv": "k\n1\n1\n"}).warnings == []


def test_all_problems_are_told_at_once_with_their_places(tmp_path: Path) -> None:
    control = (
        CONTROL + "tables:\n  stores: {key: codes, columns: {fees: int}}\n  shops: {key: a}\n  kinds: {columns: {n: int}}\n"
    )
    found = refused(
        tmp_path,
        {
            "tables/stores.csv": STORES,
            "tables/kinds.csv": "n,m\n1,2\nx,2\n3,2\ny,\n",
            "tables/ragged.csv": "a,b\n1,2\n1\n1,2,3\n",
            "tables/twice.csv": "a\n1\n",
            "tables/twice.tsv": "a\n1\n",
            "tables/empty.csv": "",
            "tables/zip.csv.gz": b"no gzip",
            "tables/names.csv": "a,a,__b\n1,2,3\n",
        },
        control,
    )
    told = {(p.file, p.line, p.column, p.message) for p in found}
    assert told == {
        ("job.yaml", 0, "", "tables.shops: there is no file tables/shops.csv"),
        ("job.yaml", 0, "", "tables.stores.key: tables/stores.csv has no column 'codes'; did you mean 'code'?"),
        ("job.yaml", 0, "", "tables.stores.columns.fees: tables/stores.csv has no column 'fees'; did you mean 'fee'?"),
        ("tables/kinds.csv", 3, "n", "must be a whole number of at most 18 digits"),
        ("tables/kinds.csv", 5, "n", "must be a whole number of at most 18 digits"),
        ("tables/ragged.csv", 3, "", "has 1 fields, the header has 2"),
        ("tables/ragged.csv", 4, "", "has 3 fields, the header has 2"),
        ("tables/twice.tsv", 0, "", "the table 'twice' is there twice, also as tables/twice.csv"),
        ("tables/empty.csv", 0, "", "is empty"),
        ("tables/zip.csv.gz", 0, "", "the gzip data is broken"),
        ("tables/names.csv", 1, "a", "the column name is there twice"),
        ("tables/names.csv", 1, "__b", "column names that begin with __ are reserved"),
    }


def test_the_control_file_is_held_to_its_words(tmp_path: Path) -> None:
    control = CONTROL + "tables: {s: {keys: a, columns: {a: number}, encoding: ebcdic, delimiter: ab}}\n"
    found = refused(tmp_path, {}, control)
    assert found[0].message == "tables.s.keys: unknown key; did you mean 'key'?"
    assert [(p.line, p.message.partition(":")[0]) for p in found[1:]] == [
        (4, "tables.s.columns.a"), (4, "tables.s.encoding"), (4, "tables.s.delimiter"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["tables/../x.csv", "tables//x.csv", "tables/x\\y.csv", "tables/\x01.csv", "/tables/x.csv"])
def test_a_name_that_leaves_the_bundle_is_refused(tmp_path: Path, name: str) -> None:
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, data in (bundle_files(LIST) | {name: "a\n1\n"}).items():
            archive.writestr(zipfile.ZipInfo(path), data)
    vault, work = FolderVault(tmp_path / "vault"), tmp_path / "work"
    work.mkdir()
    vault.write("uploads/acme/1/b.zip", out.getvalue())
    with pytest.raises(InvalidInput):
        prepare(vault, "uploads/acme/1", work, 4)


def test_a_bomb_and_a_table_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(b"a,b\n" + b"1,2\n" * (17 << 20))
    assert "expands more than" in refused(tmp_path / "1", {"tables/b.csv.gz": bomb})[0].message
    monkeypatch.setattr(tables, "MAX_TABLE_ROWS", 2)
    (problem,) = refused(tmp_path / "2", {"tables/s.csv": STORES})
    assert (problem.file, problem.message) == ("tables/s.csv", "has more than 2 rows")
    monkeypatch.setattr(tables, "MAX_TABLES", 1)
    (problem,) = refused(tmp_path / "3", {"tables/a.csv": "a\n1\n", "tables/b.csv": "a\n1\n"})
    assert (problem.file, problem.message) == ("tables/", "holds 2 tables; the limit is 1")


def test_a_key_of_a_megabyte_is_a_key(tmp_path: Path) -> None:
    long = "k" * ((1 << 20) - 10)
    found = read(tmp_path, {"tables/s.csv": f"a,b\n{long},1\n"})
    assert rows(found, "s") == [{"a": long, "b": 1}]


async def test_mails_hold_what_the_tables_say(tmp_path: Path) -> None:
    files = bundle_files(LIST, CONTROL.replace("hello", SUBJECT))
    files |= {
        "body.txt": "{% for r in lookup_rows('lines', id, order='-amount') %}{{ r.item }} {{ r.amount }}\n{% else %}nothing\n"
        "{% endfor %}total {{ agg_rows('lines', id, 'sum', 'amount') }} of {{ agg_rows('lines', id, 'count') }}\n",
        "tables/stores.csv": STORES,
        "tables/lines.tsv": "id\titem\tamount\n7\tink\t2.50\n9\tcup\t4.00\n7\tpen\t5.00\n",
    }
    folder = written(tmp_path, files)
    texts: dict[int, tuple[str, str]] = {}
    async with opened(folder, Config()) as bench:
        for row in range(3):
            shown = await bench.preview(row)
            texts[row] = shown.subject, shown.text
    assert texts == {
        0: ("台北 <1>", "pen 5.00\nink 2.50\ntotal 7.50 of 2"),
        1: ("nowhere", "nothing\ntotal  of 0"),
        2: ("nowhere", "cup 4.00\ntotal 4.00 of 1"),
    }


async def test_a_template_that_names_what_is_not_there_refuses_the_bundle(tmp_path: Path) -> None:
    files = bundle_files(LIST) | {"body.txt": "a\n{{ lookup('store', city, 'nam') }}", "tables/stores.csv": STORES}
    folder = written(tmp_path, files)
    with pytest.raises(InvalidInput) as caught:
        async with opened(folder, Config()):
            pass
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("body.txt", 2)
    assert problem.message == "lookup: tbl names no table of the bundle (did you mean stores?)"
