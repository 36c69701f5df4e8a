"""Pictures that a row's template asks for: parts of that row's message, readable, the same bytes however the shard is cut."""

import io
import re
from email.message import EmailMessage

import pytest
from PIL import Image

from actors.model.errors import InvalidInput
from actors.model.spec import ContentSpec
from tests.fakes.mailing import Mailing, body_text
from tests.unit.test_renderer_messages import check_wire
from tests.unit.zbar import decoded

NAMES = ["王小明", "Ann & Bob", "<陳大文先生您好>", "", "x" * 300]
HTML = '<p>{{ name }}</p>{% if name %}<img src="{{ qr("https://a.test/" ~ name) }}" alt="code">{% endif %}'
CONTENT = ContentSpec("s", html="body.html", text="body.txt")
LOGO = b"\x89PNG" + bytes(range(99))


def mailing(html: str, names: list[str] = NAMES, **files: bytes) -> Mailing:
    return Mailing(CONTENT, {"body.html": html, "body.txt": "text", "gold.png": LOGO} | files, {"name": names})


def images(message: EmailMessage) -> dict[str, bytes]:
    """The pictures by content id, each of which the page refers to once or more."""
    found = {p["Content-ID"][1:-1]: p.get_content() for p in message.walk() if p.get_content_maintype() == "image"}
    page = body_text(message, "html")
    assert set(re.findall(r"cid:([^\"']+)", page)) == set(found)
    return found


def test_each_row_has_its_own_code_and_a_row_of_another_branch_none() -> None:
    with mailing(HTML) as job:
        messages, parsed = job.messages(), job.parsed()
    for data in messages.values():
        check_wire(data)
    pictures = [list(images(parsed[row]).values()) for row in range(5)]
    assert [len(p) for p in pictures] == [1, 1, 1, 0, 1]
    assert decoded([p[0] for p in pictures if p]) == ["https://a.test/" + name for name in NAMES if name]
    assert {message.get_content_type() for message in parsed.values()} == {"multipart/related"}
    assert {part["Content-Disposition"] for m in parsed.values() for part in m.iter_attachments()} == {
        'inline; filename="code.png"'
    }


@pytest.mark.parametrize(
    "other",
    [
        HTML.replace("{% if name %}", "{% for _ in [1] %}{% if name %}").replace("{% endif %}", "{% endif %}{% endfor %}"),
        HTML.replace('qr("https://a.test/" ~ name)', '("https://a.test/" ~ name) | qr'),
        '{% set q = qr("https://a.test/" ~ name) %}' + HTML.replace('{{ qr("https://a.test/" ~ name) }}', "{{ q }}"),
        "{% macro m(n) %}" + HTML.replace("name", "n") + "{% endmacro %}{{ m(name) }}",
    ],
)
def test_however_it_is_worked_out_the_row_has_the_same_picture(other: str) -> None:
    with mailing(HTML) as one, mailing(other) as two:
        for a, b in zip(one.parsed().values(), two.parsed().values(), strict=True):
            assert images(a) == images(b)
            assert body_text(a, "html") == body_text(b, "html")


def test_rows_alone_are_as_in_the_shard() -> None:
    with mailing(HTML) as job:
        together = job.messages()
        for row in (0, 3, 4):
            assert job.messages_of([row]) == {row: together[row]}
        assert job.messages() == together


def test_the_same_asked_for_twice_is_one_part_and_order_is_that_of_the_page() -> None:
    html = '<img src="{{ qr(name) }}"><img src="{{ qr("fixed") }}">' * 2 + '<img src="{{ img_attach("gold.png") }}">'
    with mailing(html, ["a", "fixed"]) as job:
        first, second = job.parsed().values()
    assert decoded(list(images(first).values())[:2]) == ["a", "fixed"]
    assert list(images(first).values())[2] == LOGO
    assert len(images(second)) == 2


def test_settings() -> None:
    html = """<img src="{{ qr(name, ec='Q', size=3, quiet=2, dark='#124', light='#fafafa') }}">"""
    with mailing(html, ["hello"]) as job:
        (picture,) = images(job.parsed()[0]).values()
    assert decoded([picture]) == ["hello"]
    assert picture[16:24] == (3 * 25).to_bytes(4) * 2
    assert bytes((0xFA, 0xFA, 0xFA, 0x11, 0x22, 0x44)) in picture


def test_images_by_row() -> None:
    with mailing("<img src=\"{{ img_attach(name ~ '.png') }}\">", ["gold", "silver", "../gold"]) as job:
        envelopes = job.envelopes()
        assert images(job.parsed()[0])
    assert [(f.row, f.reason) for f in envelopes.failures] == [
        (1, "img_attach: the image is not in the bundle"),
        (2, "img_attach: the image is not in the bundle"),
    ]


def test_a_text_no_code_holds_fails_its_row() -> None:
    with mailing("{{ qr(name) }}", ["a", "漢" * 1000, ""]) as job:
        failures = {f.row: f.reason for f in job.envelopes().failures}
    assert failures[1] == "qr: the text is longer than a code of level M holds"
    assert failures[2].startswith("body.html line 1: qr: text is empty")
    assert set(failures) == {1, 2}


def test_too_many_pictures_fail_the_row() -> None:
    with mailing("{% for i in range(51) %}{{ qr(name ~ i) }}{% endfor %}", ["a"]) as job:
        (failure,) = job.envelopes().failures
    assert failure.reason == "refers to more than 50 pictures and files"


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ("qr(name, mode='url')", "mode 'url' needs the server"),
        ("qr(name, ec='X')", "qr: ec is none of L, M, Q, H"),
        ("name | qr('L', 99)", "qr: size is no whole number from 1 to 20"),
        ("qr(name, dark='#eee')", "qr: dark is not dark enough"),
        ("qr(name, light='red')", "qr: light is no colour"),
        ("qr(name, logo='gold.png')", "qr: ec must be 'H'"),
        ("qr(name, ec='H', logo='none.png')", "qr: the file 'none.png' is not in the bundle"),
        ("img_attach('none.png')", "img_attach: the file 'none.png' is not in the bundle"),
    ],
)
def test_settings_that_cannot_be_right_are_found_before_anything_is_sent(call: str, problem: str) -> None:
    with mailing("\n{{ " + call + " }}") as job, pytest.raises(InvalidInput) as caught:
        job.messages()
    assert [(p.file, p.line) for p in caught.value.problems] == [("body.html", 2)] * len(caught.value.problems)
    assert problem in caught.value.problems[0].message


def test_a_value_that_looks_like_a_reference_stays_text() -> None:
    values = ["cid:d.00000000000000000000@job", "\ufdd000000000000000000000\ufdd1"]
    with mailing("{{ name }}<img src=\"{{ qr('x') }}\">", values) as job:
        parsed = job.parsed()
    for row, value in enumerate(values):
        assert value in body_text(parsed[row], "html")
        assert len([p for p in parsed[row].walk() if p.get_content_maintype() == "image"]) == 1


def test_a_code_with_the_logo_of_the_bundle() -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 30, 30)).save(out, "PNG")
    html = "{% if name %}<img src=\"{{ qr(name, ec='H', logo='mark.png') }}\">{% else %}"
    html += "{{ qr('x', ec='H', logo='gold.png') }}{% endif %}"
    with mailing(html, ["member 1", ""], **{"mark.png": out.getvalue()}) as job:
        (picture,) = images(job.parsed()[0]).values()
        assert [f.reason for f in job.envelopes().failures] == ["qr: the logo is no PNG, JPEG, GIF or WebP picture"]
    assert decoded([picture]) == ["member 1"]
    with Image.open(io.BytesIO(picture)) as opened:
        assert (200, 30, 30) in {colour for _, colour in opened.convert("RGB").getcolors()}
