"""A certificate for the receivers, made new at each start: a small authority of its own and one server certificate from it."""

import datetime
import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM texts. `authority` is what a client has to trust."""

    authority: bytes
    chain: bytes
    key: bytes

    def write(self, folder: Path) -> tuple[Path, Path, Path]:
        """ca.pem, cert.pem and key.pem in the folder; the key for its owner only."""
        paths = folder / "ca.pem", folder / "cert.pem", folder / "key.pem"
        for path, data in zip(paths, (self.authority, self.chain, self.key), strict=True):
            path.touch(0o600 if path.name == "key.pem" else 0o644)
            path.write_bytes(data)
        return paths

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory(prefix="sandbox-tls-") as folder:  # ssl loads from files only
            _, cert, key = self.write(Path(folder))
            context.load_cert_chain(cert, key)
        return context


def make_certificate(
    hostname: str,
    addresses: tuple[str, ...],
    now: datetime.datetime,
    valid: datetime.timedelta = 30 * DAY,
) -> Certificate:
    """A server certificate for the host name and the addresses. A negative `valid` gives an expired one."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox authority")])
    begin, end = now - 60 * DAY, now + valid
    root = (
        _builder(root_name, root_name, root_key.public_key(), begin, now + 30 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:64])])
    names: list[x509.GeneralName] = [x509.DNSName(hostname)]
    names += [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
    leaf = (
        _builder(name, root_name, key.public_key(), begin, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(_usage(sign=False), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem = serialization.Encoding.PEM
    return Certificate(root.public_bytes(pem), leaf.public_bytes(pem), private)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    begin: datetime.datetime,
    end: datetime.datetime,
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)


def _usage(sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=sign, crl_sign=sign, encipher_only=False, decipher_only=False,
    )  # fmt: skip
