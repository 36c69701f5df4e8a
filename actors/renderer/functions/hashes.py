"""Hashes and keys: what stands for a value where the value itself must not show. Pure: the same row gives the same bytes.

Texts are taken as UTF-8. The functions with a key get it by its name; see `keys`.
"""

import base64
import hashlib
import hmac
import uuid
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from actors.renderer.functions import keys
from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import bounded, octets, text
from actors.renderer.functions.registry import SETTINGS, prepared, scalar
from actors.renderer.functions.urls import component

FAMILY = "Hashes and keys"
NONCE_BYTES = 12  # NIST SP 800-38D, section 5.2.1.1
_SPACES = {"dns": uuid.NAMESPACE_DNS, "url": uuid.NAMESPACE_URL, "oid": uuid.NAMESPACE_OID, "x500": uuid.NAMESPACE_X500}


@scalar(FAMILY, "sha256('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
def sha256(t: Any) -> str:
    """SHA-256 in hexadecimal. Of short or guessable values it hides nothing: take hmac_sha256 or pseudonym for those."""
    return hashlib.sha256(octets(t, "sha256", "t")).hexdigest()


@prepared(
    FAMILY,
    "hmac_sha256('A123456789', 'demo')",
    "c2f6b47483fec5ecbcf1d40a712ed375e12cb7debdcd45281c11d6939a555893",
    value="t",
)
def hmac_sha256(job: Context, key_id: Any) -> Callable[[Any], str]:
    """HMAC-SHA-256 (RFC 2104) with the named key, in hexadecimal."""
    start = hmac.new(keys.named(job, key_id, "hmac_sha256"), digestmod="sha256")

    def digest(t: Any) -> str:
        mac = start.copy()
        mac.update(octets(t, "hmac_sha256", "t"))
        return mac.hexdigest()

    return digest


@scalar(FAMILY, "base64url('鴻雁?>')", "6bS76ZuBPz4")
def base64url(t: Any) -> str:
    """Base64 in the alphabet of URLs, without padding (RFC 4648, section 5). It hides nothing."""
    return bounded(_base64url(octets(t, "base64url", "t")))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@scalar(FAMILY, "url_encode('a b&c=鴻')", "a%20b%26c%3D%E9%B4%BB")
def url_encode(t: Any) -> str:
    """Percent-encoded for any place of a URL: all but letters, digits and -._~ (RFC 3986)."""
    octets(t, "url_encode", "t")
    return bounded(component(text(t, "url_encode", "t")))


@prepared(
    FAMILY, "encrypt_field('A123456789', 'demo')", "i8YVdDrkzz-PVUo60OHVA-s2VfIzaTSrMeI2RVIqhuuwhxZEOZk", value="t", kind="R"
)
def encrypt_field(job: Context, key_id: Any) -> Callable[[Any], str]:
    """The value under AES-256-GCM with the named key, in the alphabet of URLs; the same row of a job gives the same token."""
    key = keys.named(job, key_id, "encrypt_field")
    cipher = AESGCM(keys.derived(key, "encrypt_field 1"))
    # A nonce from key, job and value: never the same for two values, always the same for one (docs/adr/0026).
    start = hmac.new(keys.derived(key, "encrypt_field 1 nonce"), job.job.encode() + b"\0", "sha256")

    def token(t: Any) -> str:
        value = octets(t, "encrypt_field", "t")
        mac = start.copy()
        mac.update(value)
        nonce = mac.digest()[:NONCE_BYTES]
        return bounded(_base64url(nonce + cipher.encrypt(nonce, value, None)))

    return token


@scalar(FAMILY, "uuid_for('dns', 'bank.example')", "79da7105-f51e-55b5-a983-bd022ed0f167")
def uuid_for(ns: Any, key: Any) -> str:
    """The UUID of a name (version 5, RFC 9562): ns is dns, url, oid, x500 or a UUID of your own."""
    space, name = text(ns, "uuid_for", "ns").strip().lower(), octets(key, "uuid_for", "key")
    found = _SPACES.get(space)
    if found is None:
        try:
            found = uuid.UUID(space)
        except ValueError:
            raise Refused("uuid_for", "ns", "is neither a UUID nor one of dns, url, oid, x500") from None
    return str(uuid.uuid5(found, name.decode()))


@scalar(FAMILY, "crc32('123456789')", "3421780262")
def crc32(t: Any) -> int:
    """CRC-32 (ISO 3309, as in zip and PNG), 0 to 4294967295."""
    return zlib.crc32(octets(t, "crc32", "t"))


SETTINGS["hmac_sha256"] = partial(keys.unknown, function="hmac_sha256")
SETTINGS["encrypt_field"] = partial(keys.unknown, function="encrypt_field")
