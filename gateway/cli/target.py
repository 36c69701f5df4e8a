"""Which gateway a command talks to, and with which key.

`--server` or HONGYAN_SERVER, else the config's `gateway.listen`; `--key-file` or HONGYAN_KEY_FILE, else the key that a first
start on loopback has left in the data folder. HONGYAN_CA, HONGYAN_CERT and HONGYAN_CERT_KEY name PEM files for TLS and mTLS.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hongyan_client import Client
    from hongyan_client.channel import Tls

LOCAL_KEY = "api.key"  # in the data folder
PATIENCE_SECONDS = 10.0  # a restart of the gateway takes a few; a person who waits longer wants to know why

ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Config file; default: $HONGYAN_CONFIG or ./hongyan.yaml.")
]
Server = Annotated[
    str, typer.Option("--server", envvar="HONGYAN_SERVER", help="HOST:PORT of the gateway; default: as in hongyan.yaml.")
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", envvar="HONGYAN_KEY_FILE", help="File with the API key; default: this machine's own."),
]


def client_for(config_file: Path | None = None, server: str = "", key_file: Path | None = None) -> "Client":
    """A client for the chosen gateway; HongyanClientError or InvalidInput when something is missing."""
    from hongyan_client import Client
    from hongyan_client.channel import Tls

    address, local_key = server, key_file
    tls = tls_from(os.environ)
    if not (address and local_key):
        from cluster.config import load

        config = load(config_file)
        address = address or reachable(config.gateway.listen)
        local_key = local_key or config.data_dir / LOCAL_KEY
        if tls is None and not server and config.gateway.tls is not None:
            tls = Tls()
    return Client(address, read_key(local_key), tls=tls, patience=PATIENCE_SECONDS)


def read_key(file: Path) -> str:
    """The key in a file."""
    from hongyan_client.errors import HongyanClientError, problem

    try:
        lines = file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        remedy = "start the system once with `hongyan up`, or name your key with --key-file or HONGYAN_KEY_FILE"
        found = problem(str(file), f"no API key there ({why}): {remedy}")
        raise HongyanClientError("INVALID_ARGUMENT", found.message, (found,)) from error
    if len(lines) != 1 or not lines[0].startswith("hy_"):
        found = problem(str(file), "should hold one API key, which begins with hy_")
        raise HongyanClientError("INVALID_ARGUMENT", found.message, (found,))
    return lines[0]


def reachable(listen: str) -> str:
    """Where to call a gateway that listens there: on all addresses means this machine."""
    host, _, port = listen.rpartition(":")
    return f"127.0.0.1:{port}" if host in ("0.0.0.0", "[::]", "") else listen


def tls_from(environ: "os._Environ[str] | dict[str, str]") -> "Tls | None":
    """TLS files, None when none is named."""
    from hongyan_client.channel import Tls

    ca, cert, key = (Path(environ[n]) if environ.get(n) else None for n in ("HONGYAN_CA", "HONGYAN_CERT", "HONGYAN_CERT_KEY"))
    return Tls(ca, cert, key) if ca or cert else None
