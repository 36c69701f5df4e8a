"""S11: values with markup in each context of a page. In text and quoted attributes no value leaves its place, read by Python's
own HTML parser; where escaping does not hold, and where an address runs, the look warns.
"""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from actors.model.spec import ContentSpec
from actors.renderer.look.markup import markup_of
from actors.renderer.message.contexts import Risk, risks
from gateway.cli.main import build
from tests.fakes.mailing import Mailing
from tests.unit.test_look import make

HOSTILE = [
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' style='x",
    "</title></style></script><b>",
    "--><i>",
    "<!--",
    "&quot;&#34;&lt;",
    "javascript:alert(1)",
    "`onload=x`",
    "{{ 1 }}{% if %}",
    "\u2028\u00a0a=b",
    "]]><x>",
]
PAGE = (
    '<html><body title="{{ v }}"><p id=\'{{ v }}\'>{{ v }}</p><a href="https://a.test/?q={{ v }}">x</a>'
    '<a href="{{ v }}">y</a><img alt="{{ v }}" src="https://a.test/{{ v }}"><td>'
    '{% if v %}{{ v ~ "" }}{% endif %}</td></body></html>'
)


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("<>&\"'=/ -!"), min_size=1)


class Elements(HTMLParser):
    """Tags with their attributes in order, and all text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")


def read(page: str) -> Elements:
    reader = Elements()
    reader.feed(page)
    reader.close()
    return reader


def pages(values: list[str]) -> list[str]:
    content = ContentSpec(subject="a", html="page.html")
    with Mailing(content, {"page.html": PAGE}, {"v": values}) as mailing:
        return [mailing.parsed()[row].get_body(("html",)).get_content() for row in range(len(values))]  # type: ignore[union-attr]


def expected(value: str) -> list[tuple[str, list[tuple[str, str | None]]]]:
    return [
        ("html", []),
        ("body", [("title", value)]),
        ("p", [("id", value)]),
        ("a", [("href", "https://a.test/?q=" + value)]),
        ("a", [("href", value)]),
        ("img", [("alt", value), ("src", "https://a.test/" + value)]),
        ("td", []),
    ]


def test_s11_markup_in_values_stays_where_the_slot_is() -> None:
    for value, page in zip(HOSTILE, pages(HOSTILE), strict=True):
        reader = read(page)
        assert reader.tags == expected(value)
        assert reader.text.strip("\n") == f"{value}xy{value}"


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_s11_any_value_stays_where_the_slot_is(values: list[str]) -> None:
    for value, page in zip(values, pages(values), strict=True):
        assert read(page).tags == expected(value)


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("<p>{{ v }}</p><p title=\"{{ v }}\" id='a {{ v }}'>", []),
        ("<a href={{ v }}>", ["the attribute href without quotes"]),
        ("<a href = a{{ v }}b title='{{ v }}'>", ["the attribute href without quotes"]),
        ("<td width={{ v }}%>{{ v }}", ["the attribute width without quotes"]),
        ("<script>var a = '{{ v }}'</script>{{ v }}", ["a script"]),
        ("<SCRIPT type='a'> if (1 < 2) { {{ v }} }</Script >{{ v }}", ["a script"]),
        ("<style>p { color: {{ v }} }</style>{{ v }}", ["a style sheet"]),
        ('<p style="color: {{ v }}">{{ v }}</p>', ["the attribute style"]),
        ('<a onclick="f({{ v }})" href="{{ v }}">', ["the script of onclick"]),
        ("<a {{ v }}>", ["the tag <a>"]),
        ("<h{{ v }}>{{ v }}</h{{ v }}>", ["the tag <h>", "the tag <h>"]),
        ("<a data-{{ v }}='1'>", ["the tag <a>"]),
        ("<!-- {{ v }} -->{{ v }}", ["a comment"]),
        ("<!-- > <p a={{ v }} -->", ["a comment"]),
        ("{% if v %}<a href={% else %}<a title={% endif %}'{{ v }}'>{{ v }}", []),
        ("1 < 2 {{ v }} <3 {{ v }} </ {{ v }}", []),
        ("<br/>{{ v }}<img src='a'/>{{ v }}", []),
        ("<p title='a > b {{ v }}'>{{ v }}", []),
        ("{{ v", []),
    ],
)
def test_s11_places_where_escaping_does_not_hold_are_found(source: str, where: list[str]) -> None:
    assert [risk.where for risk in risks(source, "page.html")] == where


def test_a_place_has_line_and_slot() -> None:
    source = "<p>\n<a href={{ v|upper  }}>\n{# \n #}<style>{{- w }}"
    assert risks(source, "p.html") == [
        Risk("p.html", 2, "v|upper", "the attribute href without quotes"),
        Risk("p.html", 4, "w", "a style sheet"),
    ]


@pytest.mark.parametrize(
    ("url", "runs"),
    [
        ("javascript:alert(1)", True),
        ("JaVaScRiPt:alert(1)", True),
        (" \u0001java\tscript\n:alert(1)", True),
        ("vbscript:x", True),
        ("data:text/html,<b>", True),
        ("data:image/png;base64,AA", False),
        ("file:///etc/passwd", True),
        ("https://a.test/javascript:x", False),
        ("mailto:a@b.test", False),
        ("/javascript", False),
    ],
)
def test_s11_addresses_that_run_are_known(url: str, runs: bool) -> None:
    found = markup_of([(0, f'<a href="{url}">x</a><img src="{url}">')])
    assert [link.runs for link in found.links.values()] == [runs]
    assert [picture.runs for picture in found.pictures.values()] == [runs]


def test_s11_the_look_warns(tmp_path: Path) -> None:
    files: dict[str, Any] = {
        "job.yaml": "name: m\nsender: {from: a@b.test}\ncontent: {subject: Hi, html: page.html}\n",
        "page.html": '<html><body>\n<a href={{ link }}>x</a><a href="{{ link }}">{{ link }}</a></body></html>',
        "list.csv": "email,link\na@c.test,javascript:alert(1)\n",
    }
    result = CliRunner().invoke(build(), ["check", str(make(tmp_path / "b", files)), "--json"])
    rules = {rule["name"]: rule for rule in json.loads(result.stdout)["rules"]}
    assert rules["slots where escaping holds"]["level"] == "warn"
    assert (
        "page.html line 2: {{ link }} stands in the attribute href without quotes"
        in rules["slots where escaping holds"]["text"]
    )
    assert rules["addresses"]["level"] == "bad"
