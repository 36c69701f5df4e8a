"""Whole messages: Python's `email` reads the values that went in, the wire rules hold for any data, nothing is injected."""

import re
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.model.errors import InvalidInput
from actors.model.spec import AttachmentSpec, ContentSpec, SenderSpec
from actors.model.states import RowState
from tests.examples import examples
from tests.fakes.mailing import PAGE, Mailing, body_text, parse, split
from tests.fakes.snapshot import JOB

FIELDS = [
    *("Message-ID", "Date", "From", "To", "Reply-To", "Subject", "List-Unsubscribe", "List-Unsubscribe-Post", "X-Campaign"),
    *("MIME-Version", "Content-Type"),
]
FULL = ContentSpec(
    subject="{{ name }} 您好",
    html="body.html",
    preheader="本期 & {{ name }}",
    headers={"X-Campaign": "c {{ name }}"},
    unsubscribe="https://bank.test/u?i={{ id }}",
    attachments=(AttachmentSpec("terms.pdf"), AttachmentSpec("s/{{ id }}.pdf", name="{{ id }}.pdf")),
)
FILES = {
    "body.html": "<html><body><p>Dear {{ name }},</p>\n<img src='logo.png'>\n<p>{{ name }}</p></body></html>\n",
    "logo.png": b"\x89PNG" + bytes(range(256)),
    "terms.pdf": b"%PDF terms",
    "s/0.pdf": b"%PDF 0",
    "s/1.pdf": b"",
    "s/2.pdf": b"\r\n.\r\n" * 100,
}
BODY_TEXT = st.lists(
    st.sampled_from(
        ["\r", "\n", "\r\n", ".", "\n.\n", "\r\n.\r\n", "\r.\r", " ", "\t", "=", "鴻雁", "😀", "<b>&", "y" * 998, "字" * 500]
    )
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40),
    max_size=8,
).map("".join)


def check_wire(data: bytes) -> None:
    """What DATA and BDAT senders rely on (S2)."""
    assert data.endswith(b"\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", data)
    for line in data[:-2].split(b"\r\n"):
        assert len(line) <= 998
        assert not line.startswith(b".")
        assert not line.endswith((b" ", b"\t"))
    head, _, body = data.partition(b"\r\n\r\n")
    assert max(map(len, body.split(b"\r\n"))) <= 78
    assert all(len(line) <= 78 for line in head.split(b"\r\n"))


def canonical(text: str) -> str:
    return re.sub(r"\r\n|\r", "\n", text)


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(BODY_TEXT, min_size=1, max_size=3),
    st.sampled_from(["Dear {{ name }}!\n", "{{ name }}", "親愛的{{ name }}，\n.\n" * 30]),
)
def test_s2_any_body_text_arrives_and_keeps_the_wire_rules(values: list[str], template: str) -> None:
    content = ContentSpec("s", html="body.html", text="body.txt")
    files = {"body.html": "<p>" + template + "</p>", "body.txt": template}
    with Mailing(content, files, {"name": values}) as mailing:
        messages = mailing.messages()
    assert set(messages) == set(range(len(values)))
    for row, data in messages.items():
        check_wire(data)
        expected = canonical(template.replace("{{ name }}", values[row])).rstrip("\n")
        assert body_text(parse(data), "plain") == canonical(expected)
        if not re.search(r"[<>&'\"]", values[row]):
            whole = "<p>" + template.replace("{{ name }}", values[row]) + "</p>"
            assert body_text(parse(data), "html") == canonical(whole)


def test_the_whole_layout() -> None:
    with Mailing(FULL, FILES, {"name": ["王小明", "<Ann>"], "id": ["0", "1"]}) as mailing:
        raw = mailing.messages()
        stamp = mailing.stamp
    for row, name in enumerate(["王小明", "<Ann>"]):
        check_wire(raw[row])
        message = parse(raw[row])
        assert message.keys() == FIELDS
        assert message["Message-ID"] == f"<{JOB}.{row}@bank.test>"
        assert message["Date"].datetime == datetime.fromtimestamp(stamp, UTC)
        assert message["Date"].datetime.utcoffset().total_seconds() == 8 * 3600
        assert str(message["From"]) == "鴻雁銀行 <service@bank.test>"
        assert (message["To"], message["Reply-To"]) == (f"user{row}@example{row}.test", "care@bank.test")
        assert message["Subject"] == f"{name} 您好"
        assert message["List-Unsubscribe"] == f"<https://bank.test/u?i={row}>"
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert message["X-Campaign"] == f"c {name}"
        check_parts(message, row, name)


def check_parts(message: EmailMessage, row: int, name: str) -> None:
    tree = [part.get_content_type() for part in message.walk()]
    alternative = ["multipart/alternative", "text/plain", "text/html"]
    pdfs = ["application/pdf", "application/pdf"]
    assert tree == ["multipart/mixed", "multipart/related", *alternative, "image/png", *pdfs]
    assert body_text(message, "plain") == f"Dear {name},\n\n{name}"
    html = body_text(message, "html")
    escaped = name.replace("<", "&lt;").replace(">", "&gt;")
    assert f"<p>Dear {escaped},</p>" in html
    assert f"本期 &amp; {escaped}" in html
    (cid,) = re.findall(r"cid:([^']+)'", html)
    picture, terms, statement = [part for part in message.walk() if not part.is_multipart()][2:]
    assert picture["Content-ID"] == f"<{cid}>"
    assert picture.get_content() == FILES["logo.png"]
    assert (terms.get_filename(), terms.get_content()) == ("terms.pdf", b"%PDF terms")
    assert (statement.get_filename(), statement.get_content()) == (f"{row}.pdf", FILES[f"s/{row}.pdf"])


@pytest.mark.parametrize(
    ("content", "tree"),
    [
        (ContentSpec("s", text="t.txt"), ["text/plain"]),
        (ContentSpec("s", html="plain.html"), ["multipart/alternative", "text/plain", "text/html"]),
        (
            ContentSpec("s", text="t.txt", attachments=(AttachmentSpec("a.zip"),)),
            ["multipart/mixed", "text/plain", "application/zip"],
        ),
        (
            ContentSpec("s", html="picture.html"),
            ["multipart/related", "multipart/alternative", "text/plain", "text/html", "image/png"],
        ),
    ],
)
def test_only_the_parts_that_are_needed(content: ContentSpec, tree: list[str]) -> None:
    files = {"t.txt": "x", "plain.html": "<p>x</p>", "picture.html": "<img src='a.png'>", "a.png": b"p", "a.zip": b"PK"}
    with Mailing(content, files, {"id": ["1"]}) as mailing:
        assert [part.get_content_type() for part in mailing.parsed()[0].walk()] == tree


INJECTIONS = ["\r", "\n", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\0", "\x7f"]


@pytest.mark.parametrize("bad", INJECTIONS)
@pytest.mark.parametrize("place", ["subject", "header", "unsubscribe", "name"])
def test_s3_header_injection_fails_the_row_only(bad: str, place: str) -> None:
    content = {
        "subject": ContentSpec("Hi {{ v }}", text="t.txt"),
        "header": ContentSpec("Hi", text="t.txt", headers={"X-Note": "{{ v }}"}),
        "unsubscribe": ContentSpec("Hi", text="t.txt", unsubscribe="https://b.test/{{ v }}"),
        "name": ContentSpec("Hi", text="t.txt", attachments=(AttachmentSpec("t.txt", name="{{ v }}.txt"),)),
    }[place]
    values = ["fine", f"x{bad}Bcc: evil@evil.test", f"x{bad}", "also"]
    with Mailing(content, {"t.txt": "text"}, {"v": values}) as mailing:
        envelopes = mailing.envelopes()
    assert envelopes.rows.tolist() == [0, 3]
    assert [(f.row, f.state) for f in envelopes.failures] == [(1, RowState.RENDER_ERROR), (2, RowState.RENDER_ERROR)]
    assert not any("evil" in f.reason for f in envelopes.failures)
    for data in split(envelopes).values():
        assert not {"Bcc", "bcc"} & set(parse(data).keys())


@pytest.mark.parametrize(
    "value", ["=?utf-8?q?=0ABcc:_evil@evil.test?=", "=?utf-8?b?DQpCY2M6IHg=?=", "Bcc: evil@evil.test", "a:b;c,d<e>"]
)
def test_s3_values_that_look_like_syntax_arrive_as_text(value: str) -> None:
    content = ContentSpec("{{ v }}", text="t.txt", headers={"X-Note": "{{ v }}"})
    with Mailing(content, {"t.txt": "text"}, {"v": [value]}) as mailing:
        (data,) = mailing.messages().values()
    head = data.partition(b"\r\n\r\n")[0]
    assert not re.search(rb"^Bcc", head, re.MULTILINE | re.IGNORECASE)
    assert b"=0A" not in head.replace(b"=3D0A", b"")
    names = [line.partition(b":")[0] for line in re.split(rb"\r\n(?! )", head)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("bad", INJECTIONS)
def test_s3_preheader_and_body_values_stay_in_the_body(bad: str) -> None:
    content = ContentSpec("Hi", html="b.html", preheader="{{ v }}")
    with Mailing(content, {"b.html": "<body>{{ v }}</body>"}, {"v": ["ok", f"x{bad}Bcc: evil@evil.test"]}) as mailing:
        envelopes = mailing.envelopes()
    assert envelopes.rows.tolist() == ([0] if bad == "\0" else [0, 1])
    for data in split(envelopes).values():
        check_wire(data)
        assert "Bcc" not in parse(data)


@pytest.mark.parametrize("bad", [b for b in INJECTIONS if b != "\0"])
@pytest.mark.parametrize("place", ["subject", "header", "from", "reply", "unsubscribe", "file name"])
def test_s3_static_texts_of_the_control_file_are_refused(bad: str, place: str) -> None:
    text = f"x{bad}Bcc: evil@evil.test"
    content = ContentSpec(
        text if place == "subject" else "Hi",
        text="t.txt",
        headers={"X-Note": text} if place == "header" else {},
        unsubscribe=f"https://b.test/{text}" if place == "unsubscribe" else "",
        attachments=(AttachmentSpec("t.txt", name=text),) if place == "file name" else (),
    )
    sender = SenderSpec(
        f"{text} <a@b.test>" if place == "from" else "a@b.test", f"{text} <a@b.test>" if place == "reply" else ""
    )
    with Mailing(content, {"t.txt": "text"}, {"v": ["x"]}, sender=sender) as mailing:
        (problem,) = mailing.renderer.check(JOB)
        assert "forbidden character" in problem.message
        with pytest.raises(InvalidInput):
            mailing.envelopes()


@pytest.mark.parametrize("path", ["../spec.json", "/etc/passwd", "s/../../spec.json", "..", "", "s\\0.pdf", "nothing.pdf"])
def test_s18_attachment_paths_stay_in_the_bundle(path: str) -> None:
    content = ContentSpec("Hi", text="t.txt", attachments=(AttachmentSpec("{{ v }}"),))
    with Mailing(content, {"t.txt": "text", "s/0.pdf": b"x"}, {"v": ["s/0.pdf", path]}) as mailing:
        envelopes = mailing.envelopes()
    assert envelopes.rows.tolist() == [0]
    assert [f.state for f in envelopes.failures] == [RowState.RENDER_ERROR]
    assert not path or path not in envelopes.failures[0].reason


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://b.test/a b", "https://b.test/<x>", "//b.test", "https://b.test/é", "x"]
)
def test_unsubscribe_texts_that_are_no_url(url: str) -> None:
    with Mailing(ContentSpec("Hi", text="t.txt", unsubscribe="{{ v }}"), {"t.txt": "x"}, {"v": [url, ""]}) as mailing:
        envelopes = mailing.envelopes()
    assert envelopes.rows.tolist() == [1]
    assert "List-Unsubscribe" not in parse(split(envelopes)[1])


def test_one_click_only_for_https() -> None:
    content = ContentSpec("Hi", text="t.txt", unsubscribe="{{ v }}")
    with Mailing(content, {"t.txt": "x"}, {"v": ["https://b.test/1", "mailto:u@b.test?subject=1"]}) as mailing:
        secure, mailto = mailing.parsed().values()
    assert secure["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mailto["List-Unsubscribe"] == "<mailto:u@b.test?subject=1>"
    assert "List-Unsubscribe-Post" not in mailto


def test_boundaries_cannot_occur_in_content() -> None:
    value = f"--=_a_{JOB}\n--=_m_{JOB}--\n"
    content = ContentSpec("Hi", html="b.html", text="t.txt", attachments=(AttachmentSpec("t.txt"),))
    with Mailing(content, {"b.html": "<p>{{ v }}</p>", "t.txt": "{{ v }}" + value}, {"v": [value]}) as mailing:
        message = mailing.parsed()[0]
    assert len(list(message.walk())) == 5
    assert body_text(message, "plain") == (value + value).rstrip("\n")


def test_pages_of_the_default_template() -> None:
    with Mailing(ContentSpec("Hi", html="b.html"), {"b.html": PAGE}, {"name": ["Ann"]}) as mailing:
        assert body_text(mailing.parsed()[0], "plain") == "Dear Ann,\n\n鴻雁傳書"
