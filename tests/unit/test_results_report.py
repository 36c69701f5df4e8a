"""The summary's figures, and a report that parses, asks for nothing and evaluates nothing."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.job import JobRecord, JobStatus
from actors.model.states import JobState, RowState
from actors.results import lanes, pictures
from actors.results.report import report
from actors.results.summary import equation, summary

S = RowState
START = 1_764_547_200.0
RECORD = JobRecord(
    "01A", "bank", "十一月對帳單", JobState.DONE, rows=100, created_at=START, started_at=START + 10, ended_at=START + 60
)
COUNTS = {S.DELIVERED: 90, S.BOUNCED: 4, S.INVALID: 5, S.DUPLICATE: 1}
SERIES: dict[str, Any] = {
    "start": START + 10,
    "width": 10,
    "bins": [{"at": START + 10, "delivered": 50, "deferred": 3}, {"at": START + 40, "delivered": 40, "bounced": 4}],
    "sites": {"gmail.test": {"delivered": 60, "bounced": 1}, "鴻雁.test": {"delivered": 30, "bounced": 3}},
    "lanes": [
        {"site": "gmail.test", "egress": "127.0.0.2", "delivered": 20, "blocked": 40, "bounced": 1},
        {"site": "gmail.test", "egress": "127.0.0.3", "delivered": 40},
        {"site": "鴻雁.test", "egress": "127.0.0.2", "delivered": 30, "bounced": 3, "deferred": 3},
    ],
    "egresses": [
        {"egress": "127.0.0.2", "at": START + 10, "delivered": 50, "deferred": 3},
        {"egress": "127.0.0.2", "at": START + 40, "blocked": 40},
        {"egress": "127.0.0.3", "at": START + 40, "delivered": 40, "bounced": 4},
    ],
    "replies": [{"kind": "refused", "code": 550, "enhanced": "5.1.1", "reply": "no such user", "count": 4}],
    "doubts": [
        {"row": 7, "egress": "127.0.0.2", "epoch": 1, "attempt": 1, "opened_at": START, "at": START + 20, "stamp": 1}
        | {"cause": "crash", "became": "deferred"}
    ],
}
VOID = {"meta", "link", "br", "line", "rect", "polygon"}
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "main", "header", "footer", "section", "div", "p", "b", "i", "span",
    "bdi", "code", "h1", "h2", "h3", "svg", "line", "text", "rect", "polygon", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip


class Checked(HTMLParser):
    """Refuses what the report must not hold; collects its text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED, tag
        for name, value in attributes:
            assert not name.startswith("on"), name
            assert name not in ("href", "src", "style"), name
            assert "url(" not in (value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def checked(page: str) -> str:
    """The page's text; the page is whole and harmless."""
    parser = Checked()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    assert "default-src 'none'" in page
    assert not re.search(r"https?://|@import", page)
    return "".join(parser.texts)


def made(record: JobRecord = RECORD, series: dict[str, Any] = SERIES, counts: dict[RowState, int] = COUNTS) -> str:
    status = JobStatus(record, counts, attempts=103, doubts=1)
    return report(summary(status, counts, series, START + 70), series, record.timezone)


def test_figures() -> None:
    figures = summary(JobStatus(RECORD, COUNTS, 103, 1), COUNTS, SERIES, START + 70)
    assert figures["equation"] == "100 = 90 delivered + 4 bounced + 1 duplicate + 5 invalid"
    assert figures["balanced"]
    assert figures["settled"]
    assert figures["counts"]["delivered"] == 90
    assert figures["counts"]["expired"] == 0
    assert figures["rates"] == {
        "delivered_of_rows": 0.9,
        "delivered_of_addressed": round(90 / 94, 6),
        "delivered_per_second": 1.8,
        "attempts_per_delivered": 1.144,
    }
    assert figures["times"]["started"] == "2025-12-01T08:00:10+08:00"
    assert figures["times"]["seconds"] == 50.0


def test_an_equation_that_does_not_hold_says_so() -> None:
    assert equation(5, {S.DELIVERED: 4}) == "5 ≠ 4 delivered"
    assert equation(0, {}) == "0 = 0"
    counts = {S.DELIVERED: 4}
    assert not summary(JobStatus(replace(RECORD, rows=5), counts), counts, {}, START)["balanced"]


def test_the_report_shows_what_happened() -> None:
    text = checked(made())
    for words in (
        "十一月對帳單",
        "100 = 90 delivered",
        "gmail.test",
        "鴻雁.test",
        "no such user",
        "98.4% of 61",
        "crash",
        "95.74%",
    ):
        assert words in text


def test_the_map_tells_which_address_was_accepted_where() -> None:
    page = made()
    assert "127.0.0.2 to gmail.test: 32.8% of 61 accepted (delivered 20, bounced 1, blocked 40)" in checked(page)
    assert "127.0.0.3 to gmail.test: 100.0% of 40 accepted (delivered 40)" in page
    assert "127.0.0.3 to 鴻雁.test" not in page
    assert "127.0.0.2: 0 accepted a second, 40 times blocked" in page


def test_pictures_of_very_many_lanes_stay_small() -> None:
    many = [{"site": f"s{n % 40}.test", "egress": f"10.0.0.{n // 40}", "delivered": n} for n in range(1, 4000)]
    points = [{"egress": f"10.0.0.{n % 90}", "at": START + n, "delivered": n, "blocked": 1} for n in range(180)]
    page = made(series=SERIES | {"lanes": many, "egresses": points, "width": 1})
    assert page.count(" accepted (") == lanes.MAX_SITES * lanes.MAX_EGRESSES
    checked(page)


def test_a_job_without_a_single_attempt() -> None:
    record = replace(RECORD, state=JobState.CANCELLED, rows=3, started_at=0.0, reason="wrong list")
    text = checked(made(record, {}, {S.CANCELLED: 3}))
    assert "3 = 3 cancelled" in text
    assert "wrong list" in text
    assert "No site was tried." in text


hostile = st.one_of(
    st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=1>', "</title><b>", "</style>", "&lt;", "' onload='x"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)


@given(name=hostile, reason=hostile, site=hostile, reply=hostile, enhanced=hostile, egress=hostile)
def test_s17_hostile_words_stay_words(name: str, reason: str, site: str, reply: str, enhanced: str, egress: str) -> None:
    series = SERIES | {
        "sites": {site: {"delivered": 1}},
        "replies": [{"kind": "deferred", "code": 451, "enhanced": enhanced, "reply": reply, "count": 1}],
        "doubts": [SERIES["doubts"][0] | {"egress": egress}],
        "lanes": [{"site": site, "egress": egress, "delivered": 1, "blocked": 2}],
        "egresses": [{"egress": egress, "at": START, "delivered": 1, "blocked": 2}],
    }
    checked(made(replace(RECORD, name=name, reason=reason), series))


def test_more_sites_than_a_picture_holds() -> None:
    sites = {f"s{n}.test": {"delivered": 1} for n in range(50)}
    assert "and 30 more" in checked(made(series=SERIES | {"sites": sites}))


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e9)), max_size=30))
def test_areas_stay_inside_their_frame(values: list[tuple[float, float]]) -> None:
    picture = pictures.areas(
        "t", [str(n) for n in range(len(values))], [("a", [v[0] for v in values]), ("b", [v[1] for v in values])]
    )
    for points in re.findall(r'points="([^"]+)"', picture):
        for point in points.split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= pictures.WIDTH
            assert 0 <= y <= pictures.HEIGHT


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (3.44, "3.4"), (12345.0, "12,345"), (99.96, "100.0"), (250.4, "250")])
def test_numbers_as_people_read_them(value: float, text: str) -> None:
    assert pictures.shown(value) == text
