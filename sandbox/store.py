"""What becomes of accepted messages: counted, kept in memory, put into a Maildir, or written to a record.

A store takes messages with `add` and makes them safe with `flush`; the adapter flushes before any 250 leaves, once for all
messages that came in together. After crashes the record is the judge: what was answered 250 is in it, also after kill -9.
"""

import hashlib
import itertools
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

MAX_COUNTED_DOMAINS = 50_000  # beyond any list of the tests; random domains beyond it are counted together
OTHER_DOMAINS = "(other)"

_MESSAGE_ID = re.compile(rb"(?im)^message-id:[ \t]*(?:\r\n[ \t]+)?([^\r\n]*)")


@dataclass(frozen=True, slots=True)
class Received:
    """One accepted message; `data` is what RFC 5321 calls the mail data, dots unstuffed, every line ended by CRLF."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    source: str  # the client's IP address
    at: float
    hello: str = ""
    tls: bool = False
    utf8: bool = False  # MAIL carried SMTPUTF8
    chunked: bool = False  # came by BDAT

    @property
    def message_id(self) -> str:
        head = self.data[: self.data.find(b"\r\n\r\n") + 2 or None]
        found = _MESSAGE_ID.search(head)
        return found[1].decode("utf-8", "replace").strip() if found else ""


@dataclass(slots=True)
class Counts:
    """What a receiver saw. `domains`: recipients by domain and by what became of them."""

    connections: int = 0
    open: int = 0
    tls: int = 0
    messages: int = 0
    recipients: int = 0
    bytes: int = 0
    deferred: int = 0  # 4xx replies
    refused: int = 0  # 5xx replies
    dropped: int = 0  # connections closed by a rule
    signed_good: int = 0
    signed_bad: int = 0
    domains: dict[str, list[int]] = field(default_factory=dict)  # accepted, deferred, refused
    replies: Counter[str] = field(default_factory=Counter)  # scripted replies

    def note(self, domain: str, kind: int) -> None:
        """kind: 0 accepted, 1 deferred, 2 refused."""
        found = self.domains.get(domain)
        if found is None:
            if len(self.domains) >= MAX_COUNTED_DOMAINS:
                domain = OTHER_DOMAINS
            found = self.domains.setdefault(domain, [0, 0, 0])
        found[kind] += 1

    def reply(self, code: int) -> None:
        """A 4xx or 5xx reply."""
        if code >= 500:
            self.refused += 1
        elif code >= 400:
            self.deferred += 1

    def settle(self, code: int, recipients: Iterable[str]) -> None:
        """What became of recipients: taken below 400, deferred below 500, else refused."""
        kind = 0 if code < 400 else 1 if code < 500 else 2
        for recipient in recipients:
            self.note(recipient.rpartition("@")[2].lower(), kind)

    def add(self, other: dict[str, Any]) -> None:
        """Adds what another process counted, as `as_json` gave it."""
        for name, value in other.items():
            if name == "domains":
                for domain, (accepted, deferred, refused) in value.items():
                    mine = self.domains.setdefault(domain, [0, 0, 0])
                    mine[:] = [mine[0] + accepted, mine[1] + deferred, mine[2] + refused]
            elif name == "replies":
                self.replies.update(value)
            else:
                setattr(self, name, getattr(self, name) + value)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"replies": dict(self.replies)}


class Store(Protocol):
    """Where accepted messages go. `wants_data`: whether it wants `Received` at all. `flushes`: 250 waits for `flush`."""

    wants_data: bool
    flushes: bool

    def add(self, message: Received) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class Nothing:
    """Messages are counted and forgotten."""

    wants_data = False
    flushes = False

    def add(self, message: Received) -> None:
        pass

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


class Memory(Nothing):
    """Messages stay in a list, for tests."""

    wants_data = True

    def __init__(self) -> None:
        self.messages: list[Received] = []

    def add(self, message: Received) -> None:
        self.messages.append(message)


class Maildir(Nothing):
    """One file a recipient in `<folder>/<domain>/<local part>/new`, whole when it appears (tmp, then rename)."""

    wants_data = True
    _numbers = itertools.count()

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self._made: set[Path] = set()

    def add(self, message: Received) -> None:
        for recipient in message.recipients:
            local, _, domain = recipient.rpartition("@")
            box = self.folder / _file_name(domain.lower()) / _file_name(local)
            if box not in self._made:
                for part in ("tmp", "new", "cur"):
                    (box / part).mkdir(parents=True, exist_ok=True)
                self._made.add(box)
            name = f"{int(message.at)}.P{os.getpid()}Q{next(self._numbers)}.sandbox"
            draft = box / "tmp" / name
            draft.write_bytes(b"Return-Path: <%s>\r\n" % message.sender.encode() + message.data)
            draft.rename(box / "new" / name)


class Record(Nothing):
    """JSON lines, one a recipient: recipient, message_id, size, sha256, at, source, sender. Appended by one write a flush, so
    that several processes can share the file and a killed one loses nothing that it answered 250."""

    wants_data = True
    flushes = True

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._lines: list[str] = []
        self._torn = False

    def add(self, message: Received) -> None:
        common = {
            "message_id": message.message_id,
            "size": len(message.data),
            "sha256": hashlib.sha256(message.data).hexdigest(),
            "at": message.at,
            "source": message.source,
            "sender": message.sender,
        }
        rest = json.dumps(common, ensure_ascii=False)[1:]
        self._lines += [f'{{"recipient": {json.dumps(r, ensure_ascii=False)}, {rest}\n' for r in message.recipients]

    def flush(self) -> None:
        """OSError when the lines cannot be written: none of these messages may be answered 250."""
        if not self._lines:
            return
        data = "".join(self._lines).encode()
        self._lines.clear()
        if self._torn:
            data = b"\n" + data  # the line that a failed write left unfinished must not swallow the next one
        self._torn = True
        while data:
            data = data[os.write(self._file, data) :]
        self._torn = False

    def close(self) -> None:
        os.close(self._file)


def read_record(path: str | Path) -> Iterator[dict[str, Any]]:
    """The lines of a record. A line cut by a crash or a full disk was never answered 250 and is left out."""
    with open(path, "rb") as lines:
        for line in lines:
            if line.endswith(b"}\n") and line.startswith(b"{"):
                yield json.loads(line)


def _file_name(text: str) -> str:
    """An address part as a file name: nothing that leaves the folder."""
    safe = re.sub(r"[^\w.+=-]", "_", text)[:120]
    return safe if safe.strip(".") else f"_{safe}"
