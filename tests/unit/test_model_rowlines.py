"""A page of lines is a sequence of lines, whatever it is held as."""

import pickle

from actors.model.rowlines import NAMES, RowLine, RowLines
from actors.model.states import RowState

FIRST = RowLine(3, RowState.BOUNCED, 2, "rcpt", "recipient", 550, "5.1.1", "no such user", in_doubt=1)
SECOND = RowLine(7, RowState.CANCELLED)


def test_lines_come_out_as_they_went_in() -> None:
    page = RowLines.of([FIRST, SECOND])
    assert len(page) == 2
    assert list(page) == [FIRST, SECOND]
    assert (page[0], page[-1]) == (FIRST, SECOND)
    assert list(page[1:]) == [SECOND]
    assert page == [FIRST, SECOND]
    assert page != [FIRST]
    assert page != 2


def test_columns_are_named_as_the_lines_fields() -> None:
    page = RowLines.of([FIRST, SECOND])
    for name in NAMES:
        assert list(page.column(name)) == [getattr(FIRST, name), getattr(SECOND, name)]


def test_no_lines_are_a_page_too() -> None:
    for page in (RowLines(), RowLines.of([])):
        assert not page
        assert list(page) == []
        assert len(page.column("reply")) == 0


def test_a_page_travels_and_shows_nobodys_reply() -> None:
    page = RowLines.of([FIRST, SECOND])
    assert pickle.loads(pickle.dumps(page)) == page
    assert repr(page) == "RowLines(2 lines)"
