"""DKIM checks with keys from a file; dkimpy signs what is checked here."""

import random
from base64 import b64encode
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.signatures import Verifier, load_keys

MESSAGE = b"From: a@from.test\r\nSubject: x\r\n\r\ntext\r\n"
NAME = "s1._domainkey.from.test"


@pytest.fixture(scope="module")
def signed() -> tuple[bytes, str]:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    header = dkim.sign(MESSAGE, b"s1", b"from.test", pem)
    return header + MESSAGE, f"v=DKIM1; k=rsa; p={b64encode(public).decode()}"


def test_good_bad_and_unsigned(signed: tuple[bytes, str]) -> None:
    message, record = signed
    verifier = Verifier({NAME: record}, lambda: 0.0)
    assert verifier.check(message) is True
    assert verifier.check(message.replace(b"text", b"tExt")) is False
    assert verifier.check(MESSAGE) is False
    assert Verifier({"s2._domainkey.from.test": record}, lambda: 0.0).check(message) is False


def test_a_share_is_looked_at(signed: tuple[bytes, str]) -> None:
    message, record = signed
    verifier = Verifier({NAME: record}, random.Random(1).random, share=0.25)
    looked = [verifier.check(message) for _ in range(100)]
    assert set(looked) == {True, None}
    assert 10 < looked.count(True) < 40


def test_keys_from_a_file_or_a_folder(tmp_path: Path) -> None:
    (tmp_path / "keys.yaml").write_text(f'{NAME}: "v=DKIM1; p=abc"\n')
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / NAME).write_text("v=DKIM1; p=abc\n")
    assert load_keys(tmp_path / "keys.yaml") == load_keys(folder) == {NAME: "v=DKIM1; p=abc"}
    (tmp_path / "keys.yaml").write_text("- a")
    with pytest.raises(ValueError, match="no keys"):
        load_keys(tmp_path / "keys.yaml")
