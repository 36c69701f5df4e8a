"""DKIM signatures (RFC 6376, RFC 8463) for messages whose canonical form is known without parsing them.

Bodies from `transfer` and `mime` are their own simple canonical form, so the body hash is one SHA-256 over the bytes that
leave; header fields come with their relaxed form. Every name in `OVERSIGNED` is signed once more than it occurs, so that adding
one breaks the signature. `x=` is always set, `l=` never. Keys show in no repr.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

import idna
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from actors.model.errors import InvalidInput, Problem
from actors.model.rendersettings import Identity
from actors.renderer.message.columns import Column, cells

RSA = "rsa-sha256"
ED25519 = "ed25519-sha256"
MIN_RSA_BITS = 2048  # below this receivers such as Gmail no longer count the signature as strong (RFC 8301: at least 1024)
VALID_SECONDS = 7 * 24 * 3600  # longer than any queue keeps a mail, short enough to bound replay (RFC 6376 section 8.6)
OVERSIGNED = (
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "reply-to",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-unsubscribe",
    "list-unsubscribe-post",
)
_SELECTOR = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")
_BLANKS = re.compile(rb"[ \t]{2,}|\t")
_HASH = SHA256()
_PADDING = PKCS1v15()


def relaxed(name: str, lines: Column) -> Column:
    """The relaxed form (RFC 6376 section 3.4.2) of a column of fields that this package wrote: `Name: value CRLF`, folded only
    by CRLF and a blank, no blank before a line end. A field that is left out stays empty."""
    if isinstance(lines, bytes):
        return _relaxed(name, lines)
    rows = cells(lines, len(lines))
    return _relaxed(name, b"\0".join(rows)).split(b"\0") if rows else []


def _relaxed(name: str, joined: bytes) -> bytes:
    joined = b"\0" + joined.replace(b"\r\n ", b" ")
    if b"  " in joined or b"\t" in joined:
        joined = _BLANKS.sub(b" ", joined)
    return joined.replace(b"\0%b: " % name.encode("ascii"), b"\0%b:" % name.lower().encode("ascii"))[1:]


class Signer:
    """Signs with one identity; the key is loaded and checked once, here."""

    def __init__(self, identity: Identity):
        self.domain = _plain_domain(identity)
        self.selector = identity.selector
        self._key = _load(identity)
        self.algorithm = RSA if isinstance(self._key, RSAPrivateKey) else ED25519

    @property
    def record_name(self) -> str:
        """Where receivers look for the key (RFC 6376 section 3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"

    def record(self) -> str:
        """The key record to publish there (RFC 6376 section 3.6.1, RFC 8463 section 4)."""
        public = self._key.public_key()
        if isinstance(public, Ed25519PublicKey):
            return f"v=DKIM1; k=ed25519; p={b64encode(public.public_bytes_raw()).decode()}"
        spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; p={b64encode(spki).decode()}"

    def heading(self, names: Sequence[str], stamp: int) -> "Heading":
        """The part of the signature field that all messages with these field names and this stamp share."""
        first = (
            f" v=1; a={self.algorithm}; c=relaxed/simple; d={self.domain};\r\n"
            f" s={self.selector}; t={stamp}; x={stamp + VALID_SECONDS};\r\n"
        )
        raw = f"DKIM-Signature:{first}{_signed_names(names)};\r\n bh=".encode("ascii")
        return Heading(raw, _relaxed("DKIM-Signature", raw))

    def sign(self, heading: "Heading", fields: bytes, body_hash: bytes) -> bytes:
        """The DKIM-Signature field. `fields`: the relaxed fields in the order that the heading names them."""
        data = b"%b%b%b; b=" % (fields, heading.canonical, body_hash)
        if isinstance(self._key, RSAPrivateKey):
            signature = self._key.sign(data, _PADDING, _HASH)
        else:
            signature = self._key.sign(hashlib.sha256(data).digest())
        text = b64encode(signature)
        cut = b"\r\n ".join([text[i : i + 72] for i in range(0, len(text), 72)])
        return b"%b%b;\r\n b=%b\r\n" % (heading.raw, body_hash, cut)


@dataclass(frozen=True, slots=True)
class Heading:
    """The signature field up to `bh=`, as it leaves and in relaxed form."""

    raw: bytes
    canonical: bytes


def body_hash(body: bytes | memoryview) -> bytes:
    """The value of `bh=`."""
    return b64encode(hashlib.sha256(body).digest())


def signers_for(identities: Sequence[Identity]) -> dict[str, tuple[Signer, ...]]:
    """Signers by From domain, RSA first: a receiver that looks at one signature only should find the one it knows."""
    found: dict[str, list[Signer]] = {}
    for identity in identities:
        signer = Signer(identity)
        found.setdefault(signer.domain, []).append(signer)
    return {domain: tuple(sorted(s, key=lambda x: x.algorithm != RSA)) for domain, s in found.items()}


def _signed_names(names: Sequence[str]) -> str:
    """`h=` folded: the fields in order, then each oversigned name once more."""
    lines, current = [], " h="
    for name in [*(n.lower() for n in names), *OVERSIGNED]:
        if len(current) + len(name) + 1 > 76:
            lines.append(current)
            current = " "
        current += name + ":"
    return "\r\n".join([*lines, current[:-1]])


def _plain_domain(identity: Identity) -> str:
    try:
        domain: str = idna.encode(identity.domain.rstrip("."), uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise InvalidInput((Problem(f"DKIM identity {identity.domain!r}", "has no valid domain"),)) from error
    if not _SELECTOR.fullmatch(identity.selector):
        raise InvalidInput((Problem(f"DKIM identity {identity.domain}", "has no valid selector"),))
    return domain


def _load(identity: Identity) -> RSAPrivateKey | Ed25519PrivateKey:
    place = f"DKIM key {identity.selector}._domainkey.{identity.domain}"
    try:
        key = load_pem_private_key(identity.key_pem, None)
    except (ValueError, TypeError) as error:
        raise InvalidInput((Problem(place, "is no unencrypted PEM private key"),)) from error
    if isinstance(key, RSAPrivateKey):
        if key.key_size < MIN_RSA_BITS:
            raise InvalidInput((Problem(place, f"has {key.key_size} bits; at least {MIN_RSA_BITS} are needed"),))
    elif not isinstance(key, Ed25519PrivateKey):
        raise InvalidInput((Problem(place, "is neither RSA nor Ed25519"),))
    algorithm = RSA if isinstance(key, RSAPrivateKey) else ED25519
    if identity.algorithm and identity.algorithm not in (algorithm, algorithm.removesuffix("-sha256")):
        raise InvalidInput((Problem(place, f"is a key for {algorithm}, not for the configured algorithm"),))
    return key
