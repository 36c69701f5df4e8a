"""The same list in every format and packing through the whole pipeline: the same mails."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from sandbox import Sandbox
from tests.e2e.mailing_world import bundle, routes_to, world
from tests.fakes.mailing import body_text, parse

NAMES = ("email", "name", "id", "points", "born")
PEOPLE = [
    ("ann@one.test", "Ann, the first", "00007", "120", "1980-02-29"),
    ("wang@one.test", "王小明", "00042", "0", "1999-12-31"),
    ("quote@two.test", 'says "hi"', "0912345678", "-5", "2001-01-01"),
    ("empty@two.test", "", "A-1", "", ""),
    ("idn@bücher.test", "Jürgen", "00001", "33", "1970-07-07"),
    ("wang@one.test", "again", "1", "1", "1999-12-31"),
    ("nobody", "x", "2", "2", "1999-12-31"),
]
BODY = "[{{ name }}] [{{ id }}] [{{ points }}] [{{ born }}] {% if points %}{{ points + 1 }}{% endif %}\n"
COLUMNS = {"id": "text", "points": "int", "born": "date"}  # what a sheet or a JSON file calls them is not the same everywhere


def delimited(mark: str, encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=mark).writerows([NAMES, *PEOPLE])
    return text.getvalue().encode(encoding)


def sheet() -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for line in (NAMES, *PEOPLE):
        page.append([value or None for value in line])
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def parquet() -> bytes:
    columns = dict(zip(NAMES, zip(*PEOPLE, strict=True), strict=True))
    table = pa.table(
        {
            name: pa.array([v or None for v in values]).cast({"points": pa.int32(), "born": pa.date32()}.get(name, pa.string()))
            for name, values in columns.items()
        }
    )
    data = io.BytesIO()
    pq.write_table(table, data)
    return data.getvalue()


def json_lines() -> bytes:
    lines = [
        json.dumps({n: (int(v) if n == "points" else v) if v else None for n, v in zip(NAMES, person, strict=True)})
        for person in PEOPLE
    ]
    return "\n".join(lines).encode()


def zipped(name: str, data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return packed.getvalue()


FORMATS: dict[str, Callable[[], bytes]] = {
    "list.csv": lambda: delimited(","),
    "list.tsv": lambda: delimited("\t"),
    "list.txt": lambda: delimited("|", "utf-16"),
    "semicolon.csv": lambda: delimited(";", "utf-8-sig"),
    "list.xlsx": sheet,
    "list.parquet": parquet,
    "list.jsonl": json_lines,
    "list.csv.gz": lambda: gzip.compress(delimited(",")),
    "list.jsonl.gz": lambda: gzip.compress(json_lines()),
    "list.csv.zip": lambda: zipped("list.csv", delimited(",")),
    "list.xlsx.zip": lambda: zipped("list.xlsx", sheet()),
    "list.parquet.zip": lambda: zipped("list.parquet", parquet()),
}


async def test_every_format_gives_the_same_mails(tmp_path: Path) -> None:
    jobs: dict[str, str] = {}
    async with Sandbox() as sandbox, world(tmp_path, routes_to(sandbox, "*")) as made:
        for name, data in FORMATS.items():
            files = bundle([], {"list": {"file": name, "columns": COLUMNS}}, body_txt=BODY)
            del files["list.csv"]
            jobs[(await made.submit(files | {name: data()})).record.job] = name
        for job in jobs:
            await made.ended(job)
            await made.reconcile(job, sandbox.messages)
        states = {jobs[job]: await made.states(job) for job in jobs}
    found: dict[str, dict[tuple[str, str], str]] = {name: {} for name in FORMATS}
    for message in sandbox.messages:
        parsed = parse(message.data)
        found[jobs[message.message_id[1:27]]][message.recipients[0], str(parsed["Subject"])] = body_text(parsed, "plain")
    first = found["list.csv"]
    assert first["ann@one.test", "Statement 00007"] == "[Ann, the first] [00007] [120] [1980-02-29] 121"
    assert first["quote@two.test", "Statement 0912345678"] == '[says "hi"] [0912345678] [-5] [2001-01-01] -4'
    assert first["empty@two.test", "Statement A-1"] == "[] [A-1] [] [] "
    assert len(first) == 5
    for name in FORMATS:
        assert found[name] == first, name
        assert states[name] == dict(enumerate(["delivered"] * 5 + ["duplicate", "invalid"])), name
