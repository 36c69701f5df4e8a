"""One bundle through the whole pipeline to Postfix, Exim and OpenSMTPD: what they stored, read by Python's `email`, holds
exactly the values of the list, and two verifiers of other people accept the signatures."""

import csv
import email
import html
import io
import re
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import yaml

from actors.model.returnpath import read_row_path
from actors.model.states import RowState
from tests.e2e.mailing_world import MESSAGE_ID, check_results, signing_keys, world
from tests.e2e.receivers.base import Receiver
from tests.e2e.test_dkim_verifiers import with_dkimpy, with_opendkim
from tests.fakes.mailing import body_text

UTF8_ROWS = {8, 9}  # their local parts need SMTPUTF8
WITHOUT_UTF8 = {"mx.opensmtpd.test"}
OVER_TLS = re.compile(rb"with (utf8)?e?smtps\b", re.IGNORECASE)  # as Received says it (RFC 3848, 6531)
RETURN_PATH = re.compile(r"<(bounces[^>@]*@bank\.test)>")
BOUNCE_KEY = b"a key of sixteen bytes and more"
PEOPLE = [  # email, name, note
    ("ann@one.test", "Ann O'Neill", "plain"),
    ("wang@one.test", "王小明", "您好，感謝您長期以來的支持"),
    ("bob+news@two.test", "Bob <b>", "a < b & c > d; 5 = 5 =3D"),
    ("dots@two.test", ".", ".leading dot"),
    ("from@two.test", "From here", "From the start"),
    ("long@two.test", "長" * 80, "字" * 700),
    ("idn@例子.測試.test", "山田 太郎", "全角　空白"),
    ("idn2@bücher.test", "Jürgen Groß", "Grüße"),
    ("李雷@one.test", "李雷", "SMTPUTF8"),
    ("пётр@one.test", "Пётр", "кириллица"),
    ("smile@one.test", "😀 Smile", "🎉" * 20),
    ("words@one.test", "x" * 200, "y" * 1500),
]
SUBJECT = "{{ name }} 您的十二月信用卡帳單已經產生，請於繳款期限之前完成繳款，謝謝您長期以來的支持 {{ id }}"
TEXT = "親愛的 {{ name }} 您好：\nDear {{ name }}, your number is {{ id }}.\n{{ note }}\n\n再見\n"
PAGE = """<html><body><img src="images/logo.png" alt="鴻雁"><p>親愛的 {{ name }} 您好</p>
<p id="note">{{ note }}</p><p>{{ id }}</p></body></html>
"""
LOGO = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8  # what is in a picture is nobody's business
TERMS = "一般條款\n" * 2000
CONTROL = {
    "name": "十二月帳單",
    "sender": {
        "from": "鴻雁銀行 <service@bank.test>",
        "reply_to": "care@bank.test",
        "return_path": "bounces@bank.test",
        "verp": True,
    },
    "delivery": {"dsn": {"notify": ["failure", "delay"]}},
    "content": {
        "subject": SUBJECT,
        "html": "body.html",
        "text": "body.txt",
        "unsubscribe": "https://bank.test/u?i={{ id }}",
        "headers": {"X-Mailing": "帳單 {{ id }}"},
        "attachments": [
            {"file": "attachments/terms.txt", "name": "一般條款.txt"},
            {"file": "statements/{{ id }}.pdf", "name": "帳單{{ id }}.pdf"},
        ],
    },
}


def statement(row: int) -> bytes:
    return b"%PDF-1.4 " + bytes(range(256)) * (row + 1)


def files() -> dict[str, str | bytes]:
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(["email", "name", "note", "id"])
    lines.writerows([*person, f"{row:05d}"] for row, person in enumerate(PEOPLE))
    made: dict[str, str | bytes] = {
        "job.yaml": yaml.safe_dump(CONTROL, allow_unicode=True),
        "list.csv": text.getvalue(),
        "body.html": PAGE,
        "body.txt": TEXT,
        "images/logo.png": LOGO,
        "attachments/terms.txt": TERMS,
    }
    return made | {f"statements/{row:05d}.pdf": statement(row) for row in range(len(PEOPLE))}


def read(stored: bytes) -> EmailMessage:
    """What a mail program sees; header fields in UTF-8 (RFC 6532) as text."""
    message = email.message_from_string(stored.decode(), policy=default)
    assert isinstance(message, EmailMessage)
    for part in message.walk():
        assert not part.defects, part.defects
    return message


def check(message: EmailMessage, row: int) -> None:
    """Every value of the row, in every part that it went into."""
    address, name, note = PEOPLE[row]
    number = f"{row:05d}"
    assert message["Subject"] == SUBJECT.replace("{{ name }}", name).replace("{{ id }}", number)
    assert message["From"].addresses[0].display_name == "鴻雁銀行"
    assert message["To"].addresses[0].addr_spec == ascii_domain(address)
    assert (message["Reply-To"], message["X-Mailing"]) == ("care@bank.test", f"帳單 {number}")
    assert message["List-Unsubscribe"] == f"<https://bank.test/u?i={number}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    page = body_text(message, "html")
    expected = TEXT.replace("{{ name }}", name).replace("{{ note }}", note).replace("{{ id }}", number)
    assert body_text(message, "plain") == expected.rstrip("\n")
    shown = html.unescape(page)
    assert f"<p>親愛的 {name} 您好</p>" in shown
    assert f'<p id="note">{note}</p><p>{number}</p>' in shown
    by_name = {part.get_filename(): part for part in message.walk() if part.get_content_disposition() == "attachment"}
    assert set(by_name) == {"一般條款.txt", f"帳單{number}.pdf"}
    assert by_name["一般條款.txt"].get_payload(decode=True) == TERMS.encode()
    assert by_name[f"帳單{number}.pdf"].get_payload(decode=True) == statement(row)
    (picture,) = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert picture.get_payload(decode=True) == LOGO
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in page


def ascii_domain(address: str) -> str:
    local, _, domain = address.partition("@")
    return f"{local}@{domain.encode('idna').decode()}"


async def test_a_mailing_to_a_real_receiver(receiver: Receiver, tmp_path: Path) -> None:
    lost = UTF8_ROWS if receiver.name in WITHOUT_UTF8 else set[int]()
    routes = [{"pattern": "*", "host": receiver.host, "port": receiver.port, "tls": "opportunistic"}]
    (tmp_path / "bounce.key").write_bytes(BOUNCE_KEY)
    keys = {"identities": signing_keys(tmp_path), "bounce_key": f"file://{tmp_path}/bounce.key"}
    async with world(tmp_path, routes, **keys) as made:
        job = await made.send(files())
        status, lines = await made.ledger.status(job), await made.lines(job)
    check_results(made.results(job), status, lines)
    for row in lost:
        assert (lines[row].state, lines[row].blame, lines[row].enhanced) == (RowState.BOUNCED, "us", "5.6.7")
    delivered = {row for row, line in lines.items() if line.state is RowState.DELIVERED}
    assert delivered == set(range(len(PEOPLE))) - lost
    stored = {}
    for data in receiver.wait_for(len(delivered)):
        message = read(data)
        found = MESSAGE_ID.fullmatch(message["Message-ID"])
        assert found is not None
        assert found[1] == job
        stored[int(found[2])] = data
        check(message, int(found[2]))
    assert set(stored) == delivered
    assert len(receiver.messages()) == len(delivered)
    for row, data in stored.items():
        wire = data.replace(b"\n", b"\r\n")
        assert with_dkimpy(tmp_path, wire) == with_opendkim(tmp_path, wire) == {"rsa-sha256": True, "ed25519-sha256": True}
        (path,) = set(RETURN_PATH.findall(data.split(b"\n\n", 1)[0].decode()))
        assert read_row_path(path, BOUNCE_KEY) == (job, row)
        assert bool(OVER_TLS.search(data)) == bool(receiver.authority)
