"""Mails as zip, mbox and folder, read back by Python's own zipfile, mailbox and csv; places, index and targets. No process."""

import csv
import io
import mailbox
import re
import time
import zipfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.model.delivery import Envelopes
from actors.model.errors import InvalidInput
from actors.model.rendersettings import NO_KEYS, TimeLimit
from cluster.export.crew import tasks
from cluster.export.ending import Spool, end_zip
from cluster.export.forms import FolderForm, Form, MboxForm, OneFile, ZipForm, mail_path
from cluster.export.index import MOST_REASONS, OTHER_REASONS, RENDERED, Tally, index_head, index_lines
from cluster.export.mbox import from_line, quoted
from cluster.export.target import staged
from cluster.export.worker import FIRST_ROWS, MOST_ROWS, SHARD_BYTES, Order, Task, Worker
from cluster.export.zips import STORED, Entry, central_record, dos_time, end_of_archive, local_header
from gateway.cli.render import rows_of, stamp_of
from tests.examples import examples

STAMP = 1_795_763_368
FRAGMENTS = st.sampled_from(["From ", ">From me", ">>>From ", "From: x", "a", "", " From ", "From", "鴻雁 From ", ">", "-"])
BODIES = st.lists(FRAGMENTS, max_size=6).map(
    lambda lines: "".join(f"{line}\r\n" for line in ["Subject: s", "", *lines]).encode()
)
BLOCKS = st.lists(st.lists(BODIES, max_size=4), max_size=4)


def envelopes(mails: dict[int, bytes], return_path: str = "bounce@bank.test") -> Envelopes:
    data = np.frombuffer(b"".join(mails.values()), np.uint8)
    offsets = np.cumsum([0, *map(len, mails.values())])
    return Envelopes("J", return_path, np.array(list(mails), np.int64), data, offsets, [], np.zeros(len(mails), np.bool_))


def test_each_mail_of_an_mbox_begins_with_its_own_return_path(tmp_path: Path) -> None:
    mails = replace(envelopes({0: b"a\r\n", 1: b"b\r\n"}), return_paths=["bounce+x@bank.test", "bounce+y@bank.test"])
    block = MboxForm(OneFile(tmp_path / "out.mbox"), STAMP, "out.mbox").pack(mails)
    heads = [block.data[start:].split(b"\n")[0].decode().split()[1] for start in block.starts[:2]]
    assert heads == mails.return_paths


def numbered(blocks: list[list[bytes]], step: int = 3) -> list[dict[int, bytes]]:
    """Row numbers with gaps, rising through the blocks."""
    rows = iter(range(0, 10**6, step))
    return [{next(rows): mail for mail in block} for block in blocks]


def write_all(form: Form, blocks: list[dict[int, bytes]], order: list[int] | None = None) -> tuple[list[str], bytes, int]:
    """Grants places in order, then writes in any order."""
    packed, at = [], 0
    for mails in blocks:
        block = form.pack(envelopes(mails))
        packed.append((block, at))
        at += block.length
    written = {i: form.write(*packed[i]) for i in order or range(len(packed))}
    places = [place for i in range(len(packed)) for place in written[i].places]
    return places, b"".join(written[i].directory for i in range(len(packed))), at


def make_zip(folder: Path, blocks: list[dict[int, bytes]], deflated: bool, order: list[int] | None = None) -> Path:
    file = folder / "out.zip"
    file.write_bytes(b"")
    places, directory, at = write_all(ZipForm(OneFile(file), STAMP, deflated), blocks, order)
    (folder / "directory").write_bytes(directory)
    with Spool(folder / "index.csv", deflated) as spool:
        spool.add(index_head())
        entry = spool.end()
    end_zip(file, folder / "index.csv", entry, folder / "directory", at, len(places), STAMP)
    return file


@given(blocks=BLOCKS, deflated=st.booleans(), backwards=st.booleans())
@settings(max_examples=examples(60))
def test_a_zip_reads_back_in_row_order(tmp_path_factory: pytest.TempPathFactory, blocks, deflated, backwards) -> None:
    mails = numbered(blocks)
    order = list(reversed(range(len(mails)))) if backwards else None
    file = make_zip(tmp_path_factory.mktemp("zip"), mails, deflated, order)
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == [*(mail_path(row) for block in mails for row in block), "index.csv"]
        assert [archive.read(n) for n in names[:-1]] == [mail for block in mails for mail in block.values()]
        assert archive.read("index.csv") == b"row,state,file,reason\r\n"
        when = datetime.fromtimestamp(STAMP // 2 * 2, UTC)
        assert {i.date_time for i in archive.infolist()} == {tuple(when.timetuple()[:6])}


def test_a_zip_of_more_entries_than_16_bits_count(tmp_path: Path) -> None:
    rows = 66_000
    file = make_zip(tmp_path, [dict.fromkeys(range(rows), b"x\r\n")], deflated=False)
    with zipfile.ZipFile(file) as archive:
        assert len(archive.namelist()) == rows + 1
        assert archive.read(mail_path(rows - 1)) == b"x\r\n"


def test_a_zip_beyond_4_gib(tmp_path: Path) -> None:
    """The file is sparse: two entries with five empty gigabytes between them, and one that itself is as large."""
    far, mail, when = 5 << 30, b"far away\r\n", dos_time(STAMP)
    file = tmp_path / "large.zip"
    file.write_bytes(b"")
    form = ZipForm(OneFile(file), STAMP)
    near_records = form.write(form.pack(envelopes({1: b"near\r\n"})), 0).directory
    far_block = form.pack(envelopes({2: mail}))
    far_records = form.write(far_block, far).directory
    at = far + far_block.length
    large = Entry(b"large", STORED, 0, far, far)
    with file.open("r+b") as out:
        out.seek(at)
        head = local_header(large, when)
        out.write(head)
        out.seek(at + len(head) + far)
        start = out.tell()
        records = near_records + far_records + central_record(large, at, when)
        out.write(records + end_of_archive(3, len(records), start))
    with zipfile.ZipFile(file) as archive:
        assert [archive.read(mail_path(row)) for row in (1, 2)] == [b"near\r\n", mail]
        info = archive.getinfo("large")
        assert (info.file_size, info.compress_size, info.header_offset) == (far, far, at)
        with archive.open(info) as stream:
            assert stream.read(10) == bytes(10)


def test_a_stamp_that_no_dos_date_can_tell() -> None:
    assert dos_time(0) == (0, 33) == dos_time(2**33)  # 1 January 1980


@given(blocks=BLOCKS)
@settings(max_examples=examples(60))
def test_an_mbox_reads_back(tmp_path_factory: pytest.TempPathFactory, blocks) -> None:
    file = tmp_path_factory.mktemp("mbox") / "out.mbox"
    file.write_bytes(b"")
    mails = [mail for block in blocks for mail in block]
    places, _, _ = write_all(MboxForm(OneFile(file), STAMP, "out.mbox"), numbered(blocks))
    box = mailbox.mbox(file, create=False)
    found = [box.get_bytes(key) for key in box.iterkeys()]
    assert [unquoted(text) for text in found] == mails
    assert {box.get_message(key).get_from() for key in box.iterkeys()} <= {"bounce@bank.test Fri Nov 27 07:09:28 2026"}
    box.close()
    text = file.read_bytes()
    assert [text[int(place.rpartition(":")[2]) :][:5] for place in places] == [b"From "] * len(mails)


def unquoted(text: bytes) -> bytes:
    """mboxrd undone line by line, and the lines ended as on the wire."""
    lines = [line[1:] if re.match(rb">+From ", line) else line for line in text.split(b"\n")]
    return b"\r\n".join(lines)


def test_the_from_line_holds_one_word_as_sender() -> None:
    assert from_line('"a b"@bank.test', 0) == from_line("", 0) == b"From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n"
    assert from_line("寄@鴻雁.test", 0).startswith("From 寄@鴻雁.test Thu".encode())
    assert quoted(b"x: From \r\n") == b"x: From \n"


def test_a_folder_has_a_thousand_files_a_folder(tmp_path: Path) -> None:
    blocks = numbered([[b"%d\r\n" % n for n in r] for r in (range(500), range(500, 1200))], step=2)
    places, _, length = write_all(FolderForm(tmp_path), blocks, [1, 0])
    assert length == 0
    assert Counter(p.parent.name for p in tmp_path.rglob("*.eml")) == {"00000": 500, "00001": 500, "00002": 200}
    assert [(tmp_path / p).read_bytes() for p in places] == [b"%d\r\n" % n for n in range(1200)]


def test_no_cell_of_the_index_begins_a_formula() -> None:
    reasons = ["=1+1", " @x", 'a,"b"', "line\nbreak", "\t=x", ""]
    lines = [(n, "skipped", "-1/0.eml" if n == 2 else "", reason) for n, reason in enumerate(reasons)]
    text = (index_head() + index_lines(lines)).decode()
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [line["reason"] for line in found] == ["'=1+1", "' @x", 'a,"b"', "line\nbreak", "'\t=x", ""]
    assert found[2]["file"] == "'-1/0.eml"
    assert [line["row"] for line in found] == [str(n) for n in range(len(reasons))]


def test_a_tally_keeps_first_rows_and_bounds_its_reasons() -> None:
    early, late = Tally(), Tally()
    early.add("invalid", "no address", 3)
    late.add("invalid", "no address", 7)
    late.states[RENDERED] = 5
    for n in range(MOST_REASONS + 10):
        late.add("skipped", f"reason {n}", 10 + n)
    early.merge(late)
    assert early.states == {"invalid": 2, RENDERED: 5, "skipped": MOST_REASONS + 10}
    assert early.first["invalid", "no address"] == 3
    assert len(early.reasons) <= MOST_REASONS + 1
    assert early.reasons["skipped", OTHER_REASONS] == 11
    assert early.reasons.total() == MOST_REASONS + 12


@given(first=st.integers(0, 300), size=st.integers(1, 300), segment=st.integers(1, 90), task=st.integers(1, 90))
def test_tasks_are_all_rows_once_each_in_one_segment(first, size, segment, task) -> None:
    cut = list(tasks(range(first, first + size), segment, task))
    assert [row for t in cut for row in range(t.first, t.stop)] == list(range(first, first + size))
    assert all(t.first // segment == (t.stop - 1) // segment == t.segment and t.stop - t.first <= task for t in cut)


def put(target: Path, *, single: bool, force: bool = False, text: str = "new", fail: bool = False) -> None:
    with staged(target, single=single, beside=None, force=force) as place:
        file = place.main if single else place.index
        file.write_text(text)
        if fail:
            raise OSError("no more")


@pytest.mark.parametrize("single", [True, False])
def test_a_target_is_whole_or_not_there(tmp_path: Path, single: bool) -> None:
    target = tmp_path / "out"
    with pytest.raises(OSError, match="no more"):
        put(target, single=single, fail=True)
    assert list(tmp_path.iterdir()) == []
    put(target, single=single)
    with pytest.raises(InvalidInput, match="--force"):
        put(target, single=single, text="other")
    with pytest.raises(OSError, match="no more"):
        put(target, single=single, text="other", force=True, fail=True)
    content = target if single else target / "index.csv"
    assert content.read_text() == "new"
    put(target, single=single, text="other", force=True)
    assert content.read_text() == "other"
    assert list(tmp_path.iterdir()) == [target]


def test_force_never_replaces_what_the_command_did_not_make(tmp_path: Path) -> None:
    (home := tmp_path / "home").mkdir()
    (home / "thesis.txt").write_text("x")
    (file := tmp_path / "file").write_text("x")
    for target, single in ((home, False), (home, True), (file, False)):
        with pytest.raises(InvalidInput, match="was not made by this command"):
            put(target, single=single, force=True)
    (empty := tmp_path / "empty").mkdir()
    put(empty, single=False)  # nothing is lost
    with pytest.raises(InvalidInput, match="does not exist"):
        put(tmp_path / "no" / "out", single=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "file", "home"]


def test_rows_and_stamps_as_people_write_them() -> None:
    assert [rows_of(t) for t in ("", "5:", ":7", "2:3")] == [(0, None), (5, None), (0, 7), (2, 3)]
    assert stamp_of("") == 0
    assert stamp_of("1795763368") == stamp_of("2026-11-27T15:09:28+08:00") == stamp_of("2026-11-27T07:09:28Z") == STAMP
    for text in ("7", "3:3", "4:3", "-1:2", "a:b", "1:2:3", "٣:"):
        with pytest.raises(InvalidInput, match="--rows"):
            rows_of(text)
    for text in ("0", "-5", "2026-11-27", "yesterday", "2026-11-27T07:09:28", "99999999999", "1960-01-01T00:00:00Z"):
        with pytest.raises(InvalidInput, match="--stamp"):
            stamp_of(text)


def test_few_heavy_mails_are_rendered_together() -> None:
    order = Order(None, (), NO_KEYS, TimeLimit(time.thread_time), "J", FolderForm(Path()), STAMP)  # type: ignore[arg-type]
    worker = Worker(None, order, None)  # type: ignore[arg-type]
    light = [len(rows) for rows in worker.cut(Task(0, 0, 2_000))]
    assert light == [FIRST_ROWS] * (2_000 // FIRST_ROWS) + [2_000 % FIRST_ROWS] * bool(2_000 % FIRST_ROWS)
    worker.weigh(100_000, 100)
    assert [len(rows) for rows in worker.cut(Task(0, 7, 5_000))] == [MOST_ROWS, 4_993 - MOST_ROWS]
    worker.weigh(3 * (SHARD_BYTES // 10), 3)
    worker.weigh(10, 1)
    assert {len(rows) for rows in worker.cut(Task(0, 0, 100))} == {10}
    worker.weigh(2 * SHARD_BYTES, 1)
    assert [list(rows) for rows in worker.cut(Task(0, 3, 5))] == [[3], [4]]
