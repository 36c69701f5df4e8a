"""What the renderer shows of a row and of a slot. Values only: whoever is shown them imports nothing that renders."""

from dataclasses import dataclass, field

from actors.model.states import RowState


@dataclass(frozen=True, slots=True)
class RowPreview:
    """One row as it would leave: the finished message, its texts before encoding, and the row's list values as text."""

    row: int
    state: RowState
    reason: str
    message: bytes = field(repr=False)  # a trace of Ray or a log that shows this object shows nothing of the row
    subject: str = field(repr=False)
    html: str = field(repr=False)
    text: str = field(repr=False)
    values: dict[str, str] = field(repr=False)
    return_path: str = ""
    dsn: str = ""  # the notifications that are asked for


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot or statement. `part`: subject, preheader, html, text, `header X`, `attachment 1 file`, `attachment 1 name`.
    `file` is where it is written, with `line` from 1; of a text part made from the HTML, the line of the made text.
    `how`: "column" or "row by row", then with the reason."""

    part: str
    file: str
    line: int
    source: str
    how: str
    reason: str = ""
    type: str = ""  # of its values in the sample
    kernel: str = ""  # what works it out
    rate: int = 0  # rows of the sample a second; 0 where none came there
