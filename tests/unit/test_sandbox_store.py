"""What becomes of accepted messages: record, Maildir, counts."""

import hashlib
import mailbox
import os
from pathlib import Path

import pytest

from sandbox.store import OTHER_DOMAINS, Counts, Maildir, Received, Record, read_record
from sandbox.view import Meter

DATA = "Subject: x\r\nMessage-Id:\r\n <1@from.test>\r\n\r\n中文\r\n".encode()


def message(*recipients: str, data: bytes = DATA) -> Received:
    return Received("a@from.test", recipients, data, "127.0.0.2", 1000.5)


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"Message-ID: <a@b>\r\n", "<a@b>"),
        (b"message-id:<a@b>  \r\n", "<a@b>"),
        (b"Message-ID:\r\n\t<a@b>\r\n", "<a@b>"),
        (b"X-Message-ID: <a@b>\r\n", ""),
        (b"Subject: x\r\n\r\nMessage-ID: <a@b>\r\n", ""),
    ],
)
def test_message_id(head: bytes, found: str) -> None:
    assert message(data=head + b"\r\nbody\r\n").message_id == found


def test_record_lines(tmp_path: Path) -> None:
    record = Record(tmp_path / "record")
    record.add(message("b@to.test", '"odd \\" name"@to.test'))
    assert (tmp_path / "record").read_bytes() == b"", "nothing is written before flush"
    record.flush()
    record.flush()
    first, second = read_record(tmp_path / "record")
    assert first == {
        "recipient": "b@to.test",
        "message_id": "<1@from.test>",
        "size": len(DATA),
        "sha256": hashlib.sha256(DATA).hexdigest(),
        "at": 1000.5,
        "source": "127.0.0.2",
        "sender": "a@from.test",
    }
    assert second["recipient"] == '"odd \\" name"@to.test'
    assert os.stat(tmp_path / "record").st_mode & 0o777 == 0o600
    record.close()


def test_records_of_two_processes_append_to_one_file(tmp_path: Path) -> None:
    records = [Record(tmp_path / "record") for _ in range(2)]
    for number in range(20):
        records[number % 2].add(message(f"r{number}@to.test"))
        records[number % 2].flush()
    assert [line["recipient"] for line in read_record(tmp_path / "record")] == [f"r{n}@to.test" for n in range(20)]
    for record in records:
        record.close()


def test_a_full_disk_is_told_and_swallows_no_later_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = Record(tmp_path / "record")
    true_write, room = os.write, [30]

    def write(file: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        taken = true_write(file, data[: room[0]])
        room[0] -= taken
        return taken

    monkeypatch.setattr(os, "write", write)
    record.add(message("lost@to.test"))
    with pytest.raises(OSError, match="No space"):
        record.flush()
    room[0] = 1_000_000
    record.add(message("kept@to.test"))
    record.flush()
    assert [line["recipient"] for line in read_record(tmp_path / "record")] == ["kept@to.test"]
    record.close()


def test_a_line_that_a_crash_cut_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "record").write_bytes(b'{"recipient": "a@b.test"}\n{"recipient": "c')
    assert [line["recipient"] for line in read_record(tmp_path / "record")] == ["a@b.test"]


def test_maildir(tmp_path: Path) -> None:
    store = Maildir(tmp_path)
    store.add(message("b@to.test", "c@to.test"))
    store.add(message("b@to.test"))
    for name, count in (("b", 2), ("c", 1)):
        box = mailbox.Maildir(tmp_path / "to.test" / name, create=False)
        assert len(box) == count
        assert all(one["Subject"] == "x" for one in box)
    assert list((tmp_path / "to.test/b/tmp").iterdir()) == []


@pytest.mark.parametrize("recipient", ["../../etc/x@to.test", "a@..", ".@.", "a/b@c/d", "a\0b@to.test", "x" * 400 + "@to.test"])
def test_s18_a_recipient_cannot_leave_the_maildir(tmp_path: Path, recipient: str) -> None:
    root = tmp_path / "deep" / "root"
    Maildir(root).add(message(recipient))
    (file,) = [f for f in tmp_path.rglob("*") if f.is_file()]
    assert file.resolve().is_relative_to(root.resolve())
    assert len(file.relative_to(root).parts) == 4


def test_counts_of_processes_add_up() -> None:
    first, second, total = Counts(), Counts(), Counts()
    first.note("a.test", 0)
    first.note("b.test", 2)
    second.note("a.test", 1)
    first.messages, second.messages = 1, 2
    first.replies["550 no"] += 1
    second.replies["550 no"] += 1
    for part in (first, second):
        total.add(part.as_json())
    assert total.domains == {"a.test": [1, 1, 0], "b.test": [0, 0, 1]}
    assert (total.messages, total.replies) == (3, {"550 no": 2})


def test_counts_stay_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.store.MAX_COUNTED_DOMAINS", 3)
    counts = Counts()
    for number in range(10):
        counts.note(f"d{number}.test", 0)
    assert len(counts.domains) == 4
    assert counts.domains[OTHER_DOMAINS] == [7, 0, 0]


def test_the_view_has_rates_and_the_largest_domains() -> None:
    counts, meter = Counts(), Meter(10.0)
    counts.messages = 500
    counts.domains = {"a.test": [1, 0, 0], "b.test": [5, 1, 0], "c.test": [0, 0, 3]}
    view = meter.view(counts, 12.0, 2)
    assert (view["seconds"], view["rate"]) == (2.0, 250.0)
    assert view["domains"] == {
        "b.test": {"accepted": 5, "deferred": 1, "refused": 0},
        "c.test": {"accepted": 0, "deferred": 0, "refused": 3},
    }
    counts.messages = 600
    assert meter.view(counts, 12.1)["rate"] == 250.0, "too close to the last look"
    assert meter.view(counts, 13.0)["rate"] == 100.0
