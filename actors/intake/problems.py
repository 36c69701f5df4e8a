"""Collects what a client must mend, so that a refusal names everything at once.

Every module of intake adds to one `Problems`; whoever ends a stage calls `stop`. No addresses and no row values in a
message that may reach a log: values are quoted only where the client's own control file is spoken about.
"""

import difflib
from collections.abc import Iterable

from actors.model.errors import InvalidInput, Problem

MAX_PROBLEMS = (
    100  # more than a person mends in one go; a list of ten million wrong rows must not become a ten-million-line answer
)


class Problems:
    """An ordered, bounded collection of problems."""

    def __init__(self) -> None:
        self._found: list[Problem] = []
        self.dropped = 0

    def add(self, file: str, message: str, line: int = 0, column: str = "") -> None:
        if len(self._found) < MAX_PROBLEMS:
            self._found.append(Problem(file, message, line, column))
        else:
            self.dropped += 1

    def extend(self, problems: Iterable[Problem]) -> None:
        for p in problems:
            self.add(p.file, p.message, p.line, p.column)

    @property
    def full(self) -> bool:
        return len(self._found) >= MAX_PROBLEMS

    def __len__(self) -> int:
        return len(self._found)

    def stop(self) -> None:
        """Raises InvalidInput if anything was found."""
        if not self._found:
            return
        if self.dropped:
            self._found.append(Problem(self._found[-1].file, f"and at least {self.dropped} more problems of this kind"))
        raise InvalidInput(tuple(self._found))


def refuse(file: str, message: str, line: int = 0, column: str = "") -> InvalidInput:
    """An InvalidInput with one problem, for stages that cannot go on."""
    return InvalidInput((Problem(file, message, line, column),))


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'email'?` or nothing."""
    folded = {k.casefold(): k for k in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f"; did you mean {folded[close[0]]!r}?" if close else ""
