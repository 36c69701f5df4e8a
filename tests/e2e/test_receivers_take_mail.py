"""The real receivers themselves: each takes mail from Python's smtplib and stores the bytes that were sent."""

import smtplib
import ssl

import pytest

from tests.e2e.receivers.base import Receiver

HEAD = "Message-ID: <{0}@client.test>\r\nSubject: {0}\r\nDate: Tue, 01 Dec 2026 09:00:00 +0800\r\nFrom: a@client.test\r\n"
BODY = "\r\n..\r\n中文\r\n"


def send(client: smtplib.SMTP, number: int) -> bytes:
    message = (HEAD.format(number) + BODY).encode()
    assert client.sendmail("a@client.test", [f"r{number}@to.test"], message, ["BODY=8BITMIME"]) == {}
    return message.replace(b"\r\n", b"\n")


def test_each_stores_what_was_sent(receiver: Receiver) -> None:
    with smtplib.SMTP(receiver.host, receiver.port, "client.test", timeout=60) as client:
        sent = [send(client, i) for i in range(3)]
    stored = receiver.wait_for(3)
    assert len(stored) == 3
    assert all(any(message.endswith(one) for message in stored) for one in sent)


@pytest.mark.parametrize("name", ["postfix", "exim"])
def test_starttls_with_the_receivers_own_authority(name: str, request: pytest.FixtureRequest) -> None:
    receiver: Receiver = request.getfixturevalue(name)
    with smtplib.SMTP(receiver.host, receiver.port, "client.test", timeout=60) as client:
        client._host = receiver.name  # type: ignore[attr-defined]
        client.starttls(context=ssl.create_default_context(cadata=receiver.authority))
        sent = send(client, 1)
    (stored,) = receiver.wait_for(1)
    assert stored.endswith(sent)
    assert b"with esmtps" in stored.lower()


@pytest.mark.parametrize("name", ["plain_postfix", "plain_exim", "opensmtpd"])
def test_plain_receivers_offer_no_starttls(name: str, request: pytest.FixtureRequest) -> None:
    receiver: Receiver = request.getfixturevalue(name)
    with smtplib.SMTP(receiver.host, receiver.port, "client.test", timeout=60) as client:
        client.ehlo()
        assert not client.has_extn("starttls")
        send(client, 1)
    assert len(receiver.wait_for(1)) == 1


def test_broken_tls_fails_at_the_handshake(broken_tls: Receiver) -> None:
    with smtplib.SMTP(broken_tls.host, broken_tls.port, "client.test", timeout=60) as client:
        client.ehlo()
        assert client.has_extn("starttls")
        with pytest.raises((ssl.SSLError, OSError)):
            client.starttls(context=ssl._create_unverified_context())


def test_smtp_sink_takes_mail(smtp_sink: tuple[str, int]) -> None:
    with smtplib.SMTP(*smtp_sink, "client.test", timeout=60) as client:
        assert send(client, 1)
