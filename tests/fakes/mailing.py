"""A small mailing rendered by a real renderer over a real snapshot: what the tests of messages start from."""

import email
import tempfile
import time
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.policy import default
from typing import Any

import numpy as np

from actors.model.delivery import Envelopes
from actors.model.rendersettings import NO_KEYS, Identity, TemplateKeys, TimeLimit
from actors.model.spec import ContentSpec, DeliverySpec, JobSpec, SenderSpec
from actors.renderer.actor import Renderer
from tests.fakes.snapshot import JOB, write_snapshot
from tests.fakes.vault import FolderVault

PAGE = "<html><body><p>Dear {{ name }},</p><p>鴻雁傳書</p></body></html>\n"


class Mailing:
    """One job; `columns` are the list, with an address for each row made up where none is given."""

    def __init__(
        self,
        content: ContentSpec,
        files: Mapping[str, str | bytes],
        columns: Mapping[str, Sequence[Any]],
        *,
        sender: SenderSpec = SenderSpec("鴻雁銀行 <service@bank.test>", "care@bank.test"),
        identities: Sequence[Identity] = (),
        addresses: Sequence[str | None] | None = None,
        types: Mapping[str, str] = {},
        segment_rows: int = 1000,
        account: str = "",
        keys: TemplateKeys = NO_KEYS,
        limit: TimeLimit | None = None,
        delivery: DeliverySpec = DeliverySpec(),
    ):
        count = len(next(iter(columns.values())))
        self.folder = tempfile.TemporaryDirectory()
        self.vault = FolderVault(self.folder.name)
        self.stamp = int(time.time())
        self.segment_rows = segment_rows
        self.count = count
        made = [f"user{n}@example{n % 3}.test" for n in range(count)]
        spec = JobSpec("mailing", sender, content, delivery=delivery)
        write_snapshot(
            self.vault, spec, files, made if addresses is None else addresses, columns, types, segment_rows, account=account
        )
        self.renderer = Renderer(self.vault, identities, keys=keys, limit=limit)

    def __enter__(self) -> "Mailing":
        return self

    def __exit__(self, *_: object) -> None:
        self.folder.cleanup()

    def envelopes(self, rows: Sequence[int] | None = None, segment: int = 0) -> Envelopes:
        wanted = np.array(range(self.count) if rows is None else rows, np.int64)
        return self.renderer.render(JOB, segment, wanted, np.full(len(wanted), self.stamp, np.int64))

    def messages(self) -> dict[int, bytes]:
        """Each row's bytes."""
        return split(self.envelopes())

    def messages_of(self, rows: Sequence[int]) -> dict[int, bytes]:
        """These rows' bytes, all of one segment."""
        return split(self.envelopes(rows, rows[0] // self.segment_rows))

    def parsed(self) -> dict[int, EmailMessage]:
        """Each row's message as Python's `email` reads it."""
        return {row: parse(data) for row, data in self.messages().items()}


def split(envelopes: Envelopes) -> dict[int, bytes]:
    """The messages by row."""
    bounds = envelopes.offsets.tolist()
    rows = envelopes.rows.tolist()
    return {row: envelopes.data[bounds[i] : bounds[i + 1]].tobytes() for i, row in enumerate(rows)}


def parse(data: bytes) -> EmailMessage:
    """Fails on any defect that the parser noted."""
    message = email.message_from_bytes(data, policy=default)
    assert isinstance(message, EmailMessage)
    for part in message.walk():
        assert not part.defects, part.defects
    return message


def body_text(message: EmailMessage, subtype: str) -> str:
    """The text of a part, line ends as \\n, none at the end."""
    part = message.get_body((subtype,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n").rstrip("\n")
