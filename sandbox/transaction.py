"""One mail transaction (RFC 5321 section 3.3) as it grows: who writes, to whom, and the content so far. No rules."""

from sandbox.content import Content, unstuff


class Transaction:
    """From MAIL to the end of the message."""

    __slots__ = ("body_asked", "chunked", "content", "last", "missing", "recipients", "sender", "utf8")

    def __init__(self, limit: int):
        self.sender: str | None = None  # None until MAIL
        self.recipients: list[str] = []
        self.utf8 = False
        self.content = Content(limit)
        self.chunked = False  # BDAT has begun
        self.missing = 0  # octets of the present BDAT chunk still to come
        self.last = False  # the present chunk ends the message
        self.body_asked = False  # the rules of the middle of the message were asked

    @property
    def problem(self) -> bytes:
        """Why no message can follow now; the reply."""
        if self.sender is None:
            return b"503 5.5.1 MAIL first"
        return b"" if self.recipients else b"554 5.5.1 no valid recipients"

    def take_chunk(self, octets: bytes) -> bytes:
        """Takes what belongs to the present chunk; gives the rest."""
        piece = octets[: self.missing]
        self.missing -= len(piece)
        self.content.in_chunk(piece, self.missing)
        return octets[len(piece) :]

    def end(self) -> bytes:
        """The whole message as it came; its `content.fault` is known then."""
        return self.content.end_chunks() if self.chunked else self.content.end_data()

    def clear(self, data: bytes) -> bytes:
        """The message as it was meant."""
        return data if self.chunked else unstuff(data)
