"""Debian's PostgreSQL on a socket of its own, for tests: `server()` starts one, `Server.database()` makes an empty database.

It listens on a UNIX socket only and keeps its data in a temporary folder. The server refuses to run as root, so as root it runs
as `postgres` or `nobody`. Without fsync: these tests kill ledgers, not PostgreSQL.
"""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

START_SECONDS = 150.0
_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "max_connections=20")


class Server:
    """A running server; `database()` makes an empty database."""

    def __init__(self, folder: Path, user: str):
        self._folder, self._user, self._numbers = folder, user, itertools.count(1)

    def connect(self, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        """A connection of the test's own."""
        return psycopg.connect(host=str(self._folder), user=self._user, dbname=database, autocommit=True)

    def database(self) -> str:
        """The SQLAlchemy URL of a new database."""
        name = f"test_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql://{self._user}@/{name}?host={self._folder}"


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`; None where PostgreSQL is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    folders += [Path(found).resolve().parent] if found else []
    return next((f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()), None)


@contextmanager
def server() -> Iterator[Server]:
    """Runs a server as long as the block lasts."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    user, prefix = _runner()
    # Socket paths end at 107 bytes, pytest's own temporary folders can be longer.
    folder = Path(tempfile.mkdtemp(prefix="hongyan-pg-"))
    try:
        if prefix:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        data = folder / "data"
        initdb = [*prefix, str(found / "initdb"), "-D", str(data), "-U", user, "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder)
        settings = [part for setting in (*_SETTINGS, f"unix_socket_directories={folder}") for part in ("-c", setting)]
        command = [*prefix, str(found / "postgres"), "-D", str(data), *settings]
        with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as process:
            try:
                running = Server(folder, user)
                _wait(running, process, folder / "log")
                yield running
            finally:
                process.send_signal(signal.SIGQUIT)  # at once: nobody reads this data again
                process.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _runner() -> tuple[str, list[str]]:
    """(user, command prefix) for a program that refuses to be root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name, []
    names = [u.pw_name for u in pwd.getpwall()]
    user = "postgres" if "postgres" in names else "nobody"
    entry = pwd.getpwnam(user)
    return user, ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]


def _wait(running: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            running.connect().close()
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-2000:]}") from error
            time.sleep(0.05)
