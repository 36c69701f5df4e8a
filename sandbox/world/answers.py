"""What a receiver of a world says to one step of one delivery: a value with its stage and the rule that spoke.

Nothing decides here. A `None` answer of a policy means that it has no objection.
"""

from typing import NamedTuple

from sandbox.policy import Stage


class Answer(NamedTuple):
    """One answer. `reply` without CRLF at its end; b"" is the usual yes."""

    stage: Stage
    reply: bytes = b""
    delay: float = 0.0  # seconds before it is said
    drop: bool = False  # the connection ends without a word
    rule: str = ""  # what refused: "rate", "greylist", "unknown" and so on; a key of the texts

    @property
    def code(self) -> int:
        return int(self.reply[:3]) if self.reply else 0

    @property
    def yes(self) -> bool:
        return not self.drop and self.code < 400

    @property
    def ends(self) -> bool:
        """The connection is over with it (RFC 5321 section 3.8: 421 closes the channel)."""
        return self.drop or self.reply[:3] == b"421"


READY = Answer(Stage.CONNECT)
ACCEPTED = Answer(Stage.DOT)
