"""Header fields: Python's `email` reads back what went in, no value can start a line, folds keep to the limits."""

import email
import re
from email import policy
from email.header import decode_header, make_header

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.model.states import RowState
from actors.renderer.message import headers
from actors.renderer.message.columns import Column, Failed, cells
from actors.renderer.message.dkim import relaxed
from actors.renderer.message.files import disposition
from actors.renderer.message.mailbox import Mailbox, mailbox_value, parse_mailbox

good_characters = st.characters(
    exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029", codec="utf-8"
) | st.sampled_from('  字鴻雁😀👩‍👩‍👧=?_"\\,;:<>()[]')
good = st.text(good_characters, max_size=300)
FORBIDDEN = ["\r", "\n", "\r\n", "\0", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800", "\t", "\x01"]


def unstructured(name: str, value: str) -> bytes:
    failed: Failed = {}
    (line,) = headers.unstructured(name, [value], failed)
    assert not failed
    return line


def check_fold(line: bytes) -> None:
    assert line.endswith(b"\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\r\n(?! |\Z)", line)
    assert all(32 <= c < 127 or c in b"\r\n" for c in line)
    for part in line[:-2].split(b"\r\n"):
        assert len(part) <= 78
        assert part.strip()
        assert not part.endswith(b" ")
    for word in re.findall(rb"=\?utf-8\?[BQ]\?[^?]*\?=", line):
        assert len(word) <= 75


def read_back(line: bytes) -> str:
    text = line.decode("ascii").partition(":")[2].replace("\r\n", "")
    return str(make_header(decode_header(text.removeprefix(" "))))


@given(good)
@example("短")
@example("您的十二月信用卡帳單已經產生，請您撥冗查收並於繳款期限之前完成繳款，謝謝您長期以來的支持與愛護" * 3)
@example("=?utf-8?q?=0ABcc:_x@y.test?=")
@example("a  b" + "  word" * 40)
@example("x" * 200)
@example("Café " * 60)
@example("\u3000indented")
def test_unstructured_round_trip(value: str) -> None:
    line = unstructured("Subject", value)
    if not value.strip(" "):
        assert line == b""
        return
    check_fold(line)
    assert read_back(line) == value.strip(" ")
    message = email.message_from_bytes(line + b"\r\n", policy=policy.default)
    assert message.keys() == ["Subject"]
    if "=?" not in value and not re.search(r"[\ue000-\uf8ff]", value):
        assert re.sub(r"\s+", " ", message["Subject"]).strip() == re.sub(r"\s+", " ", value).strip()


@given(st.lists(good, min_size=1, max_size=5))
def test_a_column_gives_what_its_cells_give(values: list[str]) -> None:
    failed: Failed = {}
    assert headers.unstructured("X-Campaign", values, failed) == [unstructured("X-Campaign", v) for v in values]


@pytest.mark.parametrize("bad", FORBIDDEN)
@pytest.mark.parametrize("shape", ["{}Bcc: x@y.test", "a{}Bcc: x@y.test\r\n\r\nbody", "ends{}", "鴻雁{}"])
def test_s3_forbidden_characters_fail_their_row(bad: str, shape: str) -> None:
    values = ["fine", shape.format(bad), "鴻雁"]
    for write in (headers.unstructured, headers.structured):
        failed: Failed = {}
        lines = write("X-Note", values, failed)
        assert failed[1][0] is RowState.RENDER_ERROR
        assert "Bcc" not in failed[1][1]
        assert lines[0] == b"X-Note: fine\r\n"
        assert all(line.count(b"\r\n") == 1 for line in lines if line)
        assert 0 not in failed


@pytest.mark.parametrize("bad", FORBIDDEN)
def test_s3_file_names_and_display_names(bad: str) -> None:
    with pytest.raises(ValueError, match="forbidden"):
        disposition("attachment", f"a{bad}Bcc: x@y.test.pdf")
    with pytest.raises(ValueError, match="forbidden"):
        parse_mailbox(f"Bank{bad}Bcc: x@y.test <a@b.test>")
    with pytest.raises(ValueError, match=r"forbidden|local part|domain"):
        parse_mailbox(f"a@b.test{bad}")


def test_s3_a_megabyte_value_fails_its_row() -> None:
    failed: Failed = {}
    lines = headers.unstructured("Subject", ["x" * 1_000_000, "ok"], failed)
    assert list(failed) == [0]
    assert lines == [b"", b"Subject: ok\r\n"]


RESERVED = "From to Subject Content-Type content-x DKIM-Signature MIME-Version Message-ID Date Received Return-Path Bcc"


@pytest.mark.parametrize(
    "name", [*RESERVED.split(), "X:Y", "X Y", "X\r\nY", "", "鴻", "x" * 77, "ARC-Seal", "List-Unsubscribe"]
)
def test_names_that_a_bundle_may_not_set(name: str) -> None:
    assert headers.name_problem(name)


@pytest.mark.parametrize("name", ["X-Campaign", "List-Id", "Precedence", "Auto-Submitted", "Feedback-ID", "In-Reply-To"])
def test_names_that_a_bundle_may_set(name: str) -> None:
    assert headers.name_problem(name) == ""


@given(
    good.filter(lambda s: s.strip(" ") != ""),
    st.sampled_from(["a@b.test", "someone.with.a.long.name" * 2 + "@mail.example.test"]),
)
def test_mailbox_round_trip(display: str, address: str) -> None:
    line = f"From: {mailbox_value(Mailbox(display, address), 6)}\r\n".encode("ascii")
    assert not re.search(rb"\r\n(?! |\Z)", line)
    value = line.decode("ascii").partition(": ")[2].replace("\r\n", "")
    shown, _, rest = value.rpartition(" <")
    assert rest == f"{address}>"
    if shown.startswith('"'):
        assert re.sub(r"\\(.)", r"\1", shown[1:-1]) == display
    else:
        assert str(make_header(decode_header(shown))) == display.strip(" ") or str(make_header(decode_header(shown))) == display


@pytest.mark.parametrize(
    ("text", "display", "address"),
    [
        ("a@b.test", "", "a@b.test"),
        (" 鴻雁銀行 <service@Bank.Test> ", "鴻雁銀行", "service@bank.test"),
        ('"Doe, \\"J\\"" <j@b.test>', 'Doe, "J"', "j@b.test"),
        ("<a@b.test>", "", "a@b.test"),
        ("x <李@銀行.test>", "x", "李@xn--d8t61i.test"),
        ('"a b"@b.test', "", '"a b"@b.test'),
    ],
)
def test_mailboxes_of_the_control_file(text: str, display: str, address: str) -> None:
    found = parse_mailbox(text)
    assert found.display == display
    assert found.address.partition("@")[0] == address.partition("@")[0]
    assert found.domain.isascii()
    if "銀" not in text.partition("@")[2]:
        assert found.address == address


@pytest.mark.parametrize(
    "text", ["", "a", "@b.test", "a@", "a@b@c.test <x>", "a b@c.test", "a@b", "A <a@b.test> <c@d.test>", "a@-b.test"]
)
def test_mailboxes_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="has no valid"):
        parse_mailbox(text)


@given(good.filter(lambda s: s.strip() and "/" not in s and "\\" not in s and len(s.encode()) <= 255))
@example("帳單.pdf")
@example("很長的檔案名稱" * 10 + ".pdf")
@example('q"uo,te;d.pdf')
@example("=?utf-8?q?x?=.pdf")
def test_file_names_round_trip(name: str) -> None:
    field = disposition("attachment", name)
    assert field.isascii()
    assert max(map(len, field.split(b"\r\n"))) <= 200
    message = email.message_from_bytes(field + b"\r\n")
    assert email.utils.collapse_rfc2231_value(message.get_param("filename", header="content-disposition")) == name


def oracle(line: bytes) -> bytes:
    """RFC 6376 section 3.4.2, said again with dkimpy."""
    from dkim.canonicalization import Relaxed

    name, _, value = line.partition(b":")
    ((name, value),) = Relaxed.canonicalize_headers([(name, value)])
    return bytes(name + b":" + value)


@given(st.lists(good, min_size=1, max_size=4))
def test_relaxed_form_is_what_dkimpy_makes_of_the_field(values: list[str]) -> None:
    failed: Failed = {}
    lines: Column = list(headers.unstructured("Subject", values, failed))
    expected = [oracle(line) if line else b"" for line in lines]
    assert relaxed("Subject", lines) == expected
    assert [relaxed("Subject", line) for line in lines] == expected


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
        | st.text("王小明 您的帳單NT$1,234.5 =?_", max_size=30)
        | st.text("Your statement NT$1,234 =?", max_size=90),
        max_size=8,
    )
)
def test_columns_in_arrow_give_the_same_fields(values: list[str]) -> None:
    one_by_one: Failed = {}
    by_column: Failed = {}
    found = headers.unstructured("Subject", pa.array(values, pa.string()), by_column)
    assert cells(found, len(values)) == headers.unstructured("Subject", values, one_by_one)
    assert by_column == one_by_one
