"""Files made for a row: CSV and iCalendar that other readers take as they are meant, PDF that only the password opens."""

import csv
import io
import socket
import subprocess
from collections.abc import Mapping
from email.message import EmailMessage
from types import MappingProxyType
from typing import Any

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.errors import InvalidInput
from actors.model.spec import AttachmentSpec, ContentSpec
from actors.renderer.media import pdf
from actors.renderer.media.textfiles import FOLD, csv_text, ics_escaped, ics_file
from tests.fakes.mailing import PAGE, Mailing

STATEMENT = """<meta charset="utf-8"><style>body { font-family: "Noto Sans CJK TC", sans-serif }</style>
<h1>{{ name }} 的對帳單</h1><p>{{ amount }}</p>"""
anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


def mailing(
    *attachments: AttachmentSpec,
    html: str = PAGE,
    files: Mapping[str, str | bytes] = MappingProxyType({}),
    **columns: list[Any],
) -> Mailing:
    content = ContentSpec("s", html="body.html", attachments=attachments)
    count = len(next(iter(columns.values())))
    return Mailing(content, {"body.html": html, **files}, {"name": ["王小明"] * count} | columns, types={"amount": "float"})


def attached(message: EmailMessage) -> list[tuple[str | None, bytes]]:
    """Names and contents of the attachments."""
    return [(p.get_filename(), p.get_payload(decode=True)) for p in message.iter_attachments() if p.is_attachment()]


def blank_pdf() -> bytes:
    out = io.BytesIO()
    with pikepdf.new() as file:
        file.add_blank_page()
        file.save(out)
    return out.getvalue()


def words(data: bytes) -> str:
    return subprocess.run(["pdftotext", "-", "-"], input=data, capture_output=True, check=True).stdout.decode()


@given(st.lists(st.lists(anything, min_size=2, max_size=3), min_size=1, max_size=3))
def test_csv_fields_are_read_back_and_start_no_formula(rows: list[list[str]]) -> None:
    text = "".join(",".join(map(csv_text, row)) + "\r\n" for row in rows)
    read = list(csv.reader(io.StringIO(text, newline="")))
    for row, found in zip(rows, read, strict=True):
        for value, field in zip(row, found, strict=True):
            assert field in (value, "'" + value)
            assert field[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n") or field.lstrip("+-").replace(".", "").isdigit()


@given(anything, anything)
def test_ics_lines_unfold_to_the_texts(summary: str, place: str) -> None:
    data = ics_file(f"SUMMARY:{ics_escaped(summary)}\nLOCATION:{ics_escaped(place)}\n")
    lines = data.split(b"\r\n")
    assert all(len(line) <= FOLD for line in lines)
    first, second, rest = data.replace(b"\r\n ", b"").decode().split("\r\n")
    assert (first[:8], second[:9], rest) == ("SUMMARY:", "LOCATION:", "")
    unescaped = first[8:].replace("\\\\", "\0").replace("\\n", "\n").replace("\\,", ",").replace("\\;", ";").replace("\0", "\\")
    kept = "".join(c for c in summary.replace("\r\n", "\n").replace("\r", "\n") if c in "\t\n" or (c >= " " and c != "\x7f"))
    assert unescaped == kept


def test_templated_text_files() -> None:
    files: dict[str, str | bytes] = {
        "offers/a.csv": "編號,name,amount\n{% for i in range(2) %}{{ i }},{{ name }},{{ amount }}\n{% endfor %}",
        "a.ics": "BEGIN:VEVENT\nSUMMARY:{{ name }}\nURL:https://a.test/?a=1,{{ amount }}\nEND:VEVENT\n",
        "a.txt": "{{ name }}\n",
        "a.html": "<p>{{ name }}</p>",
    }
    specs = [AttachmentSpec(template="offers/a.csv", name="{{ name }}.csv")]
    specs += [AttachmentSpec(template=name) for name in ("a.ics", "a.txt", "a.html")]
    with mailing(*specs, files=files, name=["=cmd|' /C calc'!A0", 'a,"b"'], amount=[-1.5, 2.0]) as job:
        assert [f.reason for f in job.envelopes().failures] == ["the attachment's file: no valid file name"]
        ((name, table), (ics, event), (txt, plain), (html, page)) = attached(job.parsed()[1])
    assert (name, ics, txt, html) == ('a,"b".csv', "a.ics", "a.txt", "a.html")
    assert table.decode() == '\ufeff編號,name,amount\r\n0,"a,""b""",2.0\r\n1,"a,""b""",2.0\r\n'
    assert event.decode() == 'BEGIN:VEVENT\r\nSUMMARY:a\\,"b"\r\nURL:https://a.test/?a=1,2.0\r\nEND:VEVENT\r\n'
    assert (plain.decode(), page.decode()) == ('a,"b"', "<p>a,&#34;b&#34;</p>")


def test_a_formula_becomes_text_and_a_negative_number_stays_one() -> None:
    files: dict[str, str | bytes] = {"a.csv": "{{ name }},{{ amount }}\n"}
    with mailing(AttachmentSpec(template="a.csv"), files=files, name=["=1+1"], amount=[-1.5]) as job:
        ((_, data),) = attached(job.parsed()[0])
    assert data.decode() == "\ufeff'=1+1,-1.5\r\n"


def test_a_line_in_a_value_of_an_ics_file_that_is_no_text_fails_the_row() -> None:
    files: dict[str, str | bytes] = {"a.ics": "URL:{{ name }}\n"}
    with mailing(AttachmentSpec(template="a.ics"), files=files, name=["x\nATTENDEE:y"]) as job:
        (failure,) = job.envelopes().failures
    assert failure.reason == "a.ics line 1: ics_value: x has a control character or a quote"


@pytest.mark.parametrize(
    ("spec", "files", "problem"),
    [
        (AttachmentSpec(template="no.csv"), {}, "'no.csv' is not in the bundle"),
        (AttachmentSpec(template="a.exe"), {"a.exe": "x"}, "a template's name ends in .csv"),
        (AttachmentSpec(template="a.csv"), {"a.csv": '"{{ name }}"\n'}, "is a whole field"),
        (AttachmentSpec(template="a.csv"), {"a.csv": "{{ name }}{{ name }}\n"}, "is a whole field"),
        (
            AttachmentSpec(template="a.csv"),
            {"a.csv": "{% macro m() %}{{ name }}{% endmacro %}{{ m() }}"},
            "macros and captured",
        ),
        (AttachmentSpec(template="a.csv"), {"a.csv": "{% include name %}"}, "by fixed names only"),
        (AttachmentSpec(template="a.csv"), {"a.csv": "{{ nome }}"}, "no column 'nome' (did you mean name?)"),
        (AttachmentSpec("a.txt", password="{{ name }}"), {"a.txt": "x"}, "only a PDF can have one"),
        (AttachmentSpec(template="a.html", name="a.html", password="x"), {"a.html": "x"}, "only a PDF can have one"),
        (
            AttachmentSpec(template="a.html", name="a.pdf"),
            {"a.html": "{{ pdf_attach('a.pdf', name) }}", "a.pdf": "x"},
            "cannot attach",
        ),
    ],
)
def test_what_cannot_be_right_is_found_before_anything_is_sent(spec: AttachmentSpec, files: Any, problem: str) -> None:
    with mailing(spec, files=files, name=["a"]) as job, pytest.raises(InvalidInput) as caught:
        job.messages()
    assert problem in caught.value.problems[0].message


def opens(data: bytes, password: str) -> bool:
    try:
        with pikepdf.open(io.BytesIO(data), password=password) as file:
            encryption = file.encryption
            return (encryption.R, encryption.bits, str(encryption.stream_method)) == (6, 256, "EncryptionMethod.aesv3")
    except pikepdf.PasswordError:
        return False


def test_pdf_files_with_the_password_of_the_row() -> None:
    spec = AttachmentSpec("s/{{ id }}.pdf", password="{{ id_no }}")
    files: dict[str, str | bytes] = {
        "s/1.pdf": blank_pdf(),
        "s/2.pdf": blank_pdf(),
        "s/3.pdf": b"%PDF none",
        "s/4.pdf": blank_pdf(),
    }
    files["s/5.pdf"] = pdf.encrypted(blank_pdf(), "other")
    ids = ["A123456789", "密碼😀", "x", None, "x"]
    with mailing(spec, files=files, id=list("12345"), id_no=ids) as job:
        failures = {f.row: f.reason for f in job.envelopes().failures}
        parsed = job.parsed()
    assert failures == {
        2: "the attachment's file: is no PDF that can be read",
        3: "the attachment's file: the password is empty",
        4: "the attachment's file: has a password already",
    }
    for row, password in ((0, "A123456789"), (1, "密碼😀")):
        ((name, data),) = attached(parsed[row])
        assert name == f"{row + 1}.pdf"
        assert opens(data, password)
        assert not opens(data, "")
        assert not opens(data, "A123456780")


def test_a_statement_becomes_pages_that_only_the_password_opens() -> None:
    spec = AttachmentSpec(template="s/a.html", name="對帳單-{{ name }}.pdf", password="{{ id_no }}")
    html = STATEMENT + "<img src='../logo.png'><img src=\"{{ qr('https://a.test/1') }}\">"
    with mailing(spec, files={"s/a.html": html, "logo.png": logo()}, id_no=["A1"], amount=[12.5]) as job:
        ((name, data),) = attached(job.parsed()[0])
    assert name == "對帳單-王小明.pdf"
    assert opens(data, "A1")
    assert not opens(data, "")
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(data), password="A1") as file:
        assert len(file.pages[0].get_images()) == 2
        file.save(out)
    assert "王小明 的對帳單" in words(out.getvalue())


def logo() -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (9, 9), (200, 0, 0)).save(out, "PNG")
    return out.getvalue()


def test_pdf_attach_in_the_page_prints_nothing() -> None:
    calls = "{{ pdf_attach('s.html', name, name='s-' ~ name ~ '.pdf') }}{{ pdf_attach('f.pdf', 'k') }}"
    html = f"<p>a{{% if name %}}{calls}{{% endif %}}b</p>"
    files: dict[str, str | bytes] = {"s.html": STATEMENT + "{{ 1 // amount }}", "f.pdf": blank_pdf()}
    with mailing(html=html, files=files, name=["王", "", "李"], amount=[1.0, 0.0, 0.0]) as job:
        failures = job.envelopes().failures
        parsed = job.parsed()
    assert [(f.row, f.reason) for f in failures] == [(2, "s.html line 2: divides by zero")]
    (first, data), (second, fixed) = attached(parsed[0])
    assert (first, second) == ("s-王.pdf", "f.pdf")
    assert opens(data, "王")
    assert opens(fixed, "k")
    assert attached(parsed[1]) == []
    for message in parsed.values():
        assert message.get_content_type() == "multipart/mixed"
        for part in message.walk():
            if part.get_content_maintype() == "text":
                assert part.get_content().strip() in ("<p>ab</p>", "ab")


def test_pages_have_the_same_bytes_each_time() -> None:
    assert pdf.pages("<p>鴻雁</p>", "a.html", no_files) == pdf.pages("<p>鴻雁</p>", "a.html", no_files)


def no_files(path: str) -> bytes:
    raise FileNotFoundError(path)


def test_characters_that_no_font_draws_name_the_remedy() -> None:
    with pytest.raises(ValueError, match="fonts-noto-cjk"):
        pdf.pages("<p>\U0010fffd</p>", "a.html", no_files)


@pytest.mark.parametrize(
    "html",
    [
        "<img src='http://169.254.169.254/latest/meta-data'>",
        "<img src='file:///etc/passwd'>",
        "<img src='//169.254.169.254/x'>",
        "<link rel=stylesheet href='http://127.0.0.1:1/a.css'>",
        "<style>@import 'http://127.0.0.1:1/a.css';</style>",
        "<style>@font-face { font-family: x; src: url(http://127.0.0.1:1/a.woff) } p { font-family: x }</style><p>a</p>",
        "<p style='background: url(ftp://127.0.0.1:1/a.png)'>a</p>",
        "<object data='http://127.0.0.1:1/'></object>",
        "<link rel=attachment href='file:///etc/passwd'>",
        "<a rel=attachment href='file:///etc/passwd'>x</a>",
        "<base href='file:///etc/'><img src='passwd'>",
        "<img src='https://bundle.invalid/../../etc/passwd'>",
        "<img src='https://bundle.invalid@127.0.0.1:1/x'>",
        "<svg><image href='file:///etc/passwd'/></svg>",
        "<svg><use href='http://127.0.0.1:1/a.svg#x'/></svg>",
        "<embed src='HTTP://127.0.0.1:1/'>",
    ],
)
def test_s32_pages_read_nothing_and_connect_nowhere(html: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        pytest.fail("a connection or a look-up was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    asked: list[str] = []

    def files(path: str) -> bytes:
        asked.append(path)
        raise FileNotFoundError(path)

    problem = ""
    try:
        data = pdf.pages(html, "s/a.html", files)
    except ValueError as error:
        problem = str(error)
    else:
        with pikepdf.open(io.BytesIO(data)) as file:
            assert not file.attachments
    assert problem in ("", "refers to something that is not in the bundle")
    assert all("://" not in path for path in asked)
