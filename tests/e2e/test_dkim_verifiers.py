"""Two verifiers of other people, dkimpy and OpenDKIM, agree on what we sign: whole messages pass, changed ones fail."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import dkim
import pytest

from actors.model.spec import AttachmentSpec, ContentSpec
from tests.e2e.debian import environment, unpack
from tests.fakes.identities import Records, ed25519_identity, rsa_identity
from tests.fakes.mailing import PAGE, Mailing

# With the libraries that a small system may lack.
OPENDKIM = {"opendkim", "libopendkim11", "libmilter1.0.1", "libopendbx1", "libmemcached11", "libhashkit2", "liblua5.3-0"}
OPENDKIM |= {
    "libvbr2",
    "librbl1",
    "libdb5.3",
    "libunbound8",
    "libbsd0",
    "libmd0",
    "libldap-2.5-0",
    "libevent-2.1-7",
    "libsasl2-2",
}
NAMES = ["王小明", "Ann", "", "x" * 90, "a\n.\nb", "字" * 300, "😀 = =3D\t."]
CONTENTS = {
    "newsletter": ContentSpec(
        "{{ id }} 您的十二月信用卡帳單已經產生，請您撥冗查收並於繳款期限之前完成繳款，謝謝您長期以來的支持",
        html="body.html",
        preheader="本期 {{ id }}",
        unsubscribe="https://bank.test/u?i={{ id }}",
        headers={"X-Note": "two  blanks {{ id }}"},
        attachments=(AttachmentSpec("a/{{ id }}.txt", name="帳單{{ id }}.txt"),),
    ),
    "plain": ContentSpec("Hi {{ id }}", text="body.txt"),
    "wide": ContentSpec("Hi {{ id }}", text="wide.txt"),
}
FILES = {
    "body.html": PAGE.replace("</p>", "</p>\n<img src='logo.png'>", 1),
    "body.txt": "Dear {{ name }},\n\nbye \n{{ name }}",
    "wide.txt": "親愛的 {{ name }}，您好。\n" * 20,
    "logo.png": bytes(range(256)),
} | {f"a/{n}.txt": "x" * n for n in range(len(NAMES))}


def messages(kind: str) -> list[bytes]:
    identities = [ed25519_identity()[0], rsa_identity()[0]]
    columns = {"name": NAMES, "id": [str(n) for n in range(len(NAMES))]}
    addresses = [f"user{n}@example.test" for n in range(len(NAMES) - 1)] + ["李@example.test"]
    with Mailing(CONTENTS[kind], FILES, columns, identities=identities, addresses=addresses) as mailing:
        found = mailing.messages()
    assert len(found) == len(NAMES)
    return list(found.values())


def with_dkimpy(folder: Path, data: bytes) -> dict[str, bool]:
    """Algorithm -> passed."""
    records = Records(rsa_identity(), ed25519_identity())
    found = dkim.DKIM(data)
    algorithms = re.findall(rb"^DKIM-Signature: v=1; a=([\w-]+);", data, re.MULTILINE)
    results = {}
    for n, algorithm in enumerate(algorithms):
        try:
            results[algorithm.decode()] = found.verify(idx=n, dnsfunc=records)
        except dkim.DKIMException:
            results[algorithm.decode()] = False
    return results


def with_opendkim(folder: Path, data: bytes) -> dict[str, bool]:
    """Algorithm -> passed."""
    root = unpack(*OPENDKIM)
    records = Records(rsa_identity(), ed25519_identity())
    keys, config, message = folder / "keys", folder / "opendkim.conf", folder / "message.eml"
    keys.write_text("".join(f"{name} {text}\n" for name, text in records.texts.items()))
    config.write_text(f"Mode v\nSyslog no\nTestPublicKeys {keys}\n")
    message.write_bytes(data)
    run = subprocess.run(
        [str(root / "usr/sbin/opendkim"), "-x", str(config), "-vv", "-t", str(message)],
        env=environment(root),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    return {a: word == "pass" for word, a in re.findall(r"dkim=(\w+)[^;]*header\.a=([\w-]+)", run.stdout)}


verifiers = pytest.mark.parametrize("verify", [with_dkimpy, with_opendkim])
Verify = Callable[[Path, bytes], dict[str, bool]]


@verifiers
@pytest.mark.parametrize("kind", CONTENTS)
def test_s26_two_verifiers_accept_every_message(verify: Verify, kind: str, tmp_path: Path) -> None:
    for data in messages(kind):
        assert verify(tmp_path, data) == {"rsa-sha256": True, "ed25519-sha256": True}


@verifiers
@pytest.mark.parametrize("name", ["From", "Subject", "Content-Type", "To", "Cc", "Date", "Reply-To", "List-Unsubscribe"])
def test_s24_two_verifiers_refuse_a_second_field(verify: Verify, name: str, tmp_path: Path) -> None:
    data = messages("newsletter")[0]
    assert verify(tmp_path, data + b"") == {"rsa-sha256": True, "ed25519-sha256": True}
    for forged in (
        f"{name}: evil@evil.test\r\n".encode() + data,
        data.replace(b"\r\n\r\n", f"\r\n{name}: x\r\n\r\n".encode(), 1),
    ):
        assert verify(tmp_path, forged) == {"rsa-sha256": False, "ed25519-sha256": False}


@verifiers
def test_s23_two_verifiers_refuse_a_longer_or_changed_body(verify: Verify, tmp_path: Path) -> None:
    data = messages("plain")[1]
    for forged in (data + b"more\r\n", data.replace(b"Dear", b"Deer"), data.replace(b"bye", b"bye  ")):
        assert forged != data
        assert verify(tmp_path, forged) == {"rsa-sha256": False, "ed25519-sha256": False}
