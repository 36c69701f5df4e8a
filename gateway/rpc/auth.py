"""API keys: who may call, and as which account. No gRPC here; the guard asks.

A key is `hy_` and 32 random bytes, so its plain SHA-256 is a safe thing to store (there is nothing to guess). The keys file has
one JSON object a line: {"account", "sha256", "created", "note"}. It is read again when it changes, so a key is added or taken
away without a restart. The key itself is shown once, when it is made.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from actors.model.errors import InvalidInput, Problem, Unauthenticated

PREFIX = "hy_"
KEY_SHAPE = re.compile(r"hy_[A-Za-z0-9_-]{43}")  # 32 bytes in base64url
ACCOUNT_SHAPE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")  # a folder of the vault
LOOK_AGAIN_SECONDS = 1.0
REFUSAL = "give a valid API key as metadata `authorization: Bearer KEY`"


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One line of the keys file."""

    account: str
    sha256: str
    created: float = 0.0
    note: str = ""


def new_key() -> str:
    """A fresh key."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(key: str) -> str:
    """What is stored of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def check_account(account: str) -> None:
    """InvalidInput unless the name can be a folder everywhere."""
    if not ACCOUNT_SHAPE.fullmatch(account):
        raise InvalidInput((Problem("account", "is 1 to 63 of a-z, 0-9, - and _, and begins with a letter or digit"),))


def read_entries(file: Path) -> tuple[KeyEntry, ...]:
    """The keys file; InvalidInput names every bad line. A missing file holds no keys."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    entries, problems = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        entry = _entry(line)
        if entry is None:
            problems.append(Problem(file.name, "is no key entry: needs account and sha256", number))
        else:
            entries.append(entry)
    if problems:
        raise InvalidInput(tuple(problems))
    return tuple(entries)


def _entry(line: str) -> KeyEntry | None:
    try:
        entry = KeyEntry(**json.loads(line))
        fits = ACCOUNT_SHAPE.fullmatch(entry.account) and re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
    except (ValueError, TypeError):
        return None
    return entry if fits else None


def add_key(file: Path, account: str, key: str, now: float, note: str = "") -> None:
    """Appends the key's entry, durable when it returns."""
    check_account(account)
    line = json.dumps(asdict(KeyEntry(account, digest(key), round(now, 3), note)), ensure_ascii=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a", encoding="utf-8") as stream:
        stream.write(line + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def write_key_file(file: Path, key: str) -> None:
    """The key in clear for the local command, readable by its owner alone."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(key + "\n")
        stream.flush()
        os.fsync(stream.fileno())


class KeyRing:
    """The keys file, looked at again at most once a second. A file that has become unreadable keeps the keys it had."""

    def __init__(self, file: Path, monotonic: Callable[[], float], complain: Callable[[str], None] = lambda _: None):
        self._file, self._monotonic, self._complain = file, monotonic, complain
        self._entries = read_entries(file)
        self._stamp = self._look()
        self._looked = monotonic()

    def account(self, authorization: str) -> str:
        """The account of `Bearer KEY`; Unauthenticated otherwise. Takes the same time for every wrong key."""
        self._refresh()
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not KEY_SHAPE.fullmatch(key):
            raise Unauthenticated(REFUSAL)
        given, account = digest(key), ""
        for entry in self._entries:
            if hmac.compare_digest(entry.sha256, given):
                account = entry.account
        if not account:
            raise Unauthenticated(REFUSAL)
        return account

    def _look(self) -> tuple[int, int, int]:
        try:
            found = self._file.stat()
        except OSError:
            return (0, 0, 0)
        return (found.st_ino, found.st_size, found.st_mtime_ns)

    def _refresh(self) -> None:
        now = self._monotonic()
        if now - self._looked < LOOK_AGAIN_SECONDS:
            return
        self._looked = now
        stamp = self._look()
        if stamp == self._stamp:
            return
        try:
            self._entries, self._stamp = read_entries(self._file), stamp
        except (InvalidInput, OSError) as error:
            self._complain(f"keys file not read again: {error}")
