"""Workbooks made to harm: refused before they are parsed, or stopped with the child that parses them (S16)."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest

from actors.intake import sheetchild, sheets
from actors.model.errors import InvalidInput
from tests.fakes.bundles import Reading

TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)
RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{}" Target="{}"/></Relationships>'
)
BOOK = (
    '<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
SHEET = (
    '<?xml version="1.0"?>{}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{}'
    "<sheetData>{}</sheetData></worksheet>"
)
CELL = '<c r="{}" t="inlineStr"><is><t>{}</t></is></c>'


def book(sheet: str, **parts: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("_rels/.rels", RELATIONS.format("officeDocument", "xl/workbook.xml"))
        archive.writestr("xl/workbook.xml", BOOK)
        archive.writestr("xl/_rels/workbook.xml.rels", RELATIONS.format("worksheet", "worksheets/sheet1.xml"))
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def row(number: int, *cells: tuple[str, str]) -> str:
    return f'<row r="{number}">{"".join(CELL.format(f"{c}{number}", v) for c, v in cells)}</row>'


HEAD = row(1, ("A", "email"))
BODY = row(2, ("A", "a@x.test"))


def refused(root: Path, data: bytes) -> str:
    with pytest.raises(InvalidInput) as caught:
        Reading(root, "list.xlsx", data).rows()
    return str(caught.value)


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """No child may be started."""
    monkeypatch.setattr(sheets.subprocess, "run", lambda *_, **__: pytest.fail("the sheet was given to the child"))


MEASURE = """
import resource, subprocess, sys
code = subprocess.run([sys.executable, "-m", "actors.intake.sheetchild", *sys.argv[1:]], stderr=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


def run_child(work: Path, data: bytes) -> tuple[int, int]:
    """(exit code, peak memory in MB) of the child on its own; a small parent, because a fork counts the parent's memory."""
    (work / "book.xlsx").write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(work / "book.xlsx"), str(work), ""], stdout=subprocess.PIPE, check=True
    )
    code, peak = done.stdout.split()[-2:]
    return int(code), int(peak)


def test_the_makings_of_these_tests_are_a_real_workbook(tmp_path: Path) -> None:
    assert Reading(tmp_path, "list.xlsx", book(SHEET.format("", "", HEAD + BODY))).rows() == [{"email": "a@x.test"}]


def test_s16_a_sheet_that_expands_without_measure_is_refused_unread(tmp_path: Path, unread: None) -> None:
    data = book(SHEET.format("", "", HEAD + BODY + " " * (128 << 20)))
    assert len(data) < 1 << 20
    assert "the limit is 100 times" in refused(tmp_path, data)


def test_s16_shared_strings_that_expand_without_measure_are_refused_unread(tmp_path: Path, unread: None) -> None:
    strings = "<sst>" + "<si><t/></si>" * 10_000_000 + "</sst>"
    assert "the limit is 100 times" in refused(tmp_path, book(SHEET.format("", "", HEAD), **{"xl/sharedStrings.xml": strings}))


def test_s16_a_sheet_that_says_it_is_huge_is_refused_unread(tmp_path: Path, unread: None) -> None:
    sheet = SHEET.format("", '<dimension ref="A1:XFD1048576"/>', HEAD + BODY)
    assert "says that it has more than 32000000 cells" in refused(tmp_path, book(sheet))


def test_s16_a_sparse_sheet_that_hides_its_size_stops_in_the_child(tmp_path: Path) -> None:
    sheet = SHEET.format("", "", HEAD + BODY + row(1048576, ("XFD", "x")))
    assert "is broken or needs too much memory" in refused(tmp_path / "r", book(sheet))
    code, peak = run_child(tmp_path, book(sheet))
    assert code not in (0, sheetchild.REFUSED)
    assert peak < 256


def test_s16_the_child_cannot_take_more_than_its_memory(tmp_path: Path) -> None:
    sheet = SHEET.format("", "", HEAD + "".join(row(n, ("A", "x"), ("XFD", "y")) for n in range(2, 20_000)))
    code, peak = run_child(tmp_path, book(sheet))
    assert code not in (0, sheetchild.REFUSED)
    assert peak < 2100


def test_s16_entities_are_not_expanded(tmp_path: Path) -> None:
    levels = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    sheet = SHEET.format(f'<!DOCTYPE x [<!ENTITY a0 "aaaaaaaaaa">{levels}]>', "", HEAD + row(2, ("A", "&a9;")))
    try:
        rows = Reading(tmp_path, "list.xlsx", book(sheet)).rows()
    except InvalidInput:
        return
    assert len(str(rows)) < 100


def test_s16_an_external_entity_reads_no_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("TOPSECRET")
    sheet = SHEET.format(f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]>', "", HEAD + row(2, ("A", "&e;")))
    try:
        rows = Reading(tmp_path / "r", "list.xlsx", book(sheet)).rows()
    except (InvalidInput, FileNotFoundError):
        return
    assert "TOPSECRET" not in str(rows)


def test_s16_formulas_give_their_stored_value_only(tmp_path: Path) -> None:
    cell = '<row r="2"><c r="A2" t="str"><f>WEBSERVICE("http://evil.test")</f><v>a@x.test</v></c></row>'
    assert Reading(tmp_path, "list.xlsx", book(SHEET.format("", "", HEAD + cell))).rows() == [{"email": "a@x.test"}]


def test_values_without_a_column_name_are_refused(tmp_path: Path) -> None:
    sheet = SHEET.format("", "", HEAD + row(2, ("A", "a@x.test"), ("C", "lost")))
    assert refused(tmp_path, book(sheet)) == "list.xlsx: column 3 holds values and has no name in row 1"


@pytest.mark.parametrize(
    "data", [b"PK\x05\x06" + bytes(18), b"no zip", book("<worksheet>"), book("")], ids=["empty", "text", "open", "blank"]
)
def test_what_is_no_workbook_is_refused(tmp_path: Path, data: bytes) -> None:
    assert refused(tmp_path, data)


def test_an_empty_sheet_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    openpyxl.Workbook().save(out)
    assert refused(tmp_path, out.getvalue()) == "list.xlsx: the sheet is empty"
