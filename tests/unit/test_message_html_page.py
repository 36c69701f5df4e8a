"""Pictures become parts, the preheader goes into the body, paths stay inside the bundle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.renderer.message.html_page import bundle_path, insert_preheader, replace_pictures


def pictures(html: str, *names: str) -> tuple[str, list[str]]:
    page, problems = replace_pictures(html, "body.html", lambda path: f"id-{path}" if path in names else None)
    return page, [str(p) for p in problems]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<img src="images/a.png">', '<img src="cid:id-images/a.png">'),
        ("<img alt='x' src = 'images/a.png' />", "<img alt='x' src = 'cid:id-images/a.png' />"),
        ('<IMG class="c" SRC="./images/../images/a.png">', '<IMG class="c" SRC="cid:id-images/a.png">'),
        ('<img src="images/a%2Epng">', '<img src="cid:id-images/a.png">'),
        ('<td background="images/a.png">', '<td background="cid:id-images/a.png">'),
        ("<div style=\"background: url('images/a.png')\">", "<div style=\"background: url('cid:id-images/a.png')\">"),
        ("<style>p { background: url(images/a.png) }</style>", "<style>p { background: url(cid:id-images/a.png) }</style>"),
        ('<img src="https://x.test/a.png">', '<img src="https://x.test/a.png">'),
        ('<img src="data:image/png;base64,AA==">', '<img src="data:image/png;base64,AA==">'),
        ('<img src="cid:x">', '<img src="cid:x">'),
        ('<img src="{{ picture }}">', '<img src="{{ picture }}">'),
        ('<img src="images/{{ id }}.png">', '<img src="images/{{ id }}.png">'),
        ('<a href="images/a.png">', '<a href="images/a.png">'),
    ],
)
def test_references(html: str, expected: str) -> None:
    assert pictures(html, "images/a.png") == (expected, [])


def test_missing_pictures_are_named_with_their_line() -> None:
    page, problems = pictures('<p>\n<img src="images/b.png">\n<img src="../a.png">', "images/a.png")
    assert "cid:" not in page
    assert problems == [
        "body.html line 2: the picture 'images/b.png' is not in the bundle",
        "body.html line 3: the picture '../a.png' is not in the bundle",
    ]


@pytest.mark.parametrize("path", ["", ".", "..", "/etc/passwd", "../x", "a/../../x", "a\\b", "a\0b", "a\nb", "./..", "//x"])
def test_paths_that_leave_the_bundle(path: str) -> None:
    assert bundle_path(path) == ""


@given(st.lists(st.sampled_from(["..", ".", "a", "b", "", "鴻"]), max_size=8).map("/".join))
def test_no_path_leaves_the_bundle(path: str) -> None:
    plain = bundle_path(path)
    assert not plain.startswith(("/", ".."))
    assert ".." not in plain.split("/")


def test_preheader_is_first_in_the_body_and_escaped_outside_its_tags() -> None:
    page = insert_preheader('<html><body class="{{ c }}">\n<p>x</p></body></html>', "A & B <{{ '<' }}>")
    before, _, after = page.partition('<body class="{{ c }}">')
    assert before == "<html>"
    assert after.startswith('<div style="display:none')
    assert "A &amp; B &lt;{{ '<' }}&gt;" in after.partition("<p>")[0]


@pytest.mark.parametrize("html", ["<p>x</p>", "<html><head></head><p>x</p></html>"])
def test_preheader_without_a_body_tag(html: str) -> None:
    page = insert_preheader(html, "hello")
    assert page.index("hello") < page.index("<p>x</p>")
