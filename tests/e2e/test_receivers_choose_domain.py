"""Which domain a mail goes to is decided by us as Postfix decides it, for the text of the list and for what we put on the wire.

A real Postfix takes each text as a recipient; its resolver says where it would send it. What we accept must go to our domain
(and our wire form must be taken); what Postfix would read otherwise must be refused by us.
"""

import random
import smtplib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import idna

from actors.model.mailbox import check_mailbox
from tests.e2e.receivers.postfix import start_postfix
from tests.unit.test_intake_addresses import BAD, GOOD

# Each recipient goes to a program that notes the message's number (its sender) and the next hop that Postfix chose. Whether the
# part before the @ may begin with a hyphen is no matter of domains.
MAIN = """
default_transport = noted
virtual_mailbox_domains =
virtual_mailbox_maps =
mynetworks = 127.0.0.0/8
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination
noted_destination_recipient_limit = 1
allow_min_user = yes
"""
MASTER = """
noted unix - n n - 4 pipe user=nobody argv={home}/note ${{sender}} ${{nexthop}}
"""
NOTE = '#!/bin/sh\nprintf "%s\\n" "$*" >> {home}/box/noted\n'
SECONDS = 60.0
MORE = 120
PIECES = ["a", "b.c", ".", "..", "@", "@", '"', "\\", " ", "(x)", ",", ":", "%", "!", "[", "]", "1", "-", "é", "例", "_", "+"]
HOSTS = ["evil.test", "internal.test", "x.y.test", "EXAMPLE.Test", "bücher.test", "xn--bcher-kva.test", "192.0.2.1", "x.test."]
TRICKS = [
    "user%evil.test@internal.test",
    "evil.test!user@internal.test",
    "@evil.test:user@internal.test",
    "@evil.test,@b.test:user@internal.test",
    "user@internal.test@evil.test",
    "user@[192.0.2.1]",
    '"user@evil.test"@internal.test',
    '"user@evil.test x"@internal.test',
    '"user%evil.test"@internal.test',
    '"evil.test!user"@internal.test',
    "user@(evil.test)internal.test",
    "user(@evil.test)@internal.test",
    "user@internal.test(@evil.test)",
    "group:user@evil.test;@internal.test",
    "Evil <user@evil.test>@internal.test",
    "user\\@evil.test@internal.test",
    '"user\\"@evil.test"@internal.test',
    "user@internal.test.",
    "user@intern\u0430l.test",  # a Cyrillic letter
    "user@INTERNAL.TEST",
    "user@straße.test",
]


def texts() -> list[str]:
    """The corpus: what the unit tests know, known tricks, and mixtures of them from a fixed seed."""
    chance = random.Random(5)
    made = []
    for _ in range(MORE):
        local = "".join(chance.choices(PIECES, k=chance.randint(1, 5)))
        if chance.random() < 0.3:
            local = '"' + local.replace('"', "") + '"'
        made.append(f"{local}@{chance.choice(HOSTS)}")
    return [t for t in dict.fromkeys([*GOOD, *BAD, *TRICKS, *made]) if t.strip() and not set(t) & set("\r\n\0")]


@contextmanager
def resolver() -> Iterator[tuple[int, Path]]:
    """A Postfix that notes; its port and the file."""
    with start_postfix(tls=False, main=MAIN, master=MASTER, files={"note": NOTE}) as postfix:
        yield postfix.port, postfix.box / "noted"


def ask(port: int, number: int, recipient: str) -> bool:
    """Hands one message over; whether Postfix took the recipient."""
    with smtplib.SMTP("127.0.0.1", port, "client.test", timeout=60) as client:
        client.command_encoding = "utf-8"
        client.ehlo()
        client.docmd("MAIL", f"FROM:<{number}@client.test>" + ("" if recipient.isascii() else " SMTPUTF8"))
        code, _ = client.docmd("RCPT", f"TO:<{recipient}>")
        if code != 250:
            return False
        code, words = client.data(b"Subject: x\r\n\r\nx\r\n")
        assert code == 250, words
        return True


def chosen(noted: Path, numbers: set[int]) -> dict[int, str]:
    """The next hops by message, once all are there."""
    end = time.monotonic() + SECONDS
    while True:
        lines = noted.read_text().splitlines() if noted.exists() else []
        found = {int(sender.partition("@")[0]): hop for sender, hop in map(str.split, lines)}
        if numbers <= set(found) or time.monotonic() > end:
            return found
        time.sleep(0.1)


def ascii_form(domain: str) -> str:
    return domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode()


def test_s5_postfix_would_send_it_to_the_same_domain_or_we_refuse_it() -> None:
    corpus = texts()
    ours = {text: check_mailbox(text) for text in corpus}
    questions = [*corpus, *dict.fromkeys(m.address for m in ours.values() if m.address)]
    with resolver() as (port, noted):
        taken = {n for n, text in enumerate(questions) if ask(port, n, text.strip())}
        hops = chosen(noted, taken)
    assert len(taken) > 50
    missing = [questions[n] for n in taken - set(hops)]
    different = []
    for n, hop in hops.items():
        mine = ours.get(questions[n]) or check_mailbox(questions[n])
        if mine.domain and ascii_form(hop) != mine.domain:
            different.append((questions[n], mine.domain, hop))
    assert different == []
    refused = [q for n, q in enumerate(questions) if n >= len(corpus) and n not in taken]
    assert refused == [], "our wire form was refused"
    accepted = [q for n, q in enumerate(questions) if ours.get(q, check_mailbox(q)).domain]
    assert not set(missing) & set(accepted), "no next hop was noted"
    # The corpus bites: Postfix sends some of it elsewhere than behind the first or the last @.
    elsewhere = [q for n, q in enumerate(questions) if n in hops and hops[n].lower() != q.rpartition("@")[2].lower()]
    assert len(elsewhere) >= 5, elsewhere
