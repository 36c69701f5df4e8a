"""Where and how the gateway listens: address, TLS, mTLS. Refuses what would put keys on a network in clear.

Reads certificate files; opens no socket.
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from actors.model.errors import InvalidInput, Problem


@dataclass(frozen=True, slots=True)
class Listen:
    """`address` is HOST:PORT, port 0 for any. With `client_ca`, clients must show a certificate of it (mTLS)."""

    address: str = "127.0.0.1:7800"
    cert: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    allow_plaintext: bool = False

    @property
    def host(self) -> str:
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def loopback(self) -> bool:
        """Only this machine can reach it. A name other than localhost may mean anything."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def credentials(listen: Listen, now: datetime | None = None) -> grpc.ServerCredentials | None:
    """TLS credentials, None for plain text; InvalidInput names every problem, also a certificate that has expired."""
    if listen.cert is None or listen.key is None:
        if not (listen.loopback or listen.allow_plaintext):
            remedy = "outside loopback give gateway.tls, or set gateway.allow_plaintext if something in front does TLS"
            raise InvalidInput((Problem("gateway.listen", remedy),))
        return None
    problems: list[Problem] = []
    cert = _pem(listen.cert, problems, now or datetime.now(UTC))
    key = _key(listen.key, problems)
    ca = _pem(listen.client_ca, problems, now or datetime.now(UTC)) if listen.client_ca else None
    if not problems:
        _check_pair(cert, key, listen, problems)
    if problems:
        raise InvalidInput(tuple(problems))
    return grpc.ssl_server_credentials([(key, cert)], root_certificates=ca, require_client_auth=ca is not None)


def _pem(file: Path, problems: list[Problem], now: datetime) -> bytes:
    try:
        data = file.read_bytes()
        first = x509.load_pem_x509_certificates(data)[0]
    except OSError as error:
        problems.append(Problem(file.name, f"cannot be read: {error.strerror}"))
        return b""
    except ValueError:
        problems.append(Problem(file.name, "holds no PEM certificate"))
        return b""
    if first.not_valid_after_utc < now:
        problems.append(Problem(file.name, f"the certificate expired on {first.not_valid_after_utc:%Y-%m-%d}: renew it"))
    elif first.not_valid_before_utc > now:
        problems.append(Problem(file.name, f"the certificate is valid only from {first.not_valid_before_utc:%Y-%m-%d}"))
    return data


def _key(file: Path, problems: list[Problem]) -> bytes:
    try:
        data = file.read_bytes()
        load_pem_private_key(data, None)
    except OSError as error:
        problems.append(Problem(file.name, f"cannot be read: {error.strerror}"))
    except (ValueError, TypeError):
        problems.append(Problem(file.name, "holds no PEM private key without password"))
    else:
        return data
    return b""


def _check_pair(cert: bytes, key: bytes, listen: Listen, problems: list[Problem]) -> None:
    public = x509.load_pem_x509_certificates(cert)[0].public_key()
    if load_pem_private_key(key, None).public_key() != public:
        assert listen.key is not None
        problems.append(Problem(listen.key.name, "is not the key of the certificate"))
