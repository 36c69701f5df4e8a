"""Certificates for tests: an authority, and certificates of it for loopback, valid or long expired."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Pair:
    """PEM files."""

    cert: Path
    key: Path


class Authority:
    """Signs whatever it is asked to; `ca` is its own certificate's file."""

    def __init__(self, folder: Path, name: str = "test authority"):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraint = x509.BasicConstraints(ca=True, path_length=None)
        cert = self._builder(self._name, self._key, 1).add_extension(constraint, critical=True)
        self.ca = folder / f"{name}.pem".replace(" ", "-")
        self.ca.write_bytes(cert.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        start = now - timedelta(days=30)
        found = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key.public_key())
        found = found.serial_number(x509.random_serial_number())
        return found.not_valid_before(start).not_valid_after(now + timedelta(days=days))

    def issue(self, name: str, days: int = 1) -> Pair:
        """For 127.0.0.1 and localhost; negative days: it expired so long ago."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        cert = self._builder(subject, key, days).add_extension(names, critical=False).sign(self._key, hashes.SHA256())
        pair = Pair(self._folder / f"{name}.pem", self._folder / f"{name}-key.pem")
        pair.cert.write_bytes(cert.public_bytes(Encoding.PEM))
        pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return pair
