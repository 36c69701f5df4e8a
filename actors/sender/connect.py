"""From nothing to a connection that is ready for MAIL: connect, greeting, EHLO, STARTTLS, AUTH; done by aiosmtplib.

Here is what a site's TLS policy and credentials mean. `none`: never TLS. `opportunistic`: TLS when offered, any certificate,
a plain connection when the handshake fails. `required`: TLS or nothing. `verify`: TLS with a certificate for the host's name
or nothing; MTA-STS comes as that. TLSA records, where there are any, take the place of all this (`dane`). Credentials go over
TLS only, whatever the policy. The transport is then handed to our own dialogue (`session`).
"""

import asyncio
import datetime
import ipaddress
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import aiosmtplib

from actors.model.delivery import Host, Reply, Site, Tlsa
from actors.model.sites import Credentials, Egress
from actors.model.states import Stage
from actors.sender.dane import matches, usable
from actors.sender.messages import Features
from actors.sender.replyreader import clean, make_reply

TlsContext = Callable[[bool], ssl.SSLContext]  # verify -> context


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """How long each step may take, in seconds (RFC 5321 section 4.5.3.2)."""

    connect: float = 30.0  # the system's own limit is minutes; other hosts of the site wait for their turn
    greeting: float = 300.0
    ehlo: float = 300.0
    tls: float = 60.0
    mail: float = 300.0
    rcpt: float = 300.0
    data: float = 120.0
    block: float = 180.0  # no progress while a message is written
    dot: float = 600.0
    idle: float = 10.0  # an unused connection is kept this long
    quit: float = 5.0  # nothing depends on the reply


class ConnectFailed(Exception):
    """No connection to this host came about; `reply` is what was said, code 0 when nothing was."""

    def __init__(self, stage: Stage, reply: Reply):
        super().__init__(stage, reply)
        self.stage, self.reply = stage, reply

    def __str__(self) -> str:
        return f"{self.stage}: {self.reply.code}"


class TlsFailed(ConnectFailed):
    """The handshake failed; a plain connection may be tried where the policy allows it."""


@dataclass(frozen=True, slots=True)
class Connection:
    """An open transport after EHLO, what the receiver offered, and how the connection is secured: "TLSv1.3 CIPHER verified"."""

    transport: asyncio.Transport
    features: Features
    tls: str = ""


def client_context(verify: bool) -> ssl.SSLContext:
    """The default TLS context: TLS 1.2 or newer; without `verify` any certificate will do (RFC 7435)."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Connector:
    """Opens connections from one egress."""

    def __init__(self, egress: Egress, limits: TimeLimits, credentials: dict[str, Credentials], tls_context: TlsContext):
        self._egress, self._limits = egress, limits
        self._credentials = credentials
        self._tls_context = tls_context
        self._contexts: dict[bool, ssl.SSLContext] = {}

    async def open(self, site: Site, host: Host, address: str, plain: bool = False, tlsa: Sequence[Tlsa] = ()) -> Connection:
        """Connects to one address of a host. `plain`: without TLS where the policy allows it; `tlsa`: the host's records, which
        decide alone how it is verified (RFC 7672 section 2.2). Raises ConnectFailed."""
        policy = "required" if site.auth and site.tls in ("none", "opportunistic") else site.tls
        if tlsa:
            policy = "dane"
        sock = await self._connect(address, host.port)
        client = aiosmtplib.SMTP(
            hostname=None, port=None, sock=sock, local_hostname=self._egress.ehlo, use_tls=False, start_tls=False
        )
        stage = Stage.GREETING
        try:
            await client.connect(timeout=self._limits.greeting)
            stage = Stage.EHLO
            await _hello(client, self._limits.ehlo)
            tls = ""
            if policy != "none" and not (plain and policy == "opportunistic"):
                stage = Stage.STARTTLS
                tls = await self._start_tls(client, policy, host.name, usable(tlsa), "sts" if site.sts else "verified")
            if site.auth:
                stage = Stage.AUTH
                await self._log_in(client, site.auth, bool(tls))
            return _take_over(client, site, tls)
        except ConnectFailed:
            _close(client, sock)
            raise
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            _close(client, sock)
            raise ConnectFailed(stage, _told(error)) from error
        except asyncio.CancelledError:
            _close(client, sock)
            raise

    async def _connect(self, address: str, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.bind((self._egress.address, 0))
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(self._limits.connect):  # not wait_for: before Python 3.12 it can swallow a cancellation
                await loop.sock_connect(sock, (address, port))
        except (OSError, TimeoutError) as error:
            sock.close()
            raise ConnectFailed(Stage.CONNECT, _told(error)) from error
        except asyncio.CancelledError:
            sock.close()
            raise
        return sock

    async def _start_tls(self, client: aiosmtplib.SMTP, policy: str, host: str, tlsa: Sequence[Tlsa], verified: str) -> str:
        """How the connection is secured now; empty if it is not. Nothing that was read before the handshake counts after it."""
        if not client.supports_extension("starttls"):
            if policy == "opportunistic":
                return ""
            raise ConnectFailed(Stage.STARTTLS, Reply(0, "TLS is required and not offered"))
        verify = policy == "verify"
        if verify not in self._contexts:
            self._contexts[verify] = self._tls_context(verify)
        try:
            await client.starttls(
                server_hostname=host, tls_context=self._contexts[verify], validate_certs=verify, timeout=self._limits.tls
            )
            if tlsa and not matches(tlsa, _chain(client), host, datetime.datetime.now(datetime.UTC)):
                raise ConnectFailed(Stage.STARTTLS, Reply(0, "TLS: the certificate matches none of the host's TLSA records"))
            await _hello(client, self._limits.ehlo)
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ssl.CertificateError) as error:
            raise TlsFailed(Stage.STARTTLS, _told(error)) from error
        cipher, version, _ = client.get_transport_info("cipher") or ("", "", 0)
        how = verified if verify else "dane" if tlsa else "unverified"
        return clean(f"{version} {cipher} {how}")

    async def _log_in(self, client: aiosmtplib.SMTP, name: str, tls: bool) -> None:
        known = self._credentials.get(name)
        if known is None:
            raise ConnectFailed(Stage.AUTH, Reply(0, "no credentials of this name in the config"))
        if not tls or client.get_transport_info("sslcontext") is None:
            raise ConnectFailed(Stage.AUTH, Reply(0, "credentials are sent over TLS only"))
        await client.login(known.user, known.password, timeout=self._limits.ehlo)


async def _hello(client: aiosmtplib.SMTP, limit: float) -> None:
    """EHLO, or HELO where that is not known (RFC 5321 section 3.2)."""
    try:
        await client.ehlo(timeout=limit)
    except aiosmtplib.SMTPHeloError as error:
        if error.code not in (500, 501, 502, 504):
            raise
        await client.helo(timeout=limit)


def _chain(client: aiosmtplib.SMTP) -> list[bytes]:
    """The receiver's certificates in DER, its own first. Before Python 3.13 a private method gives those of the issuers."""
    secured = client.get_transport_info("ssl_object")
    own = secured.getpeercert(binary_form=True) if secured is not None else None
    if not own:
        return []
    ask = getattr(secured, "get_unverified_chain", None) or secured._sslobj.get_unverified_chain
    others = [c if isinstance(c, bytes) else ssl.PEM_cert_to_DER_cert(c.public_bytes()) for c in ask() or ()]
    return [own, *others[1:]]


def _take_over(client: aiosmtplib.SMTP, site: Site, tls: str) -> Connection:
    """The client's transport. Bytes that it has read and nobody asked for mean that replies are out of step."""
    protocol, transport = client.protocol, cast(asyncio.Transport | None, client.transport)
    if protocol is None or transport is None or transport.is_closing():
        raise ConnectFailed(Stage.EHLO, Reply(0, "connection lost"))
    if protocol._buffer:  # no public way to ask; aiosmtplib is pinned below 6
        raise ConnectFailed(Stage.EHLO, Reply(0, "unsolicited reply"))
    features = Features.of(client.esmtp_extensions, site.chunking, bool(tls))
    return Connection(transport, features, tls)


def _close(client: aiosmtplib.SMTP, sock: socket.socket) -> None:
    transport = cast(asyncio.Transport | None, client.transport)
    if transport is not None:
        transport.abort()
    client.close()
    sock.close()


def _told(error: BaseException) -> Reply:
    """What a failed step tells, as a Reply."""
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 200:
        return make_reply(error.code, str(error.message))
    if isinstance(error, TimeoutError):
        return Reply(0, "timed out")
    if isinstance(error, ssl.SSLError):
        return Reply(0, clean(f"TLS: {error.reason or type(error).__name__}"))
    if isinstance(error, OSError) and error.strerror:
        return Reply(0, clean(error.strerror))
    return Reply(0, clean(f"connection failed: {type(error).__name__}"))


def same_family(address: str, other: str) -> bool:
    """Whether two IP addresses are of one version: an egress reaches only its own."""
    return ipaddress.ip_address(address).version == ipaddress.ip_address(other).version
