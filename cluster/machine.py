"""Looks at this machine for `hongyan doctor`: disk, addresses, ports, files, limits. Facts go to the rules in `findings`.

Changes nothing but a file of its own that is gone again.
"""

import errno
import os
import resource
import shutil
import socket
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa
from cryptography import x509

from actors.ledger.store import translate
from actors.model.errors import InvalidInput
from cluster import findings
from cluster.config import MIN_TEMPLATE_KEY_BYTES, Config
from cluster.findings import Finding, fail, ok, warn
from cluster.processes import processes_of

CONNECT_SECONDS = 5  # to a database on the same network
MOST_FILES = 2_000  # of the data folder whose times are looked at: logs and ledger, not every snapshot


def data_folder(config: Config) -> Iterator[Finding]:
    """Writable, and with room."""
    data = config.data_dir
    there = next(folder for folder in (data, *data.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        yield fail("data folder", f"{there} cannot be written: {error.strerror}", f"give the user of Hongyan rights on {there}")
        return
    yield ok("data folder", f"{data}" if there == data else f"{data} (the first start makes it)")
    usage = shutil.disk_usage(there)
    yield findings.judge_space("disk", usage.free, usage.total)


def ledger(config: Config) -> Finding:
    """SQLite's version and disk, or whether PostgreSQL answers."""
    url = sa.make_url(config.ledger_url)
    if url.get_backend_name() == "sqlite":
        return findings.judge_sqlite(sqlite3.sqlite_version_info, file_system(Path(url.database or config.data_dir)))
    remedy = "check `ledger` and `ledger_password`, and that the database takes connections from here"
    try:
        engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            poolclass=sa.NullPool,
            connect_args={"connect_timeout": CONNECT_SECONDS},
        )
        with engine.connect() as connection:
            version = connection.exec_driver_sql("show server_version").scalar_one()
            commit = connection.exec_driver_sql("show synchronous_commit").scalar_one()
    except (sa.exc.SQLAlchemyError, OSError) as error:
        return fail("ledger", f"PostgreSQL at {url.host or 'this machine'}: {translate(error)}", remedy)
    except ImportError:
        return fail("ledger", "the driver of PostgreSQL is not installed", "install the extra: pip install '.[postgres]'")
    if commit == "off":
        return fail(
            "ledger", f"PostgreSQL {version} with synchronous_commit=off", "switch it on: a power loss would forget mails"
        )
    return ok("ledger", f"PostgreSQL {version} answers")


def file_system(path: Path) -> str:
    """The type of the file system that a path lies on."""
    found, longest = "", -1
    there = str(path.resolve())
    for line in Path("/proc/mounts").read_text().splitlines():
        _, point, kind, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        if (there == point or there.startswith(point.rstrip("/") + "/")) and len(point) > longest:
            found, longest = kind, len(point)
    return found


def egresses(config: Config) -> Iterator[Finding]:
    """Each sending address that this machine owns can be bound."""
    own = {e.address for e in config.own_egresses}
    for egress in config.egresses:
        check = f"egress {egress.address}"
        if egress.address not in own:
            yield ok(check, f"belongs to node {egress.node or 'of the head'}: ask there")
        elif (why := bind(egress.address, 0)) is None:
            yield ok(check, f"is an address of this machine, says {egress.ehlo}")
        else:
            yield fail(
                check, f"cannot be used: {os.strerror(why)}", f"add {egress.address} to an interface, or mend `egresses`"
            )


def bind(host: str, port: int) -> int | None:
    """What stops a socket from having this address: an errno, or None."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno or errno.EINVAL
    return None


def gateway_port(config: Config) -> Finding:
    """Free, or held by a running system of this data folder."""
    listen = config.gateway.listen
    host, _, port = listen.rpartition(":")
    try:
        number = int(port)
        address = socket.getaddrinfo(host.strip("[]") or "0.0.0.0", number, type=socket.SOCK_STREAM)[0][4]
        why = bind(str(address[0]), number)
    except (OSError, ValueError, OverflowError):
        return fail("gateway port", f"{listen} is no HOST:PORT of this machine", "mend `gateway.listen`")
    if why is None:
        return ok("gateway port", f"{listen} is free")
    if why == errno.EADDRINUSE and processes_of(config.data_dir):
        return ok("gateway port", f"{listen} is held by the system that runs on this data folder")
    return fail(
        "gateway port", f"{listen} cannot be had: {os.strerror(why)}", "end the other program, or change `gateway.listen`"
    )


def certificate(config: Config, now: float) -> Iterator[Finding]:
    """The gateway's TLS: there where it must be, and its days."""
    tls = config.gateway.tls
    listen = findings.judge_listen(config.gateway.listen, tls is not None, config.gateway.allow_plaintext)
    if listen is not None:
        yield listen
    if tls is None:
        return
    for file in [tls.cert, *([tls.client_ca] if tls.client_ca else [])]:
        try:
            chain = x509.load_pem_x509_certificates(config.path(file).read_bytes())
        except (OSError, ValueError):
            yield fail("gateway TLS", f"{file} holds no PEM certificate that can be read", "mend `gateway.tls`")
            continue
        starts, ends = (max(c.not_valid_before_utc for c in chain), min(c.not_valid_after_utc for c in chain))
        yield findings.judge_certificate(str(file), starts.timestamp(), ends.timestamp(), now)
    yield from mode("gateway TLS", config.path(tls.key), secret=True)


def secret_files(config: Config) -> Iterator[Finding]:
    """Files with keys and tokens, those that are there."""
    data = config.data_dir
    token = data / "ray.token"
    if config.ray.address and not token.exists():
        yield fail("Ray token", f"{token} is missing", "copy the head's file there: mode 0600, the same content")
    yield from mode("Ray token", token, secret=True)
    yield from mode("API keys", config.keys_file, secret=False)
    yield from mode("API keys", data / "api.key", secret=True)
    for identity in config.identities:
        if identity.key.startswith("file://"):
            file = config.path(identity.key.removeprefix("file://"))
            yield from mode(f"key of {identity.domain}", file, secret=True)

    for account, keys in config.template_keys.items():
        for name, url in keys.items():
            if url.startswith("file://"):
                yield from mode(f"template key {account}/{name}", config.path(url.removeprefix("file://")), secret=True)
    if config.bounce_key.startswith("file://"):
        yield from mode("bounce key", config.path(config.bounce_key.removeprefix("file://")), secret=True)


def template_keys(config: Config) -> Iterator[Finding]:
    """Whether the keys of templates and of return paths can be read and are long enough."""
    try:
        found = config.template_secrets()
        config.bounce_secret()
    except InvalidInput as error:
        for p in error.problems:
            yield fail(
                p.column,
                p.message,
                f"a secret of {MIN_TEMPLATE_KEY_BYTES} bytes or more, such as `openssl rand -base64 32` makes",
            )
        return
    if found:
        yield ok("template keys", ", ".join(f"{account}: {len(keys)}" for account, keys in found.items()))


def mode(check: str, file: Path, *, secret: bool) -> Iterator[Finding]:
    """Who may read and write a file; nothing when it is missing."""
    try:
        yield findings.judge_mode(check, str(file), stat.S_IMODE(file.stat().st_mode), secret=secret)
    except FileNotFoundError:
        return
    except OSError as error:
        yield warn(check, f"{file} cannot be looked at: {error.strerror}", "call the doctor as the user of Hongyan")


def open_files() -> Finding:
    """The limit that processes started from here inherit."""
    return findings.judge_open_files(*resource.getrlimit(resource.RLIMIT_NOFILE))


def clock(config: Config, now: Callable[[], float]) -> Finding:
    """The time against what is in the data folder."""
    newest, name = 0.0, ""
    for count, file in enumerate(config.data_dir.rglob("*")):
        if count >= MOST_FILES:
            break
        try:
            changed = file.lstat().st_mtime
        except OSError:
            continue  # gone meanwhile
        if changed > newest:
            newest, name = changed, file.name
    return findings.judge_clock(now(), newest, name)
