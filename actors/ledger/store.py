"""The database: one connection, its lock against a second ledger, transactions, and the translation of its errors.

Only one thread uses a Store. A failed transaction has done nothing and raises Unavailable; whether a failed *commit* was done
is found out by the ledger, which compares the commit number on disk with its own before it goes on. SQLite before 3.51.3 can
corrupt a WAL file that two connections write: hence the file lock, the exclusive locking mode and the single connection.
"""

import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from actors.ledger.upgrade import PART, prepare
from actors.model.errors import BrokenPromise, Unavailable

log = logging.getLogger(__name__)

# Names the one advisory lock of a PostgreSQL database under which a ledger runs ("Hongyan" in ASCII).
ADVISORY_KEY = 0x486F6E6779616E
# 64 MB: the upserts of a job run through its rows mostly in order, this keeps the pages they come back to.
SQLITE_CACHE_KB = 65_536
# 32 MB of WAL between checkpoints: a checkpoint costs two more fsyncs and writes each changed page once.
SQLITE_WAL_PAGES = 8192

# What the store says, in small letters -> what the operator is told.
_REMEDIES = (
    ("disk is full", "the disk or quota is full; free some space, sending goes on by itself"),
    ("no space left", "the disk or quota is full; free some space, sending goes on by itself"),
    ("could not extend file", "the disk or quota is full; free some space, sending goes on by itself"),
    ("locked", "the database is locked by another program; close it"),
    ("readonly", "the database may not be written; check the owner and mode of its file and folder"),
    ("disk i/o error", "the disk reports an error or a quota is used up"),
    ("unable to open", "the database file cannot be opened; check its folder and rights"),
    ("malformed", "the database file is damaged; restore it from a copy"),
)


def translate(error: Exception) -> Exception:
    """Our error for one of SQLAlchemy's or the driver's. The text never holds values of a statement."""
    if isinstance(error, (sa.exc.IntegrityError, sa.exc.ProgrammingError, sa.exc.DataError)) and not getattr(
        error, "connection_invalidated", False
    ):
        return BrokenPromise(f"the ledger's store refused a statement: {type(error.orig).__name__}")
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    said = lines[0] if lines else type(cause).__name__
    for sign, remedy in _REMEDIES:
        if sign in said.lower():
            return Unavailable(PART, remedy)
    return Unavailable(PART, said[:200])


class Store:
    """One connection to SQLite or PostgreSQL, opened on demand and opened anew after it was lost."""

    def __init__(self, url: str):
        self._url = sa.make_url(url)
        if self._url.get_backend_name() == "postgresql":
            self._url = self._url.set(drivername="postgresql+psycopg")
        self.sqlite = self._url.get_backend_name() == "sqlite"
        self._engine: sa.Engine | None = None
        self._connection: sa.Connection | None = None
        self._lock_file: int | None = None

    @property
    def mark(self) -> str:
        """The driver's placeholder."""
        return "?" if self.sqlite else "%s"

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Commits when the block ends; Unavailable if anything fails, and then nothing was done (see the module's rules)."""
        connection = self.connection()
        try:
            with connection.begin():
                yield connection
        except (sa.exc.SQLAlchemyError, OSError) as error:
            if not self.sqlite or not isinstance(error, sa.exc.DBAPIError):
                self.disconnect()
            raise translate(error) from error

    def connection(self) -> sa.Connection:
        """The connection; makes it, takes the lock and creates the tables if need be."""
        if self._connection is not None:
            return self._connection
        self._lock()
        try:
            self._engine = self._engine or self._make_engine()
            self._connection = self._engine.connect()
            if not self.sqlite:
                self._lock_server(self._connection)
            with self._connection.begin():
                prepare(self._connection)
        except (sa.exc.SQLAlchemyError, OSError) as error:
            self.disconnect()
            raise translate(error) from error
        except BaseException:
            self.disconnect()
            raise
        return self._connection

    def disconnect(self) -> None:
        """Drops the connection; the next use makes a new one."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        for step in (self._unlock_server, sa.Connection.close):
            try:
                step(connection)
            except Exception:  # a connection that is lost cannot be closed in order
                log.debug("ledger: connection was lost")

    def close(self) -> None:
        """Gives up the connection and the lock."""
        self.disconnect()
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    def _make_engine(self) -> sa.Engine:
        arguments: dict[str, Any] = {"check_same_thread": False, "timeout": 1.0} if self.sqlite else {"connect_timeout": 10}
        engine = sa.create_engine(self._url, poolclass=NullPool, connect_args=arguments, hide_parameters=True)
        if self.sqlite:
            sa.event.listen(engine, "connect", _prepare_sqlite)
            sa.event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _lock(self) -> None:
        """One process owns an SQLite file: a lock beside it, held until the process ends."""
        path = self._url.database
        if not self.sqlite or not path or path == ":memory:" or self._lock_file is not None:
            return
        try:
            os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
            handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            # Suppressed addresses and receivers' replies are nobody else's business: made here, with rights for the owner only.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise Unavailable(PART, f"its lock file cannot be made ({error.strerror}); check the folder") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            why = "another process owns this database file; stop that one, or give this one a file of its own"
            raise Unavailable(PART, why) from error
        self._lock_file = handle

    @staticmethod
    def _lock_server(connection: sa.Connection) -> None:
        with connection.begin():
            held = connection.execute(sa.select(sa.func.pg_try_advisory_lock(ADVISORY_KEY))).scalar_one()
        if not held:
            why = "another ledger runs on this PostgreSQL database; stop that one, or give this one a database of its own"
            raise Unavailable(PART, why)

    def _unlock_server(self, connection: sa.Connection) -> None:
        """A busy server notices late that a connection was closed: whoever connects next would still find the lock held."""
        if not self.sqlite:
            connection.rollback()
            connection.execute(sa.select(sa.func.pg_advisory_unlock(ADVISORY_KEY)))
            connection.rollback()


def tuples(connection: sa.Connection, statement: sa.Select[Any]) -> list[tuple[Any, ...]]:
    """All rows as the driver's own tuples, at half the cost of SQLAlchemy's rows."""
    result = connection.execute(statement)
    found = list(result.cursor.fetchall()) if result.cursor is not None else []
    result.close()
    return found


def insert_sql(store: Store, table: sa.Table, names: Sequence[str], rest: str = "") -> str:
    """An INSERT for the driver itself, with tuples: SQLAlchemy's own way through costs more than the statement."""
    columns = ", ".join(f'"{n}"' for n in names)
    return f'INSERT INTO "{table.name}" ({columns}) VALUES ({", ".join([store.mark] * len(names))}) {rest}'


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver opens no transaction by itself
    for pragma in (
        "locking_mode=EXCLUSIVE",
        "journal_mode=WAL",
        "synchronous=FULL",
        f"wal_autocheckpoint={SQLITE_WAL_PAGES}",
        f"cache_size=-{SQLITE_CACHE_KB}",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
