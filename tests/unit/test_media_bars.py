"""Barcodes as zbar reads them, and what cannot be one."""

import io

import pytest
from barcode import EAN13
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from actors.model.errors import InvalidInput
from actors.model.spec import ContentSpec
from actors.renderer.media.bars import KINDS, check_digit, drawn
from tests.fakes.mailing import Mailing
from tests.unit.zbar import decoded


@settings(max_examples=2)
@given(
    st.lists(st.from_regex(KINDS["code39"], fullmatch=True).map(str.strip).filter(len), min_size=4, max_size=4),
    st.lists(st.from_regex(KINDS["code128"], fullmatch=True), min_size=4, max_size=4),
    st.lists(st.from_regex("[1-9][0-9]{11}", fullmatch=True), min_size=4, max_size=4),
)
def test_what_is_written_is_read(code39: list[str], code128: list[str], ean13: list[str]) -> None:
    """A first digit 0 makes an EAN-13 a UPC-A, which zbar tells as one."""
    made = [
        drawn(kind, [text], 40) for kind, all_ in (("code39", code39), ("code128", code128), ("ean13", ean13)) for text in all_
    ]
    assert decoded(made) == [*code39, *code128, *(digits + check_digit(digits) for digits in ean13)]


def test_three_lines() -> None:
    lines = ["131201AAA", "9876543210987654", "120155000000150"]
    data = drawn("code39", lines, 50)
    assert sorted(decoded([data])) == sorted(lines)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.mode == "1"
        assert picture.height == 3 * (50 + 16 + 24) + 8


def test_check_digits() -> None:
    for digits in ("400638133393", "471000000000", "590123412345", "000000000000", "999999999999"):
        assert digits + check_digit(digits) == EAN13(digits).get_fullcode()


CONTENT = ContentSpec("s", html="body.html", text="body.txt")


def mailing(call: str, names: list[str]) -> Mailing:
    return Mailing(CONTENT, {"body.html": f'<img src="{{{{ {call} }}}}">', "body.txt": "text"}, {"name": names})


def test_each_row_has_its_own() -> None:
    with mailing("barcode([name, 'B'], 'code39', h=40)", ["A1", "小", "x"]) as job:
        (picture,) = [p.get_content() for p in job.parsed()[0].walk() if p.get_content_maintype() == "image"]
        failures = [(f.row, f.reason) for f in job.envelopes().failures]
    assert sorted(decoded([picture])) == ["A1", "B"]
    reason = "body.html line 1: barcode: text is too long or has characters that code39 does not have"
    assert failures == [(1, reason), (2, reason)]


def test_a_wrong_check_digit_fails_its_row() -> None:
    with mailing("barcode(name, 'ean13')", ["4006381333931", "4006381333932", "400638133393"]) as job:
        assert [(f.row, f.reason[-23:]) for f in job.envelopes().failures] == [(1, "has a wrong check digit")]


@pytest.mark.parametrize(
    ("call", "problem"), [("barcode(name, 'qr')", "is none of code39"), ("barcode(name, h=5)", "from 10 to 300")]
)
def test_settings_are_found_before_anything_is_sent(call: str, problem: str) -> None:
    with mailing(call, ["a"]) as job, pytest.raises(InvalidInput, match=problem):
        job.messages()
