"""DANE for SMTP (RFC 7672): whether a receiver's certificates match the TLSA records of its host. Pure over bytes.

Usage 3 (DANE-EE): the host's own certificate or key, whatever it says of names and dates. Usage 2 (DANE-TA): a certificate that
has issued the host's, which then must be in date and bear the host's name. Others are not usable for SMTP (section 3.1.3).
"""

import datetime
import hashlib
import re
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from actors.model.delivery import Tlsa

EE, TA = 3, 2
MAX_RECORDS = 20
MAX_CHAIN = 10
DIGESTS = {1: hashlib.sha256, 2: hashlib.sha512}
RECORD = re.compile(r"(\d{1,3}) (\d{1,3}) (\d{1,3}) ([0-9a-fA-F ]+)")


def read_records(texts: Sequence[str]) -> tuple[Tlsa, ...]:
    """TLSA records as in a zone file; malformed ones are left out."""
    found = []
    for text in texts[:MAX_RECORDS]:
        match = RECORD.fullmatch(text)
        digits = match[4].replace(" ", "") if match else ""
        if match and len(digits) % 2 == 0:
            found.append(Tlsa(int(match[1]), int(match[2]), int(match[3]), bytes.fromhex(digits)))
    return tuple(found)


def usable(records: Sequence[Tlsa]) -> tuple[Tlsa, ...]:
    """Those that SMTP knows; when none is left TLS is needed, but nothing is verified (RFC 7672 section 2.2)."""
    return tuple(r for r in records if r.usage in (EE, TA) and r.selector in (0, 1) and r.matching in (0, 1, 2))


def matches(records: Sequence[Tlsa], chain: Sequence[bytes], host: str, now: datetime.datetime) -> bool:
    """Whether the chain (DER, the host's own certificate first) is what one of the usable records wants."""
    if not chain:
        return False
    try:
        certificates = [x509.load_der_x509_certificate(der) for der in chain[:MAX_CHAIN]]
    except ValueError:
        return False
    for record in records:
        if record.usage == EE and _is(record, certificates[0]):
            return True
        if record.usage == TA and any(_is(record, c) and _issued(c, certificates, host, now) for c in certificates[1:]):
            return True
    return False


def _is(record: Tlsa, certificate: x509.Certificate) -> bool:
    if record.selector == 0:
        data = certificate.public_bytes(Encoding.DER)
    else:
        data = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = DIGESTS.get(record.matching)
    return (digest(data).digest() if digest else data) == record.data


def _issued(anchor: x509.Certificate, chain: Sequence[x509.Certificate], host: str, now: datetime.datetime) -> bool:
    """Whether the host's certificate leads to the anchor, is in date and bears the host's name."""
    try:
        verifier = PolicyBuilder().store(Store([anchor])).time(now).build_server_verifier(x509.DNSName(host))
        verifier.verify(chain[0], [c for c in chain[1:] if c != anchor])
    except (VerificationError, ValueError):
        return False
    return True
