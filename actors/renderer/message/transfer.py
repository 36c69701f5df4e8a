"""Transfer encodings of text parts (RFC 2045 section 6), laid out once a job: `quotedprintable` and `base64parts`.

What they write has by construction: 76 characters a line at most, only CRLF line ends, no blank before one, no dot at the
start of a line, no byte above 126. So the same bytes serve DATA and BDAT, and DKIM's body canonicalisations change nothing.
"""

import re
from collections.abc import Collection, Sequence
from typing import Protocol

from actors.renderer.message.base64parts import Base64
from actors.renderer.message.columns import Column, Failed, Piece
from actors.renderer.message.quotedprintable import QuotedPrintable

_QP_LITERAL = re.compile(r"[^\0\t\r\n -<>-~]+")


class Encoder(Protocol):
    """The layout of one text part."""

    name: str

    def encode(self, pieces: Sequence[Piece], n: int, failed: Failed) -> list[Column]:
        """Encoded columns in order. Concatenated they are whole lines, the last one ended and, in quoted-printable, not empty:
        what DKIM's canonicalisation would take away at the end is not there."""
        ...


def encoder(statics: Sequence[str], closing: Collection[int] = (), sample: str = "") -> Encoder:
    """Whichever encoding makes the static text smaller. `closing`: the statics that follow a slot (`Plan.closing`). `sample`
    decides where a plan has no static stretches."""
    text = "".join(statics) or sample
    wide = sum(len(run.encode()) for run in _QP_LITERAL.findall(text))
    size = len(text.encode())
    return Base64(statics) if size + 2 * wide > size * 4 / 3 else QuotedPrintable(statics, closing)
