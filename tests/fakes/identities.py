"""Signing identities made for a test, with the DNS records that publish them."""

from base64 import b64encode
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from actors.model.rendersettings import Identity


@cache
def rsa_identity(domain: str = "bank.test", selector: str = "s1", bits: int = 2048) -> tuple[Identity, str]:
    """The identity and its key record."""
    key = rsa.generate_private_key(65537, bits)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Identity(domain, selector, _pem(key)), f"v=DKIM1; k=rsa; p={b64encode(public).decode()}"


@cache
def ed25519_identity(domain: str = "bank.test", selector: str = "s2") -> tuple[Identity, str]:
    """The identity and its key record."""
    key = ed25519.Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Identity(domain, selector, _pem(key)), f"v=DKIM1; k=ed25519; p={b64encode(public).decode()}"


class Records:
    """The DNS as dkimpy asks it; a name that nobody published fails the test."""

    def __init__(self, *published: tuple[Identity, str]):
        self.texts = {f"{i.selector}._domainkey.{i.domain}": record for i, record in published}

    def __call__(self, name: bytes, timeout: int = 5) -> bytes:
        return self.texts[name.decode().rstrip(".")].encode()


def _pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
